"""A source's content in ranges: each its own conditional request, the next one under way while this one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from windlass.core.errors import NotFound, WindlassError
from windlass.pipelines.model import Reason, Rejected, Source
from windlass.pipelines.plan import SourceState
from windlass.pipelines.stream import CHUNK_BYTES
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.s3 import Head

__all__ = ["Opened", "SourceMoved", "look", "open_source"]

_UNDER_WAY = 2  # ranges asked for while one is used
_GONE = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")


class SourceMoved(Exception):
    """The source was overwritten or deleted while it was read: begin again."""


class Opened:
    """An open source; its chunks can be read once, or again from the start by `again()`."""

    def __init__(
        self, client: BlockingClient, bucket: str, key: str, head: Head, first: bytes, size_bytes: int
    ) -> None:
        self.head, self.size_bytes = head, size_bytes
        self._client, self._bucket, self._key, self._first = client, bucket, key, first
        self.state = state_of(head, size_bytes)

    def source(self, tags: dict[str, str]) -> Source:
        """What the first step is given."""
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
        free = [memoryview(bytearray(step)) for _ in range(1 + _UNDER_WAY)] if at < self.size_bytes else []
        coming: deque[tuple[memoryview, Future[None]]] = deque()
        body = memoryview(self._first)
        while True:
            while free and at < self.size_bytes:
                room = free.pop()[: self.size_bytes - at]  # the last one is the smallest, and needed for no other
                coming.append((room, self._ask(at, room)))
                at += len(room)
            yield from _slices(body)
            if not coming:
                return
            if body.obj is not self._first:
                free.append(body)
            body, pending = coming.popleft()
            self._answer(pending)

    def _ask(self, at: int, room: memoryview) -> Future[None]:
        return self._client.submit(
            s3.get_into(
                room, self._bucket, self._key, first=at, version_id=self.head.version_id, if_match=self.head.etag
            )
        )

    def _answer(self, pending: Future[None]) -> None:
        try:
            pending.result()
        except WindlassError as error:
            if error.code in (*_GONE, "PreconditionFailed", "412", "InvalidRange"):
                raise SourceMoved(f"s3://{self._bucket}/{self._key} changed while it was read") from None
            raise


def _slices(body: memoryview) -> Iterator[bytes]:
    """Small chunks: what a step makes of one at a time should be small, too."""
    for at in range(0, len(body), CHUNK_BYTES):
        yield bytes(body[at : at + CHUNK_BYTES])


def open_source(client: BlockingClient, bucket: str, key: str, *, version_id: str, range_bytes: int) -> Opened | None:
    """The source as it is now (or that version), its first bytes read; None when it is gone."""
    try:
        head, body = client.send(
            s3.get(bucket, key, version_id=version_id, byte_range=(0, range_bytes - 1), max_bytes=range_bytes + 1024)
        )
    except WindlassError as error:
        if error.code == "InvalidRange":  # it is empty
            return _open_empty(client, bucket, key, version_id)
        if _gone(error):
            return None
        if error.code == "InvalidObjectState":
            hint = "Restore it: the event of its restoration takes it through; or retry it then."
            raise Rejected(Reason.UNSUPPORTED, f"is archived: {error.message}", hint=hint) from error
        raise
    size = int(head.content_range.rpartition("/")[2]) if head.content_range else len(body)
    return Opened(client, bucket, key, head, body, size)


def _open_empty(client: BlockingClient, bucket: str, key: str, version_id: str) -> Opened | None:
    try:
        head, body = client.send(s3.get(bucket, key, version_id=version_id))
    except WindlassError as error:
        if _gone(error):
            return None
        raise
    return Opened(client, bucket, key, head, body, len(body))


def look(client: BlockingClient, bucket: str, key: str) -> Head | None:
    """An object's head; None when there is none."""
    try:
        return client.send(s3.head(bucket, key))
    except WindlassError as error:
        if _gone(error):
            return None
        raise


def state_of(head: Head, size_bytes: int) -> SourceState:
    """What identifies the content: equal whether it was read or looked at."""
    modified = _modified(head)
    return SourceState(
        version_id=head.version_id,
        etag=head.etag,
        modified=modified.isoformat() if modified else "",
        size_bytes=size_bytes,
    )


def _gone(error: WindlassError) -> bool:
    if isinstance(error, NotFound) and error.code == "NoSuchBucket":
        return False
    return error.code in _GONE or (isinstance(error, NotFound) and error.code != "NoSuchBucket")


def _modified(head: Head) -> datetime | None:
    try:
        return parsedate_to_datetime(head.headers["last-modified"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None
