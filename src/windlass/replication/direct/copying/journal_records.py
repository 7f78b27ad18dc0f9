"""The records of a journal: `type, length, CRC-32, payload`.

A block's payload begins with its description, so that opening a journal can seek over the rows. The description has its
own checksum, which is verified when the journal is opened; the rows are verified when they are read.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from windlass.core.errors import StoreError, WindlassError

__all__ = [
    "BLOCK",
    "HEAD",
    "OLD_BLOCK",
    "damaged",
    "encode_block",
    "encode_record",
    "read_records",
    "rows_of",
    "writing",
]

HEAD = struct.Struct("<BII")
OLD_BLOCK, BLOCK = 3, 6
"""Blocks without and with a checksum of their description."""

_OLD_DESCRIBED, _DESCRIBED = struct.Struct("<I"), struct.Struct("<II")
_TAIL_BYTES = 8 * 1024 * 1024
"""The end of a log that may be missing after a machine crash. Everything before it was synced long ago."""


def encode_record(kind: int, payload: bytes) -> bytes:
    """Return the bytes of a record."""
    return HEAD.pack(kind, len(payload), zlib.crc32(payload, kind)) + payload


def encode_block(description: bytes, rows: bytes) -> bytes:
    """Return the payload of a `BLOCK`."""
    return _DESCRIBED.pack(len(description), zlib.crc32(description)) + description + rows


def rows_of(kind: int, payload: bytes) -> bytes:
    """Return the rows of a block's payload."""
    described = _DESCRIBED if kind == BLOCK else _OLD_DESCRIBED
    return payload[described.size + described.unpack_from(payload)[0] :]


def read_records(file: BinaryIO, path: Path) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield (type, offset, payload, end) of each complete record; for blocks, only the description.

    A record at the end that is cut off or damaged ends the log. WindlassError when an earlier record is damaged.
    """
    size = os.fstat(file.fileno()).st_size
    offset = 0
    while True:
        file.seek(offset)
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            return
        kind, length, crc = HEAD.unpack(head)
        end = offset + HEAD.size + length
        if end > size:
            return
        recent = size - end <= _TAIL_BYTES  # after a crash, the last bytes of a large block may be missing, too
        hopped = kind in (OLD_BLOCK, BLOCK) and not recent
        payload = _hopped(file, kind, length) if hopped else _checked(file, kind, length, crc)
        if payload is None:
            if recent:
                return
            raise damaged(path)
        yield kind, offset, payload, end
        offset = end


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of a write into an error that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the journal {path} cannot be written: {error.strerror or error}",
            hint="Free disk space there, or name another folder with `[replication] journals`. Then run `windlass replicate resume`.",
            code="JournalUnwritable",
        ) from error


def damaged(path: Path) -> WindlassError:
    """Return the error for a damaged log."""
    return WindlassError(
        f"the journal {path} is damaged",
        hint="Remove its folder, and seed the pair again: objects that are in sync are skipped.",
    )


def _checked(file: BinaryIO, kind: int, length: int, crc: int) -> bytes | None:
    payload = file.read(length)
    if zlib.crc32(payload, kind) != crc:
        return None
    if kind not in (OLD_BLOCK, BLOCK):
        return payload
    return payload[(_DESCRIBED if kind == BLOCK else _OLD_DESCRIBED).size : len(payload) - len(rows_of(kind, payload))]


def _hopped(file: BinaryIO, kind: int, length: int) -> bytes | None:
    """Return a block's description without its rows; None when it is damaged."""
    described = _DESCRIBED if kind == BLOCK else _OLD_DESCRIBED
    count, *sums = described.unpack(file.read(described.size))
    if count > length:
        return None
    description = file.read(count)
    return description if all(zlib.crc32(description) == crc for crc in sums) else None
