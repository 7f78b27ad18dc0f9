"""A writer of outputs: a small one in one PUT, a large one in parts that are sent while the next are made. All conditional."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from windlass.core.errors import WindlassError
from windlass.pipelines.delivery import PutResult
from windlass.pipelines.model import Chunks, Reason, Rejected
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.s3 import Part

__all__ = ["OutputBody", "write_output"]

_REFUSED = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404")
_IN_FLIGHT = 2
_MAX_PARTS = 10_000


class OutputBody:
    """The bytes of an output. The first part is kept, so that a small output can be sent again.

    Parts reuse a few buffers: allocating memory for each part costs more than copying into a buffer.
    """

    def __init__(self, chunks: Chunks, part_bytes: int) -> None:
        self._chunks = iter(chunks)
        self._part_bytes = part_bytes
        self._rest = memoryview(b"")
        self._free: list[memoryview] = []
        self.spent = False
        self.first: bytes | None = None

    def load(self) -> bytes:
        """Return the first part; it is the complete output when `fits_one_part`."""
        if self.first is None:
            self.first = self._take()
        return self.first

    @property
    def fits_one_part(self) -> bool:
        """True when the first part is the complete output."""
        return len(self.load()) < self._part_bytes

    def parts(self) -> Iterator[bytes | memoryview]:
        """Yield all parts, once. Call `used` for each when its buffer may be overwritten."""
        self.spent = True
        part: bytes | memoryview = self.load()
        self.first = b""
        while part:
            yield part
            if len(part) < self._part_bytes:
                return
            part = self._fill(self._free.pop() if self._free else memoryview(bytearray(self._part_bytes)))

    def used(self, part: bytes | memoryview) -> None:
        """Release the part's buffer."""
        if isinstance(part, memoryview):
            self._free.append(part)

    def drain(self) -> None:
        """Discard the rest: a transform makes its next output only after this one is used."""
        self._rest = memoryview(b"")
        for _ in self._chunks:
            pass

    def _take(self) -> bytes:
        return b"".join(self._pieces())

    def _fill(self, room: memoryview) -> memoryview:
        size = 0
        for piece in self._pieces():
            room[size : size + len(piece)] = piece
            size += len(piece)
        return room[:size]

    def _pieces(self) -> Iterator[memoryview]:
        """Yield the pieces of the next part: `part_bytes` together, less at the end."""
        room = self._part_bytes
        while room:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return
                self._rest = memoryview(chunk)
            piece, self._rest = self._rest[:room], self._rest[room:]
            room -= len(piece)
            yield piece


def write_output(
    client: BlockingClient, bucket: str, key: str, body: OutputBody, *, headers: Mapping[str, str], if_match: str
) -> tuple[PutResult, int]:
    """Write an output where no object exists, or over exactly `if_match`. Return the result and the bytes written."""
    if body.fits_one_part:
        data = body.load()
        try:
            client.send(s3.put(bucket, key, data, headers=headers, if_match=if_match, if_none_match=not if_match))
        except WindlassError as error:
            return _refused(error, bucket, PutResult.REFUSED), 0
        return PutResult.WRITTEN, len(data)
    return _write_parts(client, bucket, key, body, headers=headers, if_match=if_match)


def _write_parts(
    client: BlockingClient, bucket: str, key: str, body: OutputBody, *, headers: Mapping[str, str], if_match: str
) -> tuple[PutResult, int]:
    try:
        upload_id = client.send(s3.create_upload(bucket, key, headers=headers, checksums=True))
    except WindlassError as error:
        raise _rejected(error, bucket) from error
    in_flight: deque[tuple[Future[Part], bytes | memoryview]] = deque()
    parts: list[Part] = []
    size = 0
    completed = False

    def finish_oldest() -> None:
        future, data = in_flight.popleft()
        parts.append(future.result())
        body.used(data)

    try:
        for number, data in enumerate(body.parts(), 1):
            if number > _MAX_PARTS:
                raise Rejected(
                    Reason.TOO_LARGE,
                    f"the output has more than {_MAX_PARTS:,} parts",
                    hint="Raise the pipeline's part_bytes.",
                )
            if len(in_flight) >= _IN_FLIGHT:
                finish_oldest()
            call = s3.upload_part(bucket, key, upload_id=upload_id, number=number, body=data)
            in_flight.append((client.submit(call), data))
            size += len(data)
        while in_flight:
            finish_oldest()
        try:
            client.send(
                s3.complete_upload(
                    bucket, key, upload_id=upload_id, parts=parts, if_match=if_match, if_none_match=not if_match
                )
            )
        except WindlassError as error:
            return _refused(error, bucket, PutResult.REFUSED_AND_SPENT), 0
        completed = True
        return PutResult.WRITTEN, size
    finally:
        if not completed:  # parts of an upload that is never completed cost money
            for future, _ in in_flight:
                with contextlib.suppress(Exception):
                    future.result()
            with contextlib.suppress(WindlassError):
                client.send(s3.abort_upload(bucket, key, upload_id=upload_id))


def _refused(error: WindlassError, bucket: str, result: PutResult) -> PutResult:
    if error.code in _REFUSED:
        return result
    raise _rejected(error, bucket) from error


def _rejected(error: WindlassError, bucket: str) -> WindlassError:
    """Return the error, as Rejected when another attempt would fail in the same way."""
    if error.code in ("MetadataTooLarge", "InvalidTag", "KeyTooLongError", "EntityTooLarge"):
        return Rejected(Reason.UNSUPPORTED, f"S3 refuses the output in {bucket}: {error.message}")
    return error
