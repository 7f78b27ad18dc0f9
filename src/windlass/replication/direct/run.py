"""One direct seed: list and compare, journal, copy, all at once."""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from windlass.core.errors import Interrupted, WindlassError
from windlass.replication.comparison import BY_ETAG, Action, Criteria
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.copying.attribute_pipeline import AttributePipeline
from windlass.replication.direct.copying.attributes import AttributeReader
from windlass.replication.direct.copying.copier import Copier, CopyOperations, Token
from windlass.replication.direct.copying.failures import Failures
from windlass.replication.direct.copying.journal import Journal, JournalOf
from windlass.replication.direct.copying.journal_records import writing
from windlass.replication.direct.copying.pacer import Paces
from windlass.replication.direct.copying.restores import Restores
from windlass.replication.direct.copying.streams import Streams
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.decisions import Decisions
from windlass.replication.direct.listing.evidence import Evidence
from windlass.replication.direct.listing.ranges import Range, Ranges, Split
from windlass.replication.direct.model import CopyProgress
from windlass.replication.failures import explain
from windlass.replication.model import Restore
from windlass.replication.own_keys import others, own_prefixes
from windlass.wire.copy_pipeline import CopyPipeline
from windlass.wire.listing import Listed

__all__ = ["Limits", "Run", "seed"]

_COMMIT_S = 0.25
_TELL_S = 0.5
_SYNC_S = 2.0
_DRAIN_S = 10.0
NEWER = "DstObjectNewer"
"""The failure of an object that the destination has with other content, written later than the source's."""
_LEAD_BLOCKS = 20_000
"""How far listing may be ahead of copying: memory does not grow with a bucket, and the disk only so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once: connections that copy, listers, copies a second to begin with and at the most."""

    connections: int = 512
    listers: int = 16
    start_per_s: float = 600.0
    most_per_s: float = 200_000.0


async def seed(
    sides: BucketPair,
    journal: Journal,
    limits: Limits,
    *,
    after: str = "",
    upto: str | None = None,
    stop: threading.Event,
    tell: Callable[[CopyProgress], object],
    carrier: AttributeReader | None = None,
    criteria: Criteria = BY_ETAG,
    restore: Restore | None = None,
) -> CopyProgress:
    """Copy what the destination lacks, from where the journal says. Interrupted when `stop` is set: it goes on from there."""
    return await _Seed(sides, journal, limits, stop, tell, carrier, criteria, restore).run(after, upto)


class Copying(Protocol):
    """Who copies the journal's blocks."""

    copied: int
    copied_bytes: int
    gone: int
    gone_bytes: int
    hopeless: WindlassError | None
    failures: Failures

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is under way."""

    def add(self, numbers: Iterable[int]) -> None:
        """Blocks to copy."""

    def pause(self) -> None:
        """Send nothing more; what is under way ends as it may."""

    def stop(self) -> None:
        """Send nothing more, and wait for nothing."""


class Sending(Protocol):
    """What has requests under way."""

    under_way: int

    async def close(self) -> None:
        """Let go of the connections."""


class Run(ABC):
    """A seed under way: lists and copies at once, commits, tells, and ends in order when it is stopped.

    Who derives from it sets `_copier` and `_flow`, and is the walk's sink.
    """

    _copier: Copying
    _flow: Sending

    def __init__(
        self,
        sides: BucketPair,
        journal: JournalOf[Any],
        limits: Limits,
        stop: threading.Event,
        tell: Callable[[CopyProgress], object],
    ) -> None:
        self._sides, self._journal, self._limits = sides, journal, limits
        self._stop, self._tell = stop, tell
        self._heard = asyncio.Event()
        self._ours = own_prefixes(sides.pair.prefix)

    async def run(self, after: str, upto: str | None) -> CopyProgress:
        """From where the journal is to the end."""
        ledger = self._journal.ledger
        for one in ledger.failed:
            self._copier.failures.add(one["key"], one["code"], one["message"])
        for key in ledger.refused:
            self._copier.failures.add(key, NEWER, explain(NEWER).meaning)
        self._copier.add(sorted(ledger.blocks, key=lambda number: number not in ledger.begun))
        listing = asyncio.create_task(self._list(after, upto))
        watching = asyncio.create_task(self._watch())
        try:
            while not (listing.done() and self._copier.idle):
                waiting = asyncio.create_task(self._heard.wait())
                await asyncio.wait(
                    {waiting, watching, *([] if listing.done() else [listing])}, return_when=asyncio.FIRST_COMPLETED
                )
                waiting.cancel()
                self._heard.clear()
                if self._copier.hopeless is not None:
                    raise self._copier.hopeless
                for task in (watching, listing):
                    if task.done():
                        task.result()
        except Interrupted:
            await self._drained()
            raise
        finally:
            listing.cancel()
            watching.cancel()
            self._copier.stop()
            await self._flow.close()
            self._journal.commit()
        return self._moved()

    async def _drained(self) -> None:
        """Wait for what is under way: a copy that nobody waited for would be made once more by who goes on."""
        loop = asyncio.get_running_loop()
        self._copier.pause()
        until = loop.time() + _DRAIN_S
        while self._flow.under_way and loop.time() < until:
            await asyncio.sleep(0.01)

    # Listing

    async def _list(self, after: str, upto: str | None) -> None:
        ledger = self._journal.ledger
        if ledger.listed:
            return
        if ledger.new:
            ledger.ranges = [Range(0, after, upto)]
            self._journal.begin(ledger.ranges)
        await self._walk(Ranges(ledger.ranges, largest=ledger.largest))
        self._journal.listed()

    @abstractmethod
    async def _walk(self, ranges: Ranges) -> None:
        """List and compare both sides."""

    def cut(self, cut: Split) -> None:
        """Sink: a range became two."""
        self._journal.cut(cut.number, cut.new, cut.at)

    def end(self, number: int) -> None:
        """Sink: a range is listed."""
        self._journal.end(number)

    # Watching

    async def _watch(self) -> None:
        """Commit, tell, and look whether to stop, now and then."""
        loop = asyncio.get_running_loop()
        told = synced = loop.time()
        while True:
            await asyncio.sleep(_COMMIT_S)
            self._journal.commit()
            if self._stop.is_set():
                raise Interrupted(f"{self._sides.pair.title} was stopped", hint="`windlass replicate resume` goes on.")
            now = loop.time()
            if now - told >= _TELL_S:
                told = now
                await loop.run_in_executor(None, self._tell, self._moved())
            if now - synced >= _SYNC_S:
                synced = now
                with writing(self._journal.folder):
                    for number in self._journal.files():
                        await loop.run_in_executor(None, os.fsync, number)

    def _moved(self) -> CopyProgress:
        ledger, copier = self._journal.ledger, self._copier
        return CopyProgress(
            total=ledger.total - copier.gone,
            total_bytes=ledger.total_bytes - copier.gone_bytes,
            copied=ledger.copied + copier.copied,
            copied_bytes=ledger.copied_bytes + copier.copied_bytes,
            skipped=ledger.skipped + copier.gone,
            failed=len(copier.failures),
            failures=copier.failures.groups(),
        )


class _Seed(Run):
    """Objects: the flow is fed by the copier, the copier by the walk."""

    _copier: Copier
    _flow: CopyPipeline[Token] | Streams[Token] | AttributePipeline[Token]

    def __init__(
        self,
        sides: BucketPair,
        journal: Journal,
        limits: Limits,
        stop: threading.Event,
        tell: Callable[[CopyProgress], object],
        carrier: AttributeReader | None,
        criteria: Criteria,
        restore: Restore | None,
    ) -> None:
        super().__init__(sides, journal, limits, stop, tell)
        self._decisions = Decisions(criteria, Evidence(sides, criteria.by))
        loop = asyncio.get_running_loop()
        paces = Paces(loop.time, start=limits.start_per_s, most=limits.most_per_s)
        # The two call each other, hundreds of thousands of times: without a detour.
        copier = self._copier = Copier(journal, paces, loop.time, sides.largest, self._heard.set)
        large, anew = sides.large, sides.anew
        if carrier is not None:
            self._flow = slow = AttributePipeline[Token](
                sides, carrier, size=limits.connections, done=copier.done, ready=copier.pump
            )
            large, anew = slow.large, slow.anew
        elif sides.streams is not None:
            self._flow = Streams(sides.streams, size=limits.connections, done=copier.done, ready=copier.pump)
        else:
            self._flow = CopyPipeline(
                sides.write,
                sides.copies(),
                size=limits.connections,
                done=copier.done,
                ready=copier.pump,
                pull=copier.pull,
            )
        copier.ways = CopyOperations(
            self._flow.room, self._send, large, sides.there, Restores(sides, restore).readable, anew
        )

    async def _walk(self, ranges: Ranges) -> None:
        await compare_listings(
            ranges, self._sides.source_pages(), self._sides.destination_pages(), self, listers=self._limits.listers
        )

    async def page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:
        """Sink: keys were compared."""
        there = {row.key: row for row in destination} if destination else {}
        rows = others(source, self._ours)
        missing, refused = rows, list[Listed]()
        if there:
            actions = await self._decisions.of(rows, there)
            missing = [row for row, action in zip(rows, actions, strict=True) if action is Action.COPY]
            refused = [row for row, action in zip(rows, actions, strict=True) if action is Action.REFUSE]
        skipped = len(rows) - len(missing) - len(refused)
        number = self._journal.block(of.number, of.after, missing, skipped=skipped, refused=refused)
        for row in refused:
            self._copier.failures.add(row.key, NEWER, explain(NEWER).meaning)
        if missing:
            self._copier.add([number])
        while self._copier.backlog > _LEAD_BLOCKS:
            await asyncio.sleep(_TELL_S)

    def _send(self, token: Token, row: Listed) -> None:
        if isinstance(self._flow, Streams):
            self._flow.send(token, row)
        else:
            self._flow.send(token, row.key, row.etag, row.storage_class)
