"""Copies the versions in the journal's blocks: the versions of one key in order, the oldest first; many keys at once.

A key is listed again before it is copied when its history changed, or when an earlier process or a lost response may
have copied some of it. Then its missing versions are copied.
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
from windlass.replication.direct.copying.failures import Failures, Refusals, is_refusal, stopped_by
from windlass.replication.direct.copying.journal import BlockOf, JournalOf
from windlass.replication.direct.copying.pacer import Paces
from windlass.replication.direct.versions.operations import VersionStep, step_of
from windlass.replication.direct.versions.sequence import NEWER, OUT_OF_ORDER, Outlook
from windlass.replication.failures import explain

__all__ = ["BEHIND", "VersionCopier", "VersionCopyOperations"]

BEHIND = "OlderVersionFailed"

_OPEN = 16
_TURN_S, _LONGEST_TURN_S = 0.004, 0.25
_MOST_THROTTLED = 50
_MAX_ATTEMPTS = 8
_FIRST_S, _LONGEST_S = 0.1, 5.0
_UNCLEAR = TRANSIENT_CODES | {
    "ConnectionLost",
    "ReadTimeout",
    "BrokenResponse",
    "EndpointUnreachable",
    "ConditionalRequestConflict",
    "500",
    "502",
    "504",
}
_FROZEN = ("InvalidObjectState", "the version is archived")

Chain = tuple[BlockOf[VersionStep], list[int]]
"""The unfinished rows of a key in a block, as indexes."""


class VersionCopyOperations(Protocol):
    """The calls that list a key's history and copy one of its versions."""

    async def compare_key(self, key: str) -> tuple[Outlook, str]:
        """Return what must be done for a key, and the ETag of the destination's current version."""

    async def put(self, step: VersionStep, top: str) -> str:
        """Copy one version, and return the ETag of the current version after it."""


@dataclass(slots=True)
class VersionCopier:
    """Copies `concurrency` keys side by side. `on_block_done` is called when a block is done."""

    journal: JournalOf[VersionStep]
    paces: Paces
    operations: VersionCopyOperations
    now: Callable[[], float]
    concurrency: int
    on_block_done: Callable[[], None]
    copied: int = 0
    copied_bytes: int = 0
    gone: int = 0
    gone_bytes: int = 0
    fatal_error: WindlassError | None = None
    """The error after which no version can be copied; None while copies succeed."""
    failures: Failures = field(default_factory=Failures)
    under_way: int = 0
    """The number of keys being copied."""
    _waiting: deque[int] = field(default_factory=deque)
    _open: deque[tuple[BlockOf[VersionStep], Iterator[list[int]]]] = field(default_factory=deque)
    _unfinished: set[int] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stopped: bool = False
    _refusals: Refusals[tuple[_Key, WindlassError]] = field(default_factory=Refusals)

    def add(self, numbers: Iterable[int]) -> None:
        """Queue blocks to copy."""
        self._waiting.extend(numbers)
        while len(self._tasks) < self.concurrency and (chain := self._next()) is not None:
            task = asyncio.get_running_loop().create_task(self._work(chain))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    @property
    def backlog(self) -> int:
        """The number of queued blocks."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """True when no block is queued or in flight."""
        return not (self._waiting or self._open or self._unfinished)

    def pause(self) -> None:
        """Start nothing more; versions in flight finish."""
        self._stopped = True

    def stop(self) -> None:
        """Start nothing more, and cancel the versions in flight."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Wait until the cancelled tasks have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Selection of the next key

    def _next(self) -> Chain | None:
        """Return a key, taking the open blocks in turn. Opens more blocks while few are open."""
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
            self._release_if_nothing_else()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if (
            not task.cancelled() and (error := task.exception()) is not None
        ):  # without this, a bug of ours would make the seed wait forever
            self.fatal_error = self.fatal_error or WindlassError(f"{type(error).__name__}: {error}")
            self.on_block_done()

    # One key

    async def _key(self, block: BlockOf[VersionStep], indexes: list[int]) -> None:
        """Copy the missing versions of one key, with retries."""
        work = _Key(block, {block.rows[at].version_id: at for at in indexes}, [block.rows[at] for at in indexes])
        work.top = None if block.doubtful else work.steps[0].top
        failures = throttled = 0
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
                failures += 1
                if not _unclear(error) or failures > _MAX_ATTEMPTS:
                    self._refused(work, error)
                    break
                work.top = None
                await asyncio.sleep(min(_LONGEST_S, _FIRST_S * 2**failures) * random.uniform(0.5, 1.0))  # noqa: S311  no secret

    async def _tried(self, work: _Key) -> bool:
        """List the key if needed, and copy. True when the key is finished; False when the seed was stopped."""
        if work.top is None:
            outlook, top = await self.operations.compare_key(work.key)
            for version in outlook.archived:
                self._row_failed(work, version.version_id, *_FROZEN)
            missing_versions = {version.version_id for version in outlook.missing_versions}
            for version_id in work.left.keys() - missing_versions:
                self._there(work, version_id)
            if outlook.conflict:
                self._failed(work, outlook.conflict, explain(outlook.conflict).meaning)
                return True
            work.steps, work.top = [step_of(version, None) for version in outlook.missing_versions], top
        while work.steps:
            step = work.steps[0]
            if not await self._turn(step.key):
                return False
            work.top = await self.operations.put(step, work.top)
            del work.steps[0]
            self._copied(work, step)
        return True

    async def _turn(self, key: str) -> bool:
        """Wait until the pace allows one more copy. False when the seed was stopped."""
        pace = self.paces.of(key)
        while not self._stopped:
            if pace.take(self.now()):
                return True
            # Each waiting task checks about four times during one round of all tasks.
            await asyncio.sleep(min(_LONGEST_TURN_S, max(_TURN_S, len(self._tasks) / pace.rate / 4)))
        return False

    # Results

    def _copied(self, work: _Key, step: VersionStep) -> None:
        if self._refusals:
            for refused in self._refusals.succeeded():
                self._key_failed(*refused)
        index = work.left.pop(step.version_id, None)
        if index is not None:  # a version created after the listing is not in the counts
            self.copied += 1
            self.copied_bytes += step.size_bytes
            self._mark(work.block, index)

    def _there(self, work: _Key, version_id: str) -> None:
        """Count a version that no longer needs a copy. If the listing showed it as missing, this seed or its earlier
        process copied it.
        """
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
        if isinstance(error, ConfigError) or error.code in FATAL_CODES:
            self._stop_with(error)
        elif not is_refusal(error):
            self._key_failed(work, error)
        elif self._refusals.add((work, error)):
            self._stop_with(stopped_by(error, self._refusals.in_a_row))

    def _stop_with(self, error: WindlassError) -> None:
        """Stop the seed: the error does not concern this key alone. A resumed seed continues at this key."""
        self.fatal_error = self.fatal_error or error
        self._stopped = True
        self.on_block_done()

    def _release_if_nothing_else(self) -> None:
        """Record the held refusals as failures when no other key is left that could still succeed."""
        if self._refusals and not (self._stopped or self.under_way or self._waiting or self._open):
            for refused in self._refusals.release():
                self._key_failed(*refused)

    def _key_failed(self, work: _Key, error: WindlassError) -> None:
        self._failed(work, error.code or type(error).__name__, error.message)

    def _failed(self, work: _Key, code: str, message: str) -> None:
        """Record the failure of the next version, and of the newer ones, which must not be copied before it."""
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

    def _mark(self, block: BlockOf[VersionStep], index: int) -> None:
        self.journal.mark(block, index)
        if not block.left:
            self._unfinished.discard(block.number)
            self.on_block_done()


@dataclass(slots=True)
class _Key:
    """The state of a key: its unfinished rows by version id, the steps left, and the current ETag at the destination
    (None: unknown).
    """

    block: BlockOf[VersionStep]
    left: dict[str, int]
    steps: list[VersionStep]
    top: str | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.steps[0].key


def _chains(block: BlockOf[VersionStep]) -> Iterator[list[int]]:
    """Yield the unfinished rows of each key."""
    for _, indexes in groupby(range(len(block.rows)), lambda at: block.rows[at].key):
        left = [at for at in indexes if not block.done >> at & 1]
        if left:
            yield left


def _unclear(error: WindlassError) -> bool:
    """True when the copy may have been made despite the error, or the key's history may have changed."""
    if isinstance(error, (Conflict, NotFound)):
        return error.code != "NoSuchBucket"
    return isinstance(error, AwsError) and error.code in _UNCLEAR
