"""The files to import: below a folder, or below a prefix of a bucket, in the order of their names."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from windlass.core.access import Access
from windlass.core.errors import AwsError, NotFound, UsageError
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient

__all__ = ["CLOUDTRAIL", "CONFIG", "FileCaller", "SourceFile", "SourceFiles"]

CONFIG = re.compile(r"_Config_[a-z0-9-]+_Config(?:Snapshot|History)_.*\.json(?:\.gz)?$")
"""`A_Config_R_ConfigSnapshot_TIME_ID.json.gz`, `A_Config_R_ConfigHistory_AWS::S3::Bucket_FROM_TO_N.json.gz`."""
CLOUDTRAIL = re.compile(r"_CloudTrail_[a-z0-9-]+_\d{8}T\d{4}Z_[^/]+\.json(?:\.gz)?$")
T = TypeVar("T")
_MAX_BYTES = 1024 * 1024 * 1024


class FileCaller(Protocol):
    """The part of the estate that an import needs."""

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing."""
        ...

    def access(self, account_id: str, region: str, service: str) -> Access:
        """Return the endpoint and credentials with which the wire calls a service."""
        ...


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file: its location, and a value that changes with its content."""

    location: str
    etag: str
    key: str


class SourceFiles:
    """Lists and reads files of a location: `s3://BUCKET/PREFIX`, or a folder or file."""

    def __init__(
        self, location: str, pattern: re.Pattern[str], caller: Callable[[], FileCaller], account_id: str, region: str
    ) -> None:
        self._pattern, self._caller, self._account_id, self._region = pattern, caller, account_id, region
        self._bucket, _, self._prefix = location.removeprefix("s3://").partition("/")
        self._path: Path | None = None
        if not location.startswith("s3://"):
            self._path = Path(location)
            if not self._path.exists():
                raise NotFound(f"{location} does not exist", hint="Pass a folder, or s3://BUCKET/PREFIX.")
        elif not self._bucket:
            raise UsageError(f"{location!r} has no bucket", hint="Write s3://BUCKET/AWSLogs/.")
        self._client: BlockingClient | None = None

    def files(self) -> tuple[SourceFile, ...]:
        """Return the files whose names are those of the service, ordered by name: days and hours in their order."""
        files = self._local() if self._path is not None else self._remote()
        return tuple(sorted(files, key=lambda file: file.location))

    def _local(self) -> Iterator[SourceFile]:
        assert self._path is not None
        paths = [self._path] if self._path.is_file() else self._path.rglob("*")
        for path in paths:
            if self._pattern.search(path.name) and path.is_file():
                stat = path.stat()
                yield SourceFile(path.resolve().as_posix(), f"{stat.st_size}-{stat.st_mtime_ns}", str(path))

    def _remote(self) -> Iterator[SourceFile]:
        pages = self._caller().pages(
            self._account_id, self._region, "s3", "ListObjectsV2", Bucket=self._bucket, Prefix=self._prefix
        )
        for page in pages:
            for item in page.get("Contents", ()):
                if self._pattern.search(item["Key"]):
                    yield SourceFile(
                        f"s3://{self._bucket}/{item['Key']}", str(item.get("ETag", "")).strip('"'), item["Key"]
                    )

    def read(self, file: SourceFile) -> Any:
        """Return the JSON of a file, compressed or not. AwsError when it is not JSON."""
        return self._decode(file, json.loads)

    def read_text(self, file: SourceFile) -> str:
        """Return the text of a file, compressed or not. AwsError when it is not UTF-8."""
        return self._decode(file, lambda content: content.decode())

    def _decode(self, file: SourceFile, decode: Callable[[bytes], T]) -> T:
        try:
            content = self._content(file)
            return decode(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        except (OSError, EOFError, ValueError) as error:
            raise AwsError(f"{file.location} cannot be read: {error}", code="Malformed") from None

    def _content(self, file: SourceFile) -> bytes:
        if self._path is not None:
            return Path(file.key).read_bytes()
        if self._client is None:
            self._client = BlockingClient(self._caller().access(self._account_id, self._region, "s3"))
        return self._client.send(s3.get(self._bucket, file.key, max_bytes=_MAX_BYTES))[1]

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
