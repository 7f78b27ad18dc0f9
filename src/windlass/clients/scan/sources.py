"""Where logs lie: a folder, one file, or a prefix of a bucket; what is CloudTrail's own about their names.

`AWSLogs/[o-org/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_TIME_random.json.gz`; digests and
insights lie beside the logs under names of their own, and are no logs.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from windlass.clients.scan.worker import LogFile
from windlass.core.access import Access
from windlass.core.errors import NotFound, UsageError
from windlass.wire import s3
from windlass.wire.blocking import Blocking

__all__ = ["Caller", "Location", "bucket_files", "fetching", "folder_files", "is_log", "parse_location"]

_MAX_FILE_BYTES = 1024 * 1024 * 1024
_DAY = re.compile(r"/CloudTrail/[a-z0-9-]+/(\d{4})/(\d{2})/(\d{2})/")
_REGION_PREFIX = re.compile(r"AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/CloudTrail/[a-z0-9-]+/$")


class Caller(Protocol):
    """AWS by operation name; the estate."""

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """One call's answer."""
        ...

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """A listing's answers."""
        ...

    def access(self, account_id: str, region: str, service: str) -> Access:
        """What the wire needs to speak to a service itself."""
        ...


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket and prefix, or a path."""

    bucket: str = ""
    prefix: str = ""
    path: str = ""

    @property
    def text(self) -> str:
        """As people write it."""
        return f"s3://{self.bucket}/{self.prefix}" if self.bucket else self.path


def parse_location(text: str) -> Location:
    """`s3://bucket/prefix`, or a folder or file that exists."""
    if text.startswith("s3://"):
        bucket, _, prefix = text[5:].partition("/")
        if not bucket:
            raise UsageError(f"{text!r} names no bucket", hint="Write s3://BUCKET/AWSLogs/.")
        return Location(bucket=bucket, prefix=prefix)
    if not Path(text).exists():
        raise NotFound(f"{text} does not exist", hint="Name a folder with CloudTrail's files, or s3://BUCKET/PREFIX.")
    return Location(path=text)


def is_log(name: str) -> bool:
    """Whether a key or path is a log by its name: JSON, gzipped or not, and no digest, insight or aggregate."""
    if any(part in name for part in ("CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-Aggregated", "/_delta")):
        return False
    return name.endswith((".json.gz", ".json", ".gz"))


def folder_files(path: Path, *, since_day: str = "") -> Iterator[LogFile]:
    """Every log under a folder, in the order of their names; `since_day` (2026-11-20) leaves out folders of days before."""
    root = path.resolve()
    if root.is_file():
        yield _local(root)
        return
    for found in sorted(root.rglob("*")):
        name = found.as_posix()
        if is_log(name) and _recent(name, since_day) and found.is_file():
            yield _local(found)


def _local(path: Path) -> LogFile:
    stat = path.stat()
    return LogFile(
        source=path.as_posix(), identity=f"{stat.st_size}-{stat.st_mtime_ns}", size_bytes=stat.st_size, path=str(path)
    )


def bucket_files(
    caller: Caller, account_id: str, region: str, location: Location, *, since_day: str = ""
) -> Iterator[LogFile]:
    """Every log under a prefix, in the order of their keys. Listings below a region start at `since_day`'s folder."""
    for prefix in _region_prefixes(caller, account_id, region, location) if since_day else [location.prefix]:
        start: dict[str, Any] = {}
        if since_day and _REGION_PREFIX.search(prefix):
            start["StartAfter"] = f"{prefix}{since_day.replace('-', '/')}"
        for page in caller.pages(
            account_id, region, "s3", "ListObjectsV2", Bucket=location.bucket, Prefix=prefix, **start
        ):
            for item in page.get("Contents", ()):
                key = item["Key"]
                if item["Size"] and not is_log(f"/{key}"):
                    continue
                if not key.endswith("/") and _recent(f"/{key}", since_day):
                    etag = item.get("ETag", "").strip('"')
                    yield LogFile(
                        source=f"s3://{location.bucket}/{key}",
                        identity=f"{item['Size']}-{etag}",
                        size_bytes=item["Size"],
                        bucket=location.bucket,
                        key=key,
                    )


def _region_prefixes(caller: Caller, account_id: str, region: str, location: Location) -> Iterator[str]:
    """The prefixes of one account and region each below the location; the location's own where it is none of those."""
    pending = [location.prefix]
    while pending:
        prefix = pending.pop()
        if _REGION_PREFIX.search(prefix) or _DAY.search(f"/{prefix}") or not prefix.endswith("/"):
            yield prefix
            continue
        below: list[str] = []
        files = False
        for page in caller.pages(
            account_id, region, "s3", "ListObjectsV2", Bucket=location.bucket, Prefix=prefix, Delimiter="/"
        ):
            below += [one["Prefix"] for one in page.get("CommonPrefixes", ())]
            files = files or bool(page.get("Contents"))
        wanted = [one for one in below if not one.endswith(("CloudTrail-Digest/", "CloudTrail-Insight/"))]
        if files or not wanted:
            yield prefix
        else:
            pending += wanted


def _recent(name: str, since_day: str) -> bool:
    day = _DAY.search(name)
    return not since_day or day is None or "-".join(day.groups()) >= since_day


@contextlib.contextmanager
def fetching(caller: Caller, account_id: str, region: str) -> Iterator[Callable[[LogFile], bytes]]:
    """What gets a bucket's file, over the wire, for the block."""
    with Blocking(caller.access(account_id, region, "s3")) as door:

        def fetch(file: LogFile) -> bytes:
            return door(s3.get(file.bucket, file.key, max_bytes=_MAX_FILE_BYTES))[1]

        yield fetch
