"""A direct mover of few lines: both sides listed and merged, what is missing copied server-side from threads.

It keeps no journal (a second run lists again and copies what is still missing) and does not pace itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from windlass.core.errors import Interrupted, UsageError, WindlassError
from windlass.core.pool import map_bounded
from windlass.estate.service import Estate
from windlass.replication.listing import FROZEN, Doors
from windlass.replication.model import MAX_COPY_BYTES, Pair, Trouble
from windlass.replication.movers.direct import Compared, Moved, Tell
from windlass.wire import s3
from windlass.wire.listing import Listed

__all__ = ["InProcess", "part_ranges"]

_AT_ONCE = 64
_PARTS_AT_ONCE = 8
_PART_BYTES = 512 * 1024**2
_TOLD_EVERY = 200
_EXAMPLES = 5
_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)


class InProcess:
    """Copies and compares over the estate's credentials; `largest_bytes` is what one CopyObject takes."""

    def __init__(
        self, estate: Callable[[], Estate], *, largest_bytes: int = MAX_COPY_BYTES, part_bytes: int = _PART_BYTES
    ) -> None:
        self._estate = estate
        self._largest, self._part = largest_bytes, part_bytes

    def seed(self, pair: Pair, *, seed_id: str, versions: bool, stop: threading.Event, tell: Tell) -> Moved:  # noqa: ARG002  no journal to name
        """Copy what the destination lacks, or has older. Archived objects are reported, not copied."""
        if versions:
            raise UsageError("noncurrent versions are copied by batch jobs only", hint="Use --via batch.")
        found = _Counts()
        with Doors(self._estate()) as doors:
            rows = self._missing(doors, pair, found)
            for outcome in map_bounded(
                lambda one: self._copy(doors, pair, one), rows, limit=_AT_ONCE, stop=stop, name="copy"
            ):
                if isinstance(outcome.error, WindlassError):
                    found.fail(
                        outcome.item.key, outcome.error.code or type(outcome.error).__name__, outcome.error.message
                    )
                elif outcome.error is not None:
                    raise outcome.error
                else:
                    found.copied += 1
                    found.copied_bytes += outcome.item.size_bytes
                if (found.copied + found.failed) % _TOLD_EVERY == 0:
                    tell(found.moved())
        if stop.is_set():
            raise Interrupted(f"{pair.title} was stopped", hint="Seed it again: what is there already is skipped.")
        return found.moved()

    def verify(self, pair: Pair, *, stop: threading.Event, tell: Callable[[int], object]) -> Compared:
        """Compare by key, size and ETag. Different ETags of equal sizes say nothing: KMS and multipart make them so."""
        counts: Counter[str] = Counter()
        examples: dict[str, list[str]] = {}
        with Doors(self._estate()) as doors:
            for number, row in enumerate(doors.both(pair, _reader(pair)), 1):
                if stop.is_set():
                    raise Interrupted(f"the comparison of {pair.title} was stopped")
                kind = _kind(row.source, row.destination)
                counts[kind] += 1
                if kind not in ("same", "unknown") and len(examples.setdefault(kind, [])) < _EXAMPLES:
                    one = row.source or row.destination
                    assert one is not None
                    examples[kind].append(one.key)
                if number % _TOLD_EVERY == 0:
                    tell(number)
        return Compared(
            objects=counts.total() - counts["extra"], missing=counts["missing"], different=counts["different"],
            extra=counts["extra"], unknown=counts["unknown"], examples={kind: tuple(keys) for kind, keys in examples.items()},
        )  # fmt: skip

    def _missing(self, doors: Doors, pair: Pair, found: _Counts) -> Iterator[Listed]:
        for row in doors.both(pair, _reader(pair)):
            if row.source is None:
                continue
            if not row.missing:
                found.skipped += 1
            elif row.source.storage_class in FROZEN:
                found.total += 1
                found.fail(row.source.key, "InvalidObjectState", "the object is archived")
            else:
                found.total += 1
                found.total_bytes += row.source.size_bytes
                yield row.source

    def _copy(self, doors: Doors, pair: Pair, one: Listed) -> None:
        source, target = pair.source, pair.destination
        if one.size_bytes > self._largest:
            self._copy_parts(pair, one)
            return
        headers = {"x-amz-storage-class": one.storage_class} if one.storage_class not in ("", "STANDARD") else {}
        doors.to(target, _reader(pair))(
            s3.copy(
                target.bucket, one.key, source_bucket=source.bucket, source_key=one.key, headers=headers, owner=target.account_id,
                source_owner=source.account_id,
            )
        )  # fmt: skip

    def _copy_parts(self, pair: Pair, one: Listed) -> None:
        """A multipart upload whose parts are copied, each only while the source is still that object."""
        source, target = pair.source, pair.destination
        read, write = (
            self._calls(source.account_id or _reader(pair), source.region),
            self._calls(_reader(pair), target.region),
        )
        head = read("HeadObject", Bucket=source.bucket, Key=one.key)
        kept = {name: head[name] for name in _KEPT if head.get(name)}
        tags = read("GetObjectTagging", Bucket=source.bucket, Key=one.key).get("TagSet", [])
        if tags:
            kept["Tagging"] = "&".join(f"{quote(tag['Key'])}={quote(tag['Value'])}" for tag in tags)
        upload = {"Bucket": target.bucket, "Key": one.key}
        upload["UploadId"] = write("CreateMultipartUpload", **upload, **kept)["UploadId"]

        def part(ranged: tuple[int, int, int]) -> dict[str, Any]:
            number, first, last = ranged
            answer = write(
                "UploadPartCopy", **upload, PartNumber=number, CopySource={"Bucket": source.bucket, "Key": one.key},
                CopySourceRange=f"bytes={first}-{last}", CopySourceIfMatch=head["ETag"],
            )  # fmt: skip
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

        try:
            with ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="part") as pool:
                parts = list(pool.map(part, part_ranges(one.size_bytes, self._part)))
            write("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts})
        except BaseException:
            write("AbortMultipartUpload", **upload)
            raise

    def _calls(self, account_id: str, region: str) -> Callable[..., dict[str, Any]]:
        return lambda operation, **params: self._estate().call(account_id, region, "s3", operation, **params)


def part_ranges(size_bytes: int, part_bytes: int) -> Iterator[tuple[int, int, int]]:
    """(number, first byte, last byte) of each part; at most 10,000 of them."""
    part_bytes = max(part_bytes, -(-size_bytes // 10_000))
    for number, first in enumerate(range(0, size_bytes, part_bytes), 1):
        yield number, first, min(first + part_bytes, size_bytes) - 1


class _Counts:
    """What a run has done so far."""

    def __init__(self) -> None:
        self.total = self.total_bytes = self.skipped = self.copied = self.copied_bytes = self.failed = 0
        self._codes: Counter[str] = Counter()
        self._said: dict[str, tuple[str, list[str]]] = {}

    def fail(self, key: str, code: str, message: str) -> None:
        """One object that could not be copied."""
        self.failed += 1
        self._codes[code] += 1
        keys = self._said.setdefault(code, (message, []))[1]
        if len(keys) < _EXAMPLES:
            keys.append(key)

    def moved(self) -> Moved:
        """As others are told."""
        troubles = tuple(
            Trouble(code=code, count=number, message=self._said[code][0], keys=tuple(self._said[code][1]))
            for code, number in self._codes.most_common()
        )
        return Moved(
            total=self.total, copied=self.copied, skipped=self.skipped, failed=self.failed, total_bytes=self.total_bytes,
            copied_bytes=self.copied_bytes, troubles=troubles,
        )  # fmt: skip


def _kind(source: Listed | None, destination: Listed | None) -> str:
    if source is None:
        return "extra"
    if destination is None:
        return "missing"
    if source.size_bytes != destination.size_bytes:
        return "different"
    return "same" if source.etag == destination.etag else "unknown"


def _reader(pair: Pair) -> str:
    """Who copies: the destination's account, or the source's where the destination is a stranger's."""
    return pair.destination.account_id or pair.source.account_id
