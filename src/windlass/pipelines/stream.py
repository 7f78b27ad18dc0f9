"""Streams of byte chunks: split, join, decode, spool, and present them as file objects.

Memory is bounded by the largest chunk and the given limits. A slow consumer slows the reader of S3; nothing is queued in between.
"""

from __future__ import annotations

import codecs
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from windlass.core.units import format_bytes
from windlass.pipelines.model import Chunks, Reason, Rejected

__all__ = [
    "CHUNK_BYTES",
    "ChunkReader",
    "WriteBuffer",
    "file_chunks",
    "lines",
    "read_all",
    "rechunk",
    "spooled",
    "text",
    "utf8",
]

CHUNK_BYTES = 128 << 10


def read_all(chunks: Chunks, limit_bytes: int) -> bytes:
    """Return the complete content. Rejected as soon as it exceeds the limit."""
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise Rejected(
                Reason.TOO_LARGE,
                f"larger than {format_bytes(limit_bytes)}, the most that this step reads into memory",
                hint="Raise the step's max_bytes, or use a format that streams (JSON lines, CSV).",
            )
        parts.append(chunk)
    return b"".join(parts)


def lines(chunks: Chunks, limit_bytes: int) -> Iterator[bytes]:
    """Yield lines with their line feeds; the last may have none. Rejected for a line longer than the limit, before it is read."""
    pieces: list[bytes] = []
    size, number = 0, 1
    for chunk in chunks:
        first, *following = chunk.split(b"\n")
        pieces.append(first)
        size += len(first)
        if following:
            if size > limit_bytes:
                raise _long_line(number, limit_bytes)
            *complete_lines, last = following
            yield b"".join(pieces) + b"\n"
            number += 1
            for line in complete_lines:
                if len(line) > limit_bytes:
                    raise _long_line(number, limit_bytes)
                yield line + b"\n"
                number += 1
            pieces, size = [last], len(last)
        if size > limit_bytes:
            raise _long_line(number, limit_bytes)
    if size:
        yield b"".join(pieces)


def _long_line(number: int, limit_bytes: int) -> Rejected:
    return Rejected(
        Reason.TOO_LARGE,
        f"line {number} is longer than {format_bytes(limit_bytes)} (max_line_bytes)",
        hint="If such lines are expected, raise the step's max_line_bytes.",
    )


def text(chunks: Chunks, encoding: str = "utf-8") -> Iterator[str]:
    """Yield decoded text. Rejected, with the position, for a byte that is invalid in the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    before = 0
    try:
        for chunk in chunks:
            pending = len(decoder.getstate()[0])
            if piece := decoder.decode(chunk):
                yield piece
            before += len(chunk)
        pending = 0
        if piece := decoder.decode(b"", final=True):
            yield piece
    except UnicodeDecodeError as problem:
        at = before - pending + problem.start if problem.object else before
        raise Rejected(
            Reason.NOT_TEXT,
            f"not {encoding}: {problem.reason} near byte {at}",
            hint="Set the right encoding in the step's options, or put a text-encoding step before it.",
        ) from problem
    except UnicodeError as problem:
        raise Rejected(Reason.NOT_TEXT, f"not {encoding}: {problem}") from problem


def utf8(chunks: Chunks, encoding: str = "utf-8") -> Iterator[bytes]:
    """Yield the same text as checked UTF-8 without a byte order mark."""
    first = True
    for piece in text(chunks, encoding):
        if first:
            piece, first = piece.removeprefix("\ufeff"), False
        if piece:
            yield piece.encode()


def rechunk(pieces: Chunks, size_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the same bytes in pieces of at least `size_bytes` (except the last), so that small writes become large ones."""
    buffered: list[bytes] = []
    size = 0
    for piece in pieces:
        buffered.append(piece)
        size += len(piece)
        if size >= size_bytes:
            yield b"".join(buffered)
            buffered, size = [], 0
    if size:
        yield b"".join(buffered)


class ChunkReader(io.RawIOBase):
    """Chunks as a readable file without seek. Wrap it in io.BufferedReader for small reads."""

    def __init__(self, chunks: Chunks) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer with the next bytes, and return their number."""
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class WriteBuffer(io.RawIOBase):
    """A writable file whose content is taken out as it grows: turns a library that writes files into chunks."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._taken = 0
        self.held_bytes = 0

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: object) -> int:
        """Keep a copy of the data."""
        piece = bytes(data)  # type: ignore[call-overload]
        self._parts.append(piece)
        self.held_bytes += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Return the number of bytes written so far, taken or not."""
        return self._taken + self.held_bytes

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        piece = b"".join(self._parts)
        self._taken += len(piece)
        self._parts, self.held_bytes = [], 0
        return piece


@contextmanager
def spooled(chunks: Chunks, limit_bytes: int) -> Iterator[IO[bytes]]:
    """Spool the content into a seekable temporary file, for formats whose index is at the end. Deleted after the block."""
    with tempfile.TemporaryFile(prefix="windlass-") as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise Rejected(
                    Reason.TOO_LARGE,
                    f"larger than {format_bytes(limit_bytes)}",
                    hint="Raise the step's max_bytes. The object is stored on local disk while it is read.",
                )
            file.write(chunk)
        file.seek(0)
        yield file


def file_chunks(file: IO[bytes], size_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the rest of an open file in chunks."""
    while chunk := file.read(size_bytes):
        yield chunk
