"""A reader of a source's content: conditional range requests, with the next ranges requested while one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from windlass.core.errors import NotFound, WindlassError
from windlass.pipelines.model import Reason, Rejected, Source
from windlass.pipelines.stamp import SourceState
from windlass.pipelines.stream import CHUNK_BYTES
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.s3 import Head

__all__ = ["SourceChanged", "SourceReader", "find_head", "open_source"]

_RANGES_AHEAD = 2  # ranges requested ahead of the one in use
_GONE = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")


class SourceChanged(Exception):
    """The source was overwritten or deleted during the read: start over."""


class SourceReader:
    """An open source. Each `source()` reads its content once from the start."""

    def __init__(
        self, client: BlockingClient, bucket: str, key: str, head: Head, first: bytes, size_bytes: int
    ) -> None:
        self.head, self.size_bytes = head, size_bytes
        self._client, self._bucket, self._key, self._first = client, bucket, key, first
        self.state = state_of(head, size_bytes)

    def source(self, tags: dict[str, str]) -> Source:
        """Return the input of the first step."""
        headers = self.head.headers
        metadata = {
            name[len("x-amz-meta-") :]: value for name, value in headers.items() if name.startswith("x-amz-meta-")
        }
        return Source(
            chunks=self._chunks(),
            name=self._key.rpartition("/")[2] or self._key,
            bucket=self._bucket,
            key=self._key,
            version_id=self.head.version_id,
            etag=self.head.etag,
            size_bytes=self.size_bytes,
            content_type=headers.get("content-type", ""),
            metadata=metadata,
            tags=tags,
            modified=_modified(self.head),
        )

    def _chunks(self) -> Iterator[bytes]:
        at = step = len(self._first)
        buffers = [memoryview(bytearray(step)) for _ in range(1 + _RANGES_AHEAD)] if at < self.size_bytes else []
        pending_ranges: deque[tuple[memoryview, Future[None]]] = deque()
        body = memoryview(self._first)
        while True:
            while buffers and at < self.size_bytes:
                room = buffers.pop()[: self.size_bytes - at]  # the last range is the smallest; its buffer is not reused
                pending_ranges.append((room, self._request(at, room)))
                at += len(room)
            yield from _slices(body)
            if not pending_ranges:
                return
            if body.obj is not self._first:
                buffers.append(body)
            body, pending = pending_ranges.popleft()
            self._finish(pending)

    def _request(self, at: int, room: memoryview) -> Future[None]:
        return self._client.submit(
            s3.get_into(
                room, self._bucket, self._key, first=at, version_id=self.head.version_id, if_match=self.head.etag
            )
        )

    def _finish(self, pending: Future[None]) -> None:
        try:
            pending.result()
        except WindlassError as error:
            if error.code in (*_GONE, "PreconditionFailed", "412", "InvalidRange"):
                raise SourceChanged(f"s3://{self._bucket}/{self._key} changed while it was read") from None
            raise


def _slices(body: memoryview) -> Iterator[bytes]:
    """Yield small chunks, so that a step's output per chunk is small too."""
    for at in range(0, len(body), CHUNK_BYTES):
        yield bytes(body[at : at + CHUNK_BYTES])


def open_source(
    client: BlockingClient, bucket: str, key: str, *, version_id: str, range_bytes: int
) -> SourceReader | None:
    """Open the current source (or that version) and read its first range. None when it does not exist."""
    try:
        head, body = client.send(
            s3.get(bucket, key, version_id=version_id, byte_range=(0, range_bytes - 1), max_bytes=range_bytes + 1024)
        )
    except WindlassError as error:
        if error.code == "InvalidRange":  # the object is empty
            return _open_empty(client, bucket, key, version_id)
        if _is_missing(error):
            return None
        if error.code == "InvalidObjectState":
            hint = "Restore the object; the restore event then runs it. Or run `windlass pipeline retry` afterwards."
            raise Rejected(Reason.UNSUPPORTED, f"the object is archived: {error.message}", hint=hint) from error
        raise
    size = int(head.content_range.rpartition("/")[2]) if head.content_range else len(body)
    return SourceReader(client, bucket, key, head, body, size)


def _open_empty(client: BlockingClient, bucket: str, key: str, version_id: str) -> SourceReader | None:
    try:
        head, body = client.send(s3.get(bucket, key, version_id=version_id))
    except WindlassError as error:
        if _is_missing(error):
            return None
        raise
    return SourceReader(client, bucket, key, head, body, len(body))


def find_head(client: BlockingClient, bucket: str, key: str) -> Head | None:
    """Return an object's head; None when it does not exist."""
    try:
        return client.send(s3.head(bucket, key))
    except WindlassError as error:
        if _is_missing(error):
            return None
        raise


def state_of(head: Head, size_bytes: int) -> SourceState:
    """Return the state that identifies the content: equal for GET and HEAD."""
    modified = _modified(head)
    return SourceState(
        version_id=head.version_id,
        etag=head.etag,
        modified=modified.isoformat() if modified else "",
        size_bytes=size_bytes,
    )


def _is_missing(error: WindlassError) -> bool:
    if isinstance(error, NotFound) and error.code == "NoSuchBucket":
        return False
    return error.code in _GONE or (isinstance(error, NotFound) and error.code != "NoSuchBucket")


def _modified(head: Head) -> datetime | None:
    try:
        return parsedate_to_datetime(head.headers["last-modified"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None
