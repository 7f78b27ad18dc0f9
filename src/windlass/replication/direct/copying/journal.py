"""The journal of a seed: what is listed and what is copied, on disk. A killed process continues from here.

Two logs are appended to. `plan` has the ranges, how far each is listed, and blocks of rows to copy; a block is written
before the first of its rows is copied. `done` has the finished rows of each block, committed a few times a second. A
record is `type, length, CRC-32, payload`. A record that is cut off at the end of a log is ignored. Opening a journal
seeks over the blocks' rows and reads them only when they are needed, so a journal of a hundred million rows opens at
once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, Self, TypeVar

import orjson

from windlass.core.compression import compressor, decompress
from windlass.core.errors import Conflict
from windlass.replication.direct.copying.journal_records import (
    BLOCK,
    HEAD,
    OLD_BLOCK,
    damaged,
    encode_block,
    encode_record,
    read_records,
    rows_of,
    writing,
)
from windlass.replication.direct.copying.pacer import Pace
from windlass.replication.direct.listing.ranges import Range
from windlass.wire.listing import Listed

__all__ = ["Block", "BlockOf", "Journal", "JournalOf", "Ledger"]

_SIZE = attrgetter("size_bytes")
_BIT = struct.Struct("<I")
_RANGE, _CUT, _END, _LISTED = 1, 2, 4, 5
_DONE, _WHOLE, _OPENED, _FAILED, _SKIPPED = 11, 12, 13, 14, 15
_FRESH_BLOCKS = 16


class Sized(Protocol):
    """A row to copy: a tuple of strings, numbers and booleans, which JSON preserves."""

    @property
    def key(self) -> str:
        """Return the object's key."""

    @property
    def size_bytes(self) -> int:
        """Return the object's size."""


R = TypeVar("R", bound=Sized)


@dataclass(slots=True, eq=False)
class BlockOf(Generic[R]):
    """A block of rows to copy, with one bit per finished row."""

    number: int
    rows: Sequence[R]
    done: int = 0
    left: int = field(init=False)
    """The number of rows that are not finished."""
    doubtful: bool = False
    """True when an earlier process started the block: rows may be copied without a record of it."""
    plain: bool = False
    """True when no row from `next` on is finished and every row is a small, readable object: no row needs a check."""
    pace: Pace | None = None
    """The pace of all rows, if they share one."""
    next: int = 0
    again: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = len(self.rows) - self.done.bit_count()


Block = BlockOf[Listed]


@dataclass(slots=True)
class Ledger:
    """The content of a journal when it is opened."""

    ranges: list[Range] = field(default_factory=list)
    largest: int = 0
    new: bool = True
    """True when nothing is listed yet."""
    listed: bool = False
    blocks: dict[int, int] = field(default_factory=dict)
    """The offset in `plan` of each unfinished block."""
    begun: dict[int, int] = field(default_factory=dict)
    """The bits of the finished rows of started blocks."""
    total: int = 0
    total_bytes: int = 0
    skipped: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Keys that are not copied because the destination has a newer object."""
    copied: int = 0
    copied_bytes: int = 0


class JournalOf(Generic[R]):
    """The journal of one seed, open in one process at a time (Conflict). Close it, or use it with `with`. `row`
    constructs a row.
    """

    def __init__(self, folder: Path, row: Callable[..., R]) -> None:
        self.folder, self._row = folder, row
        self._files = contextlib.ExitStack()
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._files.enter_context((folder / "lock").open("wb"))
        self.ledger = Ledger()
        self._sizes: dict[int, tuple[int, int]] = {}
        self._fresh: dict[int, Sequence[R]] = {}  # unopened blocks that are still in memory
        self._next = 0
        self._compress = compressor(level=1)
        try:
            self._claim()
            self._plan = self._opened("plan", self._read_plan)
            self._done = self._opened("done", self._read_done)
            self._settle()
        except BaseException:
            self._files.close()
            raise
        self._dirty: dict[int, BlockOf[R]] = {}
        self._lines: list[bytes] = []

    # The plan

    def begin(self, ranges: Iterable[Range]) -> None:
        """Record the ranges of a new seed."""
        for listed_range in ranges:
            self._append(self._plan, _RANGE, _text([listed_range.number, listed_range.after, listed_range.upto]))

    def split(self, number: int, new: int, at: str) -> None:
        """Record the split of a range into two."""
        self._append(self._plan, _CUT, _text([number, new, at]))

    def block(self, of: int, through: str, rows: Sequence[R], *, skipped: int, refused: Sequence[R] = ()) -> int:
        """Record a compared page: `of` is listed up to `through`, and `rows` are to be copied. Return the block's
        number.

        `refused` rows count as failed: they are not copied, now or after an interruption.
        """
        number, self._next = self._next, self._next + 1
        size = sum(map(_SIZE, rows))
        meta = _text([number, of, through, len(rows), size, skipped, *([[row.key, row.size_bytes] for row in refused])])
        # Columns are faster to encode than rows, and smaller.
        body = self._compress(_text(list(zip(*rows, strict=True)))) if rows else b""
        offset = self._append(self._plan, BLOCK, encode_block(meta, body))
        if rows:
            self.ledger.blocks[number] = offset
            self._sizes[number] = (len(rows), size)
            if len(self._fresh) < _FRESH_BLOCKS:
                self._fresh[number] = rows
        self.ledger.total += len(rows) + len(refused)
        self.ledger.total_bytes += size + sum(map(_SIZE, refused))
        self.ledger.skipped += skipped
        return number

    def range_done(self, number: int) -> None:
        """Record that a range is listed to its end."""
        self._append(self._plan, _END, _text(number))

    def listed(self) -> None:
        """Record that all ranges are listed."""
        self.ledger.listed = True
        self._append(self._plan, _LISTED, b"")

    # What is done

    def open(self, number: int) -> BlockOf[R]:
        """Return the rows of a block that is about to be copied."""
        rows = self._fresh.pop(number, None) or self._rows(self.ledger.blocks[number])
        begun = self.ledger.begun.get(number)
        if begun is None:
            self._append(self._done, _OPENED, _BIT.pack(number))
        return BlockOf(number, rows, begun or 0, doubtful=begun is not None)

    def mark(self, block: BlockOf[R], index: int) -> None:
        """Mark a row as finished. The next commit writes it."""
        block.done |= 1 << index
        block.left -= 1
        self._dirty[block.number] = block

    def failed(self, row: R, code: str, message: str) -> None:
        """Record that a row cannot be copied."""
        self._lines.append(encode_record(_FAILED, _text({"key": row.key, "code": code, "message": message[:500]})))

    def skipped(self, number: int, size_bytes: int) -> None:
        """Record rows that needed no copy."""
        self._lines.append(encode_record(_SKIPPED, _text([number, size_bytes])))

    def commit(self, *, sync: bool = False) -> None:
        """Write the finished rows so far."""
        records = self._lines
        complete_blocks: list[int] = []
        for number, block in self._dirty.items():
            if block.left:
                length = (len(block.rows) + 7) // 8
                records.append(encode_record(_DONE, _BIT.pack(number) + block.done.to_bytes(length, "little")))
            else:
                complete_blocks.append(number)
                self.ledger.blocks.pop(number, None)
                self._sizes.pop(number, None)
        if complete_blocks:
            records.append(encode_record(_WHOLE, b"".join(map(_BIT.pack, complete_blocks))))
        self._lines, self._dirty = [], {}
        with writing(self.folder / "done"):
            if records:
                self._done.write(b"".join(records))
                self._done.flush()
            if sync:
                os.fsync(self._plan.fileno())
                os.fsync(self._done.fileno())

    def files(self) -> tuple[int, int]:
        """Return the file descriptors of both logs, so that the caller can sync them."""
        return self._plan.fileno(), self._done.fileno()

    def forget(self) -> None:
        """Remove the files of a finished seed."""
        self.close()
        for name in ("plan", "done", "lock"):
            (self.folder / name).unlink(missing_ok=True)
        self.folder.rmdir()

    def close(self) -> None:
        """Commit, and close the files."""
        if not self._lock.closed:
            try:
                self.commit(sync=True)
            finally:
                with writing(self.folder):  # one more attempt to write the remaining records
                    self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Files

    def _append(self, file: BinaryIO, kind: int, payload: bytes) -> int:
        with writing(Path(file.name)):
            offset = file.tell()
            file.write(encode_record(kind, payload))
            file.flush()
        return offset

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                f"another process runs this seed and holds {self.folder / 'lock'}",
                hint="Wait until it ends, or stop it.",
            ) from None

    def _opened(self, name: str, read: Any) -> BinaryIO:
        path = self.folder / name
        path.touch()
        file = self._files.enter_context(path.open("r+b"))
        file.seek(read(file))
        file.truncate()
        return file

    def _rows(self, offset: int) -> list[R]:
        at = self._plan.tell()
        self._plan.seek(offset)
        kind, length, crc = HEAD.unpack(self._plan.read(HEAD.size))
        payload = self._plan.read(length)
        self._plan.seek(at)
        if len(payload) != length or zlib.crc32(payload, kind) != crc:
            raise damaged(self.folder / "plan")
        return list(starmap(self._row, zip(*_read(decompress(rows_of(kind, payload))), strict=True)))

    def _read_plan(self, file: BinaryIO) -> int:
        ranges: dict[int, Range] = {}
        ledger, end = self.ledger, 0
        for kind, offset, payload, end in read_records(file, self.folder / "plan"):  # noqa: B007  the last one's end is wanted
            if kind in (OLD_BLOCK, BLOCK):
                number, of, through, rows, size, skipped, *refused = _read(payload)
                if of in ranges:
                    ranges[of].after = through
                self._next = number + 1
                ledger.refused += [key for key, _ in refused]
                ledger.total += rows + len(refused)
                ledger.total_bytes += size + sum(refused_bytes for _, refused_bytes in refused)
                ledger.skipped += skipped
                if rows:
                    ledger.blocks[number] = offset
                    self._sizes[number] = (rows, size)
            elif kind == _RANGE:
                number, after, upto = _read(payload)
                ranges[number] = Range(number, after, upto)
                ledger.new = False
            elif kind == _CUT:
                number, new, at = _read(payload)
                ranges[new] = Range(new, at, ranges[number].upto)
                ranges[number].upto = at
            elif kind == _END:
                ranges.pop(_read(payload), None)
            elif kind == _LISTED:
                ledger.listed = True
            ledger.largest = max(ledger.largest, *ranges, 0)
        ledger.ranges = list(ranges.values())
        ledger.listed = ledger.listed or not (ledger.new or ranges)
        return end

    def _read_done(self, file: BinaryIO) -> int:
        ledger, end = self.ledger, 0
        for kind, _, payload, end in read_records(file, self.folder / "done"):  # noqa: B007  the last one's end is wanted
            if kind == _WHOLE:
                for (number,) in _BIT.iter_unpack(payload):
                    self._whole(number)
            elif kind == _DONE:
                (number,) = _BIT.unpack_from(payload)
                self._taken(number)
                ledger.begun[number] = int.from_bytes(payload[_BIT.size :], "little")
            elif kind == _OPENED:
                (number,) = _BIT.unpack(payload)
                self._taken(number)
                ledger.begun.setdefault(number, 0)
            elif kind == _FAILED:
                ledger.failed.append(_read(payload))
            elif kind == _SKIPPED:
                rows, size = _read(payload)
                ledger.skipped += rows
                ledger.copied -= rows
                ledger.copied_bytes -= size
                ledger.total -= rows
                ledger.total_bytes -= size
        return end

    def _taken(self, number: int) -> None:
        """Skip the number of a block that `plan` does not have: a new block with this number would count as finished."""
        self._next = max(self._next, number + 1)

    def _whole(self, number: int) -> None:
        self._taken(number)
        self.ledger.blocks.pop(number, None)
        self.ledger.begun.pop(number, None)
        rows, size = self._sizes.pop(number, (0, 0))
        self.ledger.copied += rows
        self.ledger.copied_bytes += size

    def _settle(self) -> None:
        """Count the finished rows of unfinished blocks. Failed rows are finished, and not copied."""
        for number, bits in self.ledger.begun.items():
            if bits and number in self.ledger.blocks:
                rows = self._rows(self.ledger.blocks[number])
                self.ledger.copied += bits.bit_count()
                self.ledger.copied_bytes += sum(row.size_bytes for at, row in enumerate(rows) if bits >> at & 1)
        self.ledger.copied -= len(self.ledger.failed)


class Journal(JournalOf[Listed]):
    """The journal of objects."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Listed)


def _text(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a key can contain half a surrogate pair, which is not UTF-8
        return json.dumps(value, separators=(",", ":")).encode()


def _read(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
