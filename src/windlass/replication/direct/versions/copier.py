"""Copies what the journal's blocks hold of versions: of one key one after the other, oldest first; of many keys at once.

A key whose history is not as it was listed, or of which an earlier process or a lost answer may have done something, is looked
at anew: what it lacks then is copied.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from windlass.core.aws_errors import TRANSIENT_CODES
from windlass.core.errors import AwsError, ConfigError, Conflict, NotFound, Throttled, WindlassError
from windlass.replication.direct.copying.copier import FATAL_CODES
from windlass.replication.direct.copying.failures import MOST_REFUSALS, Failures, is_refusal, stopped_by
from windlass.replication.direct.copying.journal import BlockOf, JournalOf
from windlass.replication.direct.copying.pacer import Paces
from windlass.replication.direct.versions.operations import Step, step_of
from windlass.replication.direct.versions.sequence import NEWER, OUT_OF_ORDER, Outlook
from windlass.replication.failures import explain

__all__ = ["BEHIND", "CopyOperations", "VersionCopier"]

BEHIND = "OlderVersionFailed"

_OPEN = 16
_TURN_S, _LONGEST_TURN_S = 0.004, 0.25
_MOST_THROTTLED = 50
_MOST_LOOKS = 8
_FIRST_S, _LONGEST_S = 0.1, 5.0
_UNCLEAR = TRANSIENT_CODES | {
    "ConnectionLost",
    "ReadTimeout",
    "BrokenAnswer",
    "EndpointUnreachable",
    "ConditionalRequestConflict",
    "500",
    "502",
    "504",
}
_FROZEN = ("InvalidObjectState", "the version is archived")

Chain = tuple[BlockOf[Step], list[int]]
"""What is left of a key in a block: indexes of its rows."""


class CopyOperations(Protocol):
    """How a key is looked at, and one of its versions put."""

    async def look(self, key: str) -> tuple[Outlook, str]:
        """What is to be done about a key, and what is on top at the destination."""

    async def put(self, step: Step, top: str) -> str:
        """Put one on top; what is on top then."""


@dataclass(slots=True)
class VersionCopier:
    """Copies `concurrency` keys side by side. `on_block_done` is called when a block is done."""

    journal: JournalOf[Step]
    paces: Paces
    operations: CopyOperations
    now: Callable[[], float]
    concurrency: int
    on_block_done: Callable[[], None]
    copied: int = 0
    copied_bytes: int = 0
    gone: int = 0
    gone_bytes: int = 0
    fatal_error: WindlassError | None = None
    """Why nothing could be copied any more."""
    failures: Failures = field(default_factory=Failures)
    under_way: int = 0
    """Keys that are being copied."""
    _waiting: deque[int] = field(default_factory=deque)
    _open: deque[tuple[BlockOf[Step], Iterator[list[int]]]] = field(default_factory=deque)
    _unfinished: set[int] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stopped: bool = False
    _refused_in_a_row: int = 0

    def add(self, numbers: Iterable[int]) -> None:
        """Blocks to copy."""
        self._waiting.extend(numbers)
        while len(self._tasks) < self.concurrency and (chain := self._next()) is not None:
            task = asyncio.get_running_loop().create_task(self._work(chain))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    @property
    def backlog(self) -> int:
        """Blocks that wait."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is under way."""
        return not (self._waiting or self._open or self._unfinished)

    def pause(self) -> None:
        """Begin nothing more; versions that are under way end as they may."""
        self._stopped = True

    def stop(self) -> None:
        """Begin nothing more, and wait for nothing."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Wait until what was stopped has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Who is next

    def _next(self) -> Chain | None:
        """A key of the open blocks in turn; blocks are opened while few are."""
        while not self._stopped:
            while self._waiting and len(self._open) < _OPEN:
                self._begin(self._waiting.popleft())
            if not self._open:
                return None
            block, chains = self._open.popleft()
            chain = next(chains, None)
            if chain is not None:
                self._open.append((block, chains))
                return block, chain
        return None

    def _begin(self, number: int) -> None:
        block = self.journal.open(number)
        if block.left:
            self._unfinished.add(number)
            self._open.append((block, _chains(block)))

    async def _work(self, chain: Chain | None) -> None:
        self.under_way += 1
        try:
            while chain is not None:
                await self._key(*chain)
                chain = self._next()
        finally:
            self.under_way -= 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:  # a fault of ours must not be waited for
            self.fatal_error = self.fatal_error or WindlassError(f"{type(error).__name__}: {error}")
            self.on_block_done()

    # One key

    async def _key(self, block: BlockOf[Step], indexes: list[int]) -> None:
        """Bring one key in order, whatever it takes."""
        work = _Key(block, {block.rows[at].version_id: at for at in indexes}, [block.rows[at] for at in indexes])
        work.top = None if block.doubtful else work.steps[0].top
        looks = throttled = 0
        while not self._stopped:
            try:
                if await self._tried(work):
                    break
            except Throttled as error:
                self.paces.of(work.key).refused(self.now())
                throttled += 1
                if throttled > _MOST_THROTTLED:
                    self._failed(work, error.code, error.message)
                    break
            except WindlassError as error:
                looks += 1
                if not _unclear(error) or looks > _MOST_LOOKS:
                    self._refused(work, error)
                    break
                work.top = None
                await asyncio.sleep(min(_LONGEST_S, _FIRST_S * 2**looks) * random.uniform(0.5, 1.0))  # noqa: S311  no secret

    async def _tried(self, work: _Key) -> bool:
        """Look where that is needed, and copy; whether the key is over. False when we were stopped."""
        if work.top is None:
            outlook, top = await self.operations.look(work.key)
            for one in outlook.archived:
                self._row_failed(work, one.version_id, *_FROZEN)
            lacking = {one.version_id for one in outlook.lacking}
            for version_id in work.left.keys() - lacking:
                self._there(work, version_id)
            if outlook.conflict:
                self._failed(work, outlook.conflict, explain(outlook.conflict).meaning)
                return True
            work.steps, work.top = [step_of(one, None) for one in outlook.lacking], top
        while work.steps:
            step = work.steps[0]
            if not await self._turn(step.key):
                return False
            work.top = await self.operations.put(step, work.top)
            del work.steps[0]
            self._copied(work, step)
        return True

    async def _turn(self, key: str) -> bool:
        """Wait until the destination may be sent one more; False when we were stopped."""
        pace = self.paces.of(key)
        while not self._stopped:
            if pace.take(self.now()):
                return True
            # All that wait look now and then: about four times while each had its turn.
            await asyncio.sleep(min(_LONGEST_TURN_S, max(_TURN_S, len(self._tasks) / pace.rate / 4)))
        return False

    # Ends

    def _copied(self, work: _Key, step: Step) -> None:
        self._refused_in_a_row = 0
        index = work.left.pop(step.version_id, None)
        if index is not None:  # one that came after the listing is no part of what was counted
            self.copied += 1
            self.copied_bytes += step.size_bytes
            self._mark(work.block, index)

    def _there(self, work: _Key, version_id: str) -> None:
        """No longer lacking, or no longer at the source. What the listing knew to be lacking was copied by us, whoever noted it."""
        index = work.left.pop(version_id)
        row = work.block.rows[index]
        if row.top is None:
            self.gone += 1
            self.gone_bytes += row.size_bytes
            self.journal.skipped(1, row.size_bytes)
        else:
            self.copied += 1
            self.copied_bytes += row.size_bytes
        self._mark(work.block, index)

    def _refused(self, work: _Key, error: WindlassError) -> None:
        self._refused_in_a_row = self._refused_in_a_row + 1 if is_refusal(error) else 0
        everything = self._refused_in_a_row >= MOST_REFUSALS
        if everything or isinstance(error, ConfigError) or error.code in FATAL_CODES:
            # No fault of this key's: the seed ends here, and goes on from here when that is mended.
            self.fatal_error = self.fatal_error or (stopped_by(error, self._refused_in_a_row) if everything else error)
            self._stopped = True
            self.on_block_done()
            return
        self._failed(work, error.code or type(error).__name__, error.message)

    def _failed(self, work: _Key, code: str, message: str) -> None:
        """The next version can't be put, and those after it must not be put in its place."""
        first = work.steps[0].version_id if work.steps else ""
        for version_id in list(work.left):
            behind = first not in ("", version_id) and code not in (NEWER, OUT_OF_ORDER)
            self._row_failed(work, version_id, *((BEHIND, explain(BEHIND).meaning) if behind else (code, message)))

    def _row_failed(self, work: _Key, version_id: str, code: str, message: str) -> None:
        index = work.left.pop(version_id, None)
        if index is not None:
            self.failures.add(work.key, code, message)
            self.journal.failed(work.block.rows[index], code, message)
            self._mark(work.block, index)

    def _mark(self, block: BlockOf[Step], index: int) -> None:
        self.journal.mark(block, index)
        if not block.left:
            self._unfinished.discard(block.number)
            self.on_block_done()


@dataclass(slots=True)
class _Key:
    """A key under way: what is left of its rows (by version id), what is to be put next, and what is on top (None: not known)."""

    block: BlockOf[Step]
    left: dict[str, int]
    steps: list[Step]
    top: str | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.steps[0].key


def _chains(block: BlockOf[Step]) -> Iterator[list[int]]:
    """The rows of each key that are not done."""
    for _, indexes in groupby(range(len(block.rows)), lambda at: block.rows[at].key):
        left = [at for at in indexes if not block.done >> at & 1]
        if left:
            yield left


def _unclear(error: WindlassError) -> bool:
    """Whether it may have been done all the same, or the key is not as it was listed."""
    if isinstance(error, (Conflict, NotFound)):
        return error.code != "NoSuchBucket"
    return isinstance(error, AwsError) and error.code in _UNCLEAR
