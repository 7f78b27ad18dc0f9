"""Customer keys (SSE-C) of buckets: where they are stored, and the headers that send them to S3.

A key is read when a copy starts, is held as a `Secret`, and is sent only with the operations that need it. It appears
in no argument, log, report or store. Source: S3 user guide, "Specifying server-side encryption with customer-provided
keys".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from windlass.core.access import Access
from windlass.core.errors import ConfigError
from windlass.core.secret import Secret
from windlass.estate.config import is_loopback
from windlass.replication.config import CustomerKeyConfig
from windlass.replication.model import BucketRef, Pair

__all__ = ["NO_KEYS", "OTHER_ENCRYPTION", "CustomerKey", "CustomerKeys", "PairKeys"]

OTHER_ENCRYPTION = frozenset({"400", "InvalidRequest"})
"""Error codes of S3 for a key that the object does not have, and for a missing key. A HEAD returns only the status."""
_KEY_BYTES = 32
_OWN = "x-amz-server-side-encryption-customer-"
_OF_SOURCE = "x-amz-copy-source-server-side-encryption-customer-"
_READS = ("GetObject", "HeadObject")
_WRITES = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
_COPIES = ("CopyObject", "UploadPartCopy")

Headers = tuple[tuple[str, Secret], ...]


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A 32-byte key in the form that S3 takes: its base64, and the base64 of its MD5."""

    key: Secret
    md5: Secret

    @classmethod
    def of(cls, secret: bytes, origin: str) -> Self:
        """Return the key for 32 bytes or their base64. ConfigError, which names only `origin`, for anything else."""
        if len(secret) != _KEY_BYTES:
            try:
                secret = base64.b64decode(secret.strip(), validate=True)
            except binascii.Error:
                secret = b""
        if len(secret) != _KEY_BYTES:
            raise ConfigError(
                f"the customer key in {origin} is not a 256-bit key",
                hint="Give 32 bytes or their base64: openssl rand -base64 32.",
                code="InvalidCustomerKey",
            )
        digest = hashlib.md5(secret, usedforsecurity=False).digest()
        return cls(*(Secret(base64.b64encode(data).decode()) for data in (secret, digest)))

    def headers(self, prefix: str = _OWN) -> Headers:
        """Return the three headers that send the key."""
        return (
            (f"{prefix}algorithm", Secret("AES256")),
            (f"{prefix}key", self.key),
            (f"{prefix}key-md5", self.md5),
        )


@dataclass(frozen=True, slots=True)
class PairKeys:
    """The customer keys of a pair's two buckets; None where objects have none."""

    source: CustomerKey | None = None
    destination: CustomerKey | None = None

    def __bool__(self) -> bool:
        return self.source is not None or self.destination is not None

    def reading(self, access: Access) -> Access:
        """Return the access that reads the source. ConfigError when a key would be sent over plain HTTP."""
        key_headers = self.source.headers() if self.source is not None else ()
        return _with_headers(access, dict.fromkeys(_READS, key_headers))

    def writing(self, access: Access) -> Access:
        """Return the access that writes, copies to and compares the destination. ConfigError when a key would be sent
        over HTTP.
        """
        key_headers = self.destination.headers() if self.destination is not None else ()
        copied = self.source.headers(_OF_SOURCE) if self.source is not None else ()
        return _with_headers(
            access, dict.fromkeys((*_READS, *_WRITES), key_headers) | dict.fromkeys(_COPIES, key_headers + copied)
        )


NO_KEYS = PairKeys()


@dataclass(frozen=True, slots=True)
class CustomerKeys:
    """The customer keys that the configuration names. `environ` holds the variables of `key_env`."""

    configs: Sequence[CustomerKeyConfig] = ()
    environ: Mapping[str, str] | None = None

    def covers(self, pair: Pair) -> bool:
        """True when a key is configured for one of the pair's buckets. Reads no key."""
        return any(self.sides(pair))

    def sides(self, pair: Pair) -> tuple[bool, bool]:
        """Return whether a key is configured for the source, and for the destination."""
        return self._config(pair.source) is not None, self._config(pair.destination) is not None

    def of(self, pair: Pair) -> PairKeys:
        """Return the pair's keys. ConfigError, which names the file or variable, when one cannot be read."""
        return PairKeys(self._key(pair.source), self._key(pair.destination))

    def _config(self, place: BucketRef) -> CustomerKeyConfig | None:
        return next((config for config in self.configs if fnmatchcase(place.name, config.bucket)), None)

    def _key(self, place: BucketRef) -> CustomerKey | None:
        config = self._config(place)
        if config is None:
            return None
        if config.key_env:
            text = (self.environ or {}).get(config.key_env, "")
            if not text:
                raise _missing(place, f"variable {config.key_env}", "Set it to the key's base64.")
            return CustomerKey.of(text.encode(), config.key_env)
        try:
            return CustomerKey.of(Path(config.key_file).expanduser().read_bytes(), config.key_file)
        except OSError as error:
            hint = "Check [[replication.customer_keys]] and the permissions of the file."
            raise _missing(place, f"{config.key_file} ({error.strerror})", hint) from None


def _missing(place: BucketRef, origin: str, hint: str) -> ConfigError:
    return ConfigError(
        f"the customer key of {place.name} cannot be read: {origin}", hint=hint, code="MissingCustomerKey"
    )


def _with_headers(access: Access, headers: Mapping[str, Headers]) -> Access:
    operation_headers = {operation: pairs for operation, pairs in headers.items() if pairs}
    if not operation_headers:
        return access
    if not access.endpoint_url.startswith("https://") and not is_loopback(access.endpoint_url):
        raise ConfigError(
            f"customer keys are sent over HTTPS only, and the endpoint is {access.endpoint_url}",
            hint="S3 refuses customer keys over HTTP, and others on the network could read them: use an https endpoint.",
            code="InsecureCustomerKey",
        )
    return replace(access, operation_headers=operation_headers)
