"""The sources of logs: a folder, one file, or a prefix of a bucket; and CloudTrail's naming of its files.

`AWSLogs/[o-org/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_TIME_random.json.gz`; digests and
insights are beside the logs, under other names, and are not logs.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windlass.clients.ports import AwsCaller
from windlass.clients.scan.worker import CLOUDTRAIL_NAME, LogFile
from windlass.core.errors import NotFound, UsageError
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient

__all__ = [
    "Location",
    "bucket_files",
    "day_of",
    "fetching",
    "folder_files",
    "is_digest",
    "other_kind",
    "parse_location",
]

_MAX_FILE_BYTES = 1024 * 1024 * 1024
_DAY = re.compile(r"/CloudTrail/[a-z0-9-]+/(\d{4})/(\d{2})/(\d{2})/")
_OTHER_SUFFIXES = frozenset(
    (
        "parquet",
        "csv",
        "tsv",
        "avro",
        "orc",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "pdf",
        "zip",
        "tar",
        "tgz",
        "html",
        "css",
        "md",
    )
)
_REGION_PREFIX = re.compile(r"AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/CloudTrail/[a-z0-9-]+/$")


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket and prefix, or a path."""

    bucket: str = ""
    prefix: str = ""
    path: str = ""

    @property
    def text(self) -> str:
        """Return the location as users write it."""
        return f"s3://{self.bucket}/{self.prefix}" if self.bucket else self.path


def parse_location(text: str) -> Location:
    """Parse `s3://bucket/prefix`, or the path of an existing folder or file. UsageError, NotFound."""
    if text.startswith("s3://"):
        bucket, _, prefix = text[5:].partition("/")
        if not bucket:
            raise UsageError(f"{text!r} has no bucket", hint="Write s3://BUCKET/AWSLogs/.")
        return Location(bucket=bucket, prefix=prefix)
    if not Path(text).exists():
        raise NotFound(f"{text} does not exist", hint="Pass a folder with CloudTrail's files, or s3://BUCKET/PREFIX.")
    return Location(path=text)


def is_digest(name: str) -> bool:
    """True for CloudTrail's own files that are not logs: digests, insights, aggregates."""
    return any(part in name for part in ("CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-Aggregated", "/_delta"))


def other_kind(name: str) -> str:
    """Return why a file is not read, judged by its suffix; empty for a name that may be a log's."""
    base = name.rpartition("/")[2].lower()
    suffix = base.removesuffix(".gz").rpartition(".")[2]
    return f"a .{suffix} file has no CloudTrail records" if "." in base and suffix in _OTHER_SUFFIXES else ""


def day_of(name: str) -> str:
    """Return the day (2026-11-20) in a log's folder or name; empty for other names."""
    match = _DAY.search(name) or CLOUDTRAIL_NAME.fullmatch(name.rpartition("/")[2])
    return "-".join(match.groups()[:3]) if match else ""


def folder_files(path: Path, *, first_day: str = "", last_day: str = "") -> Iterator[LogFile]:
    """Yield every file below a folder, sorted by name, except CloudTrail's digests.

    Logs of days before `first_day` or after `last_day` (2026-11-20, inclusive), by their names, are omitted.
    """
    root = path.resolve()
    if root.is_file():
        yield _local(root)
        return
    for entry in sorted(root.rglob("*")):
        name = entry.as_posix()
        if not is_digest(name) and _within(name, first_day, last_day) and entry.is_file():
            yield _local(entry)


def _local(path: Path) -> LogFile:
    stat, name = path.stat(), path.as_posix()
    return LogFile(
        source=name,
        identity=f"{stat.st_size}-{stat.st_mtime_ns}",
        size_bytes=stat.st_size,
        path=str(path),
        day=day_of(name),
        left_out=other_kind(name),
    )


def bucket_files(
    caller: AwsCaller, account_id: str, region: str, location: Location, *, first_day: str = "", last_day: str = ""
) -> Iterator[LogFile]:
    """Yield every object below a prefix, as `folder_files` does. Listings of a region start at `first_day`'s folder."""
    for prefix in _region_prefixes(caller, account_id, region, location) if first_day else [location.prefix]:
        start: dict[str, Any] = {}
        if first_day and _REGION_PREFIX.search(prefix):
            start["StartAfter"] = f"{prefix}{first_day.replace('-', '/')}"
        for page in caller.pages(
            account_id, region, "s3", "ListObjectsV2", Bucket=location.bucket, Prefix=prefix, **start
        ):
            for item in page.get("Contents", ()):
                key = item["Key"]
                if key.endswith("/") or is_digest(f"/{key}") or not _within(f"/{key}", first_day, last_day):
                    continue
                etag = item.get("ETag", "").strip('"')
                yield LogFile(
                    source=f"s3://{location.bucket}/{key}",
                    identity=f"{item['Size']}-{etag}",
                    size_bytes=item["Size"],
                    bucket=location.bucket,
                    key=key,
                    day=day_of(f"/{key}"),
                    left_out=other_kind(key),
                )


def _region_prefixes(caller: AwsCaller, account_id: str, region: str, location: Location) -> Iterator[str]:
    """Yield the prefixes below the location, one per account and region; the location itself when it has none."""
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
            below += [folder["Prefix"] for folder in page.get("CommonPrefixes", ())]
            files = files or bool(page.get("Contents"))
        folders = [name for name in below if not name.endswith(("CloudTrail-Digest/", "CloudTrail-Insight/"))]
        if files or not folders:
            yield prefix
        else:
            pending += folders


def _within(name: str, first_day: str, last_day: str) -> bool:
    day = day_of(name)
    return not day or (first_day <= day and (not last_day or day <= last_day))


@contextlib.contextmanager
def fetching(caller: AwsCaller, account_id: str, region: str) -> Iterator[Callable[[LogFile], bytes]]:
    """Yield a function that fetches a bucket's file over the wire; it is valid inside the block."""
    with BlockingClient(caller.access(account_id, region, "s3")) as client:

        def fetch(file: LogFile) -> bytes:
            return client.send(s3.get(file.bucket, file.key, max_bytes=_MAX_FILE_BYTES))[1]

        yield fetch
