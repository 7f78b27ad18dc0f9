"""Writing one output: small ones in a put, large ones in parts that go out while the next are made. All conditional."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from windlass.core.errors import WindlassError
from windlass.pipelines.model import Chunks, Reason, Rejected
from windlass.pipelines.settle import PutAnswer
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.s3 import Part

__all__ = ["Body", "write"]

_REFUSED = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404")
_IN_FLIGHT = 2
_MAX_PARTS = 10_000


class Body:
    """An output's bytes: the first part held, so that a small output can be sent again.

    Parts lie in as many buffers as there are under way: fresh memory for each costs more than copying it there.
    """

    def __init__(self, chunks: Chunks, part_bytes: int) -> None:
        self._chunks = iter(chunks)
        self._part_bytes = part_bytes
        self._rest = memoryview(b"")
        self._free: list[memoryview] = []
        self.spent = False
        self.first: bytes | None = None

    def load(self) -> bytes:
        """The first part; all of it when `whole`."""
        if self.first is None:
            self.first = self._take()
        return self.first

    @property
    def whole(self) -> bool:
        """Whether the first part is all there is."""
        return len(self.load()) < self._part_bytes

    def parts(self) -> Iterator[bytes | memoryview]:
        """All parts, the first one included; they can be had once, and are `used` when they may be overwritten."""
        self.spent = True
        part: bytes | memoryview = self.load()
        self.first = b""
        while part:
            yield part
            if len(part) < self._part_bytes:
                return
            part = self._fill(self._free.pop() if self._free else memoryview(bytearray(self._part_bytes)))

    def used(self, part: bytes | memoryview) -> None:
        """Nobody reads this part any more."""
        if isinstance(part, memoryview):
            self._free.append(part)

    def drain(self) -> None:
        """Use the rest up: a transform wants its output used before the next one."""
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
        """What the next part is made of: less than `part_bytes` at the end."""
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


def write(
    client: BlockingClient, bucket: str, key: str, body: Body, *, headers: Mapping[str, str], if_match: str
) -> tuple[PutAnswer, int]:
    """Put it where nothing is, or over exactly `if_match`; the answer and how many bytes it had."""
    if body.whole:
        data = body.load()
        try:
            client.send(s3.put(bucket, key, data, headers=headers, if_match=if_match, if_none_match=not if_match))
        except WindlassError as error:
            return _refused(error, bucket, PutAnswer.REFUSED), 0
        return PutAnswer.WRITTEN, len(data)
    return _write_parts(client, bucket, key, body, headers=headers, if_match=if_match)


def _write_parts(
    client: BlockingClient, bucket: str, key: str, body: Body, *, headers: Mapping[str, str], if_match: str
) -> tuple[PutAnswer, int]:
    try:
        upload_id = client.send(s3.create_upload(bucket, key, headers=headers, checksums=True))
    except WindlassError as error:
        raise _rejected(error, bucket) from error
    flying: deque[tuple[Future[Part], bytes | memoryview]] = deque()
    parts: list[Part] = []
    size = 0
    done = False

    def land() -> None:
        future, data = flying.popleft()
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
            if len(flying) >= _IN_FLIGHT:
                land()
            call = s3.upload_part(bucket, key, upload_id=upload_id, number=number, body=data)
            flying.append((client.submit(call), data))
            size += len(data)
        while flying:
            land()
        try:
            client.send(
                s3.complete_upload(
                    bucket, key, upload_id=upload_id, parts=parts, if_match=if_match, if_none_match=not if_match
                )
            )
        except WindlassError as error:
            return _refused(error, bucket, PutAnswer.REFUSED_AND_SPENT), 0
        done = True
        return PutAnswer.WRITTEN, size
    finally:
        if not done:  # whatever happened: parts that nobody completes are paid for
            for future, _ in flying:
                with contextlib.suppress(Exception):
                    future.result()
            with contextlib.suppress(WindlassError):
                client.send(s3.abort_upload(bucket, key, upload_id=upload_id))


def _refused(error: WindlassError, bucket: str, answer: PutAnswer) -> PutAnswer:
    if error.code in _REFUSED:
        return answer
    raise _rejected(error, bucket) from error


def _rejected(error: WindlassError, bucket: str) -> WindlassError:
    """The error as it is, or as a refusal where trying again would end the same."""
    if error.code in ("MetadataTooLarge", "InvalidTag", "KeyTooLongError", "EntityTooLarge"):
        return Rejected(Reason.UNSUPPORTED, f"S3 refuses the output in {bucket}: {error.message}")
    return error
