"""Objects and delete markers with moto's interface, but in less memory.

moto's `FakeKey` opens a SpooledTemporaryFile, a lock and an ACL for every object, keeps each one in a list for ever and
warns when it is collected. `ObjectVersion` keeps the bytes, and class attributes for values at their default: about 1 KB
beside the data. Bodies above `SPILL_BYTES` go to an unlinked file, so that a copy of a large object doesn't live in
memory.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
import threading
from datetime import UTC, datetime
from typing import Any, Self

from moto.s3 import models, utils

from windlass_local.s3.sorted_names import SortedNames

SPILL_BYTES = 16 * 1024 * 1024
_CAN_SPILL = hasattr(os, "pread")
_FIRST_STATE = datetime(2006, 3, 14)  # noqa: DTZ001 - moto compares it with naive times


def now() -> datetime:
    """Return the time as moto keeps it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_version_id() -> str:
    """Return a fresh version id: 32 characters, as S3's, and safe on a command line."""
    return secrets.token_hex(16)


class SpilledBytes:
    """The bytes of a large object in a file that has no name."""

    __slots__ = ("_fd", "size")

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._fd, path = tempfile.mkstemp(prefix="windlass-s3-")
        os.unlink(path)  # noqa: PTH108 - the descriptor is all we keep
        view, at = memoryview(data), 0
        while at < len(view):
            at += os.write(self._fd, view[at : at + (1 << 24)])

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes of [start, stop)."""
        return os.pread(self._fd, max(stop - start, 0), start)

    def __del__(self) -> None:
        os.close(self._fd)


class ObjectVersion(models.FakeKey):
    """One version of one object."""

    _transitions: Any = ((None, "IN_PROGRESS"), ("IN_PROGRESS", "RESTORED"))
    _status: str | None = None
    _tick = 0
    _time_progressed = _FIRST_STATE
    model_name = "s3::keyrestore"
    partition: str = "aws"
    acl: Any = None
    website_redirect_location: str | None = None
    checksum_algorithm: str | None = None
    checksum_value: str | None = None
    checksum_type: str | None = None
    checksum_parts: int | None = None
    _storage_class: str = "STANDARD"
    _expiry: datetime | None = None
    _is_versioned: bool = False
    _data: bytes | SpilledBytes = b""
    multipart: Any = None
    bucket_name: str | None = None
    disposed: bool = False
    encryption: str | None = None
    kms_key_id: str | None = None
    bucket_key_enabled: Any = None
    customer_key_md5: str = ""
    lock_mode: str | None = None
    lock_legal_status: str | None = None
    lock_until: str | None = None
    part_sizes: tuple[int, ...] = ()
    replication_status: str | None = None
    restore_ready_at: datetime | None = None
    restore_expires_at: datetime | None = None

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Create the object without adding it to moto's list of all objects."""
        return object.__new__(cls)

    def __init__(self, name: str, value: bytes, account_id: str, region_name: str, **kept: Any) -> None:
        self.name = name
        self.account_id = account_id
        self.region_name = region_name
        self.last_modified = now()
        self._etag = kept.pop("etag", None)
        self._version_id = kept.pop("version_id", None)
        self._metadata: dict[str, Any] = {"content-type": "binary/octet-stream"}
        storage = kept.pop("storage", None)
        if storage and storage != "STANDARD":
            self._storage_class = storage
        if kept.pop("is_versioned", False):
            self._is_versioned = True
        kept.pop("max_buffer_size", None)
        for field, argument in kept.items():
            if argument is not None:
                setattr(self, field, argument)
        self.value = value

    @property
    def value(self) -> bytes:
        """Return the object's bytes."""
        data = self._data
        return data if isinstance(data, bytes) else data.read(0, data.size)

    @value.setter
    def value(self, new_value: bytes | str) -> None:
        data = new_value.encode() if isinstance(new_value, str) else bytes(new_value)
        self.contentsize = len(data)
        if self._etag is None:
            self._etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self._data = SpilledBytes(data) if _CAN_SPILL and len(data) > SPILL_BYTES else data

    def share(self, source: ObjectVersion, etag: str) -> None:
        """Take the bytes of another object without copying them: they never change."""
        self._data, self.contentsize, self._etag = source._data, source.contentsize, etag

    def seal_etag(self) -> None:
        """Make the ETag opaque, like that of an object encrypted with a KMS key: not a digest of the content.

        The number of an upload's parts stays. Source: S3 API reference, "Object" (ETag).
        """
        parts = str(self._etag).partition("-")[2]
        self._etag = secrets.token_hex(16) + (f"-{parts}" if parts else "")

    def number(self, version_id: str, *, versioned: bool) -> None:
        """Set the version id that the bucket assigned."""
        self._version_id = version_id
        if versioned:
            self._is_versioned = True

    @property
    def metadata_headers(self) -> dict[str, Any]:
        """Return the metadata as headers, names in lower case."""
        return self._metadata

    @metadata_headers.setter
    def metadata_headers(self, headers: dict[str, Any]) -> None:
        self._metadata = headers

    @property
    def shows_version(self) -> bool:
        """True when responses name the version: it was put while versioning was enabled or suspended."""
        return self._is_versioned or self._version_id != "null"

    def part(self, start: int, stop: int) -> bytes:
        """Return the bytes of [start, stop)."""
        data = self._data
        return data[start:stop] if isinstance(data, bytes) else data.read(start, stop)

    @property
    def etag(self) -> str:
        """Return the ETag with its quotes."""
        return f'"{self._etag}"'

    def set_metadata(self, metadata: Any, replace: bool = False) -> None:
        """Set the metadata from headers; names are kept in lower case, `aws-chunked` is no content encoding."""
        if replace:
            self._metadata = {}
        for name, value in metadata.items():
            folded = name.lower()
            if folded == "content-encoding":
                value = ",".join(entry for entry in value.split(",") if entry.strip() != "aws-chunked")
                if not value:
                    continue
            self._metadata[folded] = value

    def dispose(self, garbage: bool = False) -> None:  # noqa: ARG002 - moto's signature
        """Do nothing: the bytes are freed with the last reference."""
        self.disposed = True

    def __del__(self) -> None:
        """Do nothing: moto's would warn."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_data": self.value}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.value = state["_data"]


class DeleteMarker(models.FakeDeleteMarker):
    """A delete marker; `version_id` is "null" where versioning is suspended."""

    replication_status: str | None = None
    restore_ready_at: datetime | None = None
    restore_expires_at: datetime | None = None

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Create the marker without adding it to moto's list of all markers."""
        return object.__new__(cls)

    def __init__(self, key: Any = None, *, name: str = "", version_id: str = "") -> None:
        self.key = key
        self.name = name or key.name
        self.last_modified = now()
        self._version_id = version_id or new_version_id()

    def dispose(self, garbage: bool = False) -> None:
        """Do nothing: a marker has no bytes."""


class IndexedKeyStore(utils._VersionedKeyStore):  # noqa: SLF001 - the store of moto's buckets
    """Key name -> versions (oldest first), with the names in order beside it.

    `lock` is held during each change and during a page of a listing, because moto's own threads write here, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names = SortedNames()
        self.lock = threading.RLock()

    def setlist(self, key: str, list_: Any) -> None:
        """Replace the versions of a key; none takes the key out."""
        versions: list[Any] = list(list_) if isinstance(list_, (list, tuple)) else [list_]
        with self.lock:
            if not versions:
                self.pop(key)
                return
            if key not in self:
                self.names.add(key)
            dict.__setitem__(self, key, versions)

    def __setitem__(self, key: str, value: Any) -> None:
        with self.lock:
            self.setlist(key, [*self.getlist(key, []), value])

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key with all its versions. Raises KeyError when it does not exist and no default is given."""
        with self.lock:
            self.names.discard(key)
            return dict.pop(self, key, *default)

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def versions(self, key: str) -> list[Any]:
        """Return the versions of a key, newest first."""
        result: list[Any] = dict.get(self, key) or []
        return result[::-1]

    def current(self, key: str) -> Any:
        """Return the newest version (an object or a delete marker), or None."""
        result: list[Any] | None = dict.get(self, key)
        return result[-1] if result else None

    def item_size(self) -> int:
        """Return the bytes of all versions (moto gives this to CloudWatch as BucketSizeBytes)."""
        with self.lock:
            lists: list[list[Any]] = list(dict.values(self))
            return sum(getattr(version, "contentsize", 0) for versions in lists for version in versions)

    def __reduce__(self) -> Any:
        # moto deep-copies parts of a bucket; a lock cannot be copied, and the index follows from the keys.
        return _restored, (list(self._iterlists()),)


def _restored(lists: list[tuple[str, list[Any]]]) -> IndexedKeyStore:
    store = IndexedKeyStore()
    for key, versions in lists:
        store.setlist(key, versions)
    return store
