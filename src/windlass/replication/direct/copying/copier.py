"""The copier: takes the rows of the journal's blocks in turn, each prefix at the speed that the destination accepts.

Small objects go through a pipeline, which sends the next copy when a response arrives. Large objects are copied in parts, beside it.
A throttled copy is repeated at a slower pace; an object that changed since it was listed is read again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from windlass.core.errors import AwsError, ConfigError, Conflict, NotFound, Throttled, WindlassError
from windlass.replication.direct.copying.failures import Failures, Refusals, is_refusal, stopped_by
from windlass.replication.direct.copying.journal import Block, Journal
from windlass.replication.direct.copying.pacer import Paces
from windlass.replication.own_keys import ARCHIVE_CLASSES
from windlass.wire.copy_pipeline import Copy
from windlass.wire.listing import Listed

__all__ = ["FATAL_CODES", "Copier", "CopyOperations"]

_OPEN = 8
_MOST_OPEN = 64
_TICK_S = 0.004
_LARGE_AT_ONCE = 4
_HEADS_IN_FLIGHT = 32
_MOST_THROTTLED = 50

FATAL_CODES = frozenset({"EndpointUnreachable", "NoSuchBucket", "ExpiredToken", "InvalidAccessKeyId"})
_ARCHIVED = AwsError("the object is archived", code="InvalidObjectState", hint="Restore it first.")

Token = tuple[Block, int]


@dataclass(frozen=True, slots=True)
class CopyOperations:
    """The operations that copy a row. `room` and `send` belong to the pipeline; the others are awaited."""

    room: Callable[[], int]
    """Return how many copies may be sent now."""
    send: Callable[[Token, Listed], None]
    copy_large: Callable[[Listed], Awaitable[None]]
    """Copy one object in parts."""
    is_copied: Callable[[Listed], Awaitable[bool]]
    """True when the destination has the object."""
    is_readable: Callable[[Listed], Awaitable[bool]]
    """True when an archived object can be read, after its restore if needed. AwsError while another restore runs."""
    copy_current: Callable[[Listed], Awaitable[bool]]
    """Copy the current object under the key instead of the listed one. False when the key no longer exists."""


@dataclass(slots=True)
class Copier:
    """Feeds a pipeline from the journal. `on_block_done` is called per finished block; `largest` is CopyObject's limit."""

    journal: Journal
    paces: Paces
    now: Callable[[], float]
    largest: int
    on_block_done: Callable[[], None]
    operations: CopyOperations = field(init=False)
    """Set after construction: the pipeline is constructed with this copier's `done` and `pull`."""
    copied: int = 0
    copied_bytes: int = 0
    gone: int = 0
    gone_bytes: int = 0
    fatal_error: WindlassError | None = None
    """The error after which no object can be copied; None while copies succeed."""
    failures: Failures = field(default_factory=Failures)
    _waiting: deque[int] = field(default_factory=deque)
    _open: deque[Block] = field(default_factory=deque)
    _unfinished: dict[int, Block] = field(default_factory=dict)
    _refusals: Refusals[tuple[Block, int, Listed, WindlassError]] = field(default_factory=Refusals)
    _refused: dict[tuple[int, int], int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _timer: asyncio.TimerHandle | None = None
    _pumping: bool = False
    _blocked_until_tick: bool = False
    """True while no row may be sent before the next tick or a new block."""
    _stopped: bool = False
    _large_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LARGE_AT_ONCE))
    _head_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HEADS_IN_FLIGHT))

    def add(self, numbers: Iterable[int]) -> None:
        """Queue blocks to copy."""
        self._waiting.extend(numbers)
        self._blocked_until_tick = False
        self.pump()

    @property
    def backlog(self) -> int:
        """The number of queued blocks."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """True when no block is queued or in flight."""
        return not (self._waiting or self._open or self._unfinished)

    def pause(self) -> None:
        """Send nothing more; copies in flight finish."""
        self._stopped = True

    def stop(self) -> None:
        """Send nothing more, and cancel copies beside the pipeline."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def pump(self) -> None:
        """Send every row that may be sent now."""
        if self._pumping or self._stopped or self._blocked_until_tick:
            return
        self._pumping = True
        try:
            self._pump()
        finally:
            self._pumping = False

    def pull(self) -> Copy[Token] | None:
        """Return the next copy for a free connection of the pipeline; None when no row may be sent now."""
        if self._stopped or self._blocked_until_tick:
            return None
        block, now = self._open[0] if self._open else None, self.now()
        # The common case: the next row of the current block. In a block with many prefixes, the next row mostly has the
        # same prefix.
        if block is not None and block.plain and block.next < len(block.rows):
            index = block.next
            row = block.rows[index]
            if (block.pace or self.paces.of(row.key)).take(now):
                block.next = index + 1
                return (block, index), row.key, row.etag, row.storage_class
        token = self._next(now)
        if token is None:
            self._schedule_tick()
            return None
        row = token[0].rows[token[1]]
        return token, row.key, row.etag, row.storage_class

    def done(self, token: Token, error: WindlassError | None) -> None:
        """Record the result of a copy that the pipeline sent."""
        block, index = token
        row = block.rows[index]
        if error is None:
            self.copied += 1
            self.copied_bytes += row.size_bytes
            self._mark(block, index)
            if self._refusals:
                self._succeeded()
        elif isinstance(error, Throttled):
            self._throttled(block, index, row, error)
        elif isinstance(error, (Conflict, NotFound)):
            self._spawn(self._copy_current(block, index, row))
        else:
            self._failed(block, index, row, error)

    # Sending

    def _pump(self) -> None:
        now = self.now()
        while self.operations.room() > 0:
            token = self._next(now)
            if token is None:
                break
            block, index = token
            row = block.rows[index]
            self.operations.send(token, row)
        self._schedule_tick()

    def _schedule_tick(self) -> None:
        """Schedule the next attempt to send."""
        if self._timer is None and (self._open or self._waiting):
            self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._blocked_until_tick = False
        self.pump()

    def _next(self, now: float) -> Token | None:
        """Return the next row that its pace allows, taking the open blocks in turn. Opens more blocks when these have
        none.
        """
        opened = self._open
        for _ in range(len(opened)):
            block = opened[0]
            token = self._next_in_block(block, now)
            if token is not None:
                return token
            opened.rotate(-1)
        while self._waiting and len(self._open) < (_OPEN if self._one_prefix() else _MOST_OPEN):
            block = self._open_block(self._waiting.popleft())
            token = self._next_in_block(block, now)
            if token is not None:
                self._open.rotate(1)  # the next pull continues with this block
                return token
        self._blocked_until_tick = True
        return None

    def _one_prefix(self) -> bool:
        """True when all open blocks have one top-level prefix: more open blocks would not copy faster."""
        return len({block.rows[0].key.partition("/")[0] for block in self._open}) <= 1

    def _next_in_block(self, block: Block, now: float) -> Token | None:
        if block.again:
            index = block.again[-1]
            if not self.paces.of(block.rows[index].key).take(now):
                return None
            block.again.pop()
            return block, index
        while block.next < len(block.rows):
            row = block.rows[block.next]
            if block.done >> block.next & 1:
                block.next += 1
                continue
            if row.storage_class in ARCHIVE_CLASSES:
                index, block.next = block.next, block.next + 1
                self._spawn(self._copy_archived(block, index, row))
                continue
            if row.size_bytes > self.largest or block.doubtful:
                index, block.next = block.next, block.next + 1
                self._spawn(self._copy_slowly(block, index, row))
                continue
            if not self.paces.of(row.key).take(now):
                return None
            index, block.next = block.next, block.next + 1
            return block, index
        if not block.again and block in self._open:
            self._open.remove(block)
        return None

    def _open_block(self, number: int) -> Block:
        block = self.journal.open(number)
        keys, sizes, _, _, classes = zip(*block.rows, strict=True)
        first, last, texts = keys[0], keys[-1], "".join(keys)
        top = first[: first.find("/") + 1]
        if "/" not in texts or (
            top and last.startswith(top)
        ):  # rows are in key order, so all rows between have this prefix, too
            block.pace = self.paces.of(first)
        block.plain = (
            not block.done and not block.doubtful and max(sizes) <= self.largest and ARCHIVE_CLASSES.isdisjoint(classes)
        )
        self._open.append(block)
        if block.left:
            self._unfinished[number] = block
        else:
            self._close_block(block)
        return block

    # Copies beside the pipeline

    async def _copy_slowly(self, block: Block, index: int, row: Listed) -> None:
        """Copy a row that needs a HEAD first, or many requests."""
        try:
            if block.doubtful:
                async with self._head_slots:
                    if await self.operations.is_copied(row):
                        self._copied(block, index, row)
                        return
            if row.size_bytes > self.largest:
                async with self._large_slots:
                    await self.operations.copy_large(row)
                self._copied(block, index, row)
            else:
                self._retry(block, index)
        except Throttled as error:
            self._throttled(block, index, row, error)
        except NotFound as error:
            if error.code == "NoSuchBucket":
                self._failed(block, index, row, error)
            else:
                await self._copy_current(block, index, row)
        except WindlassError as error:
            self._failed(block, index, row, error)

    async def _copy_archived(self, block: Block, index: int, row: Listed) -> None:
        """Copy a row of an archive class, if a restored copy can be read."""
        try:
            restored = await self.operations.is_readable(row)
        except Throttled as error:
            self._throttled(block, index, row, error)
        except WindlassError as error:
            self._failed(block, index, row, error)
        else:
            if restored:
                await self._copy_slowly(block, index, row)
            else:
                self._failed(block, index, row, _ARCHIVED)

    async def _copy_current(self, block: Block, index: int, row: Listed) -> None:
        """Copy the current object under the key: the object changed after it was listed, or was deleted."""
        try:
            async with self._head_slots:
                copied = await self.operations.copy_current(row)
        except Throttled as error:
            self._throttled(block, index, row, error)
        except WindlassError as error:
            self._failed(block, index, row, error)
        else:
            (self._copied if copied else self._skip_deleted)(block, index, row)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Results

    def _copied(self, block: Block, index: int, row: Listed) -> None:
        self.copied += 1
        self.copied_bytes += row.size_bytes
        self._mark(block, index)
        self._succeeded()

    def _skip_deleted(self, block: Block, index: int, row: Listed) -> None:
        """Count a row whose object was deleted after it was listed."""
        self.gone += 1
        self.gone_bytes += row.size_bytes
        self.journal.skipped(1, row.size_bytes)
        self._mark(block, index)
        self._release_if_nothing_else()

    def _throttled(self, block: Block, index: int, row: Listed, error: WindlassError) -> None:
        self.paces.of(row.key).refused(self.now())
        times = self._refused[block.number, index] = self._refused.get((block.number, index), 0) + 1
        if times > _MOST_THROTTLED:
            self._failed(block, index, row, error)
        else:
            self._retry(block, index)

    def _retry(self, block: Block, index: int) -> None:
        block.again.append(index)
        block.plain = False
        if block not in self._open:
            self._open.append(block)
        self._blocked_until_tick = False
        self.pump()

    def _failed(self, block: Block, index: int, row: Listed, error: WindlassError) -> None:
        if isinstance(error, ConfigError) or error.code in FATAL_CODES:
            self._stop_with(error)
        elif is_refusal(error):
            if self._refusals.add((block, index, row, error)):
                self._stop_with(stopped_by(error, self._refusals.in_a_row))
            self._release_if_nothing_else()
        else:
            self._record_failure(block, index, row, error)
            self._release_if_nothing_else()

    def _stop_with(self, error: WindlassError) -> None:
        """Stop the seed: the error does not concern this object alone. A resumed seed continues at this row."""
        self.fatal_error = self.fatal_error or error
        self._stopped = True
        self.on_block_done()

    def _succeeded(self) -> None:
        """Record as failures the held refusals that a later success shows to concern their objects alone."""
        for held in self._refusals.succeeded():
            self._record_failure(*held)
        self._release_if_nothing_else()

    def _release_if_nothing_else(self) -> None:
        """Record the held refusals as failures when no other row is left that could still succeed."""
        held = len(self._refusals)
        if held and not self._stopped and not self._waiting and self._rows_left() == held:
            for refusal in self._refusals.release():
                self._record_failure(*refusal)

    def _rows_left(self) -> int:
        return sum(block.left for block in self._unfinished.values())

    def _record_failure(self, block: Block, index: int, row: Listed, error: WindlassError) -> None:
        """Record a failure in the counts and in the journal."""
        code = error.code or type(error).__name__
        self.failures.add(row.key, code, error.message)
        self.journal.failed(row, code, error.message)
        self._mark(block, index)

    def _mark(self, block: Block, index: int) -> None:
        self.journal.mark(block, index)
        if self._refused:
            self._refused.pop((block.number, index), None)
        if not block.left:
            self._close_block(block)
            self.on_block_done()

    def _close_block(self, block: Block) -> None:
        self._unfinished.pop(block.number, None)
        if block in self._open:
            self._open.remove(block)
