"""One direct seed: lists and compares both buckets, journals the differences, and copies the journaled rows, all at
once.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from windlass.core.errors import Interrupted, WindlassError
from windlass.replication.comparison import KeyAction
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
from windlass.replication.direct.model import CopyContext, CopyProgress
from windlass.replication.failures import explain
from windlass.replication.own_keys import others, own_prefixes
from windlass.replication.seed.task import CopyOptions
from windlass.wire.copy_pipeline import CopyPipeline
from windlass.wire.listing import Listed

__all__ = ["SeedLimits", "SeedRun", "seed"]

_COMMIT_INTERVAL_S = 0.25
_PROGRESS_INTERVAL_S = 0.5
_FSYNC_INTERVAL_S = 2.0
_DRAIN_TIMEOUT_S = 10.0
NEWER = "DstObjectNewer"
"""The failure of an object whose destination has different content that was written later."""
_MAX_BACKLOG_BLOCKS = 20_000
"""Listing pauses while this many blocks wait to be copied, so that memory and disk do not grow with the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedLimits:
    """Bounds of one seed: copy connections, listers, and copies per second (at the start, at most)."""

    connections: int = 512
    listers: int = 16
    start_per_s: float = 600.0
    most_per_s: float = 200_000.0


async def seed(
    pair: BucketPair,
    journal: Journal,
    limits: SeedLimits,
    context: CopyContext,
    *,
    options: CopyOptions,
    attributes: AttributeReader | None = None,
    after: str = "",
    upto: str | None = None,
) -> CopyProgress:
    """Copy the objects that the destination is missing, for keys in (`after`, `upto`]. An existing journal is
    continued.

    Interrupted when the context is stopped: the same call continues from the journal.
    """
    return await _ObjectRun(pair, journal, limits, context, options, attributes).run(after, upto)


class BlockCopier(Protocol):
    """Copies the journal's blocks."""

    copied: int
    copied_bytes: int
    gone: int
    gone_bytes: int
    fatal_error: WindlassError | None
    failures: Failures

    @property
    def idle(self) -> bool:
        """True when no block waits or is in flight."""

    def add(self, numbers: Iterable[int]) -> None:
        """Queue blocks."""

    def pause(self) -> None:
        """Send nothing more; requests in flight finish."""

    def stop(self) -> None:
        """Send nothing more, and abandon what is in flight."""


class RequestSender(Protocol):
    """A sender of requests to the destination."""

    under_way: int

    async def close(self) -> None:
        """Close the connections."""


class SeedRun(ABC):
    """A running seed: lists and copies at once, commits the journal, reports progress, and drains when it is stopped.

    A subclass sets `_copier` and `_pipeline`, and is the visitor of the compared listings.
    """

    _copier: BlockCopier
    _pipeline: RequestSender

    def __init__(self, pair: BucketPair, journal: JournalOf[Any], limits: SeedLimits, context: CopyContext) -> None:
        self._pair, self._journal, self._limits, self._context = pair, journal, limits, context
        self._block_done = asyncio.Event()
        self._own_prefixes = own_prefixes(pair.pair.prefix)

    async def run(self, after: str, upto: str | None) -> CopyProgress:
        """Run from the state of the journal to the end."""
        ledger = self._journal.ledger
        for failed in ledger.failed:
            self._copier.failures.add(failed["key"], failed["code"], failed["message"])
        for key in ledger.refused:
            self._copier.failures.add(key, NEWER, explain(NEWER).meaning)
        self._copier.add(sorted(ledger.blocks, key=lambda number: number not in ledger.begun))
        listing = asyncio.create_task(self._list(after, upto))
        watching = asyncio.create_task(self._watch())
        try:
            while not (listing.done() and self._copier.idle):
                waiting = asyncio.create_task(self._block_done.wait())
                await asyncio.wait(
                    {waiting, watching, *([] if listing.done() else [listing])}, return_when=asyncio.FIRST_COMPLETED
                )
                waiting.cancel()
                self._block_done.clear()
                if self._copier.fatal_error is not None:
                    raise self._copier.fatal_error
                for task in (watching, listing):
                    if task.done():
                        task.result()
        except Interrupted:
            await self._drain()
            raise
        finally:
            listing.cancel()
            watching.cancel()
            self._copier.stop()
            await self._pipeline.close()
            self._journal.commit()
        return self._progress()

    async def _drain(self) -> None:
        """Wait for the requests in flight: a copy whose response is lost would be copied again when the seed is
        resumed.
        """
        loop = asyncio.get_running_loop()
        self._copier.pause()
        deadline = loop.time() + _DRAIN_TIMEOUT_S
        while self._pipeline.under_way and loop.time() < deadline:
            await asyncio.sleep(0.01)

    # Listing

    async def _list(self, after: str, upto: str | None) -> None:
        ledger = self._journal.ledger
        if ledger.listed:
            return
        if ledger.new:
            ledger.ranges = [Range(0, after, upto)]
            self._journal.begin(ledger.ranges)
        await self._compare(Ranges(ledger.ranges, largest=ledger.largest))
        self._journal.listed()

    @abstractmethod
    async def _compare(self, ranges: Ranges) -> None:
        """List and compare both buckets, with this run as the visitor."""

    def on_split(self, split: Split) -> None:
        """Visitor: journal that a range became two."""
        self._journal.split(split.number, split.new, split.at)

    def on_range_done(self, number: int) -> None:
        """Visitor: journal that a range is listed."""
        self._journal.range_done(number)

    # Progress

    async def _watch(self) -> None:
        """Commit the journal, report progress, and raise Interrupted when the context is stopped."""
        loop = asyncio.get_running_loop()
        reported_at = synced_at = loop.time()
        while True:
            await asyncio.sleep(_COMMIT_INTERVAL_S)
            self._journal.commit()
            if self._context.stop.is_set():
                raise Interrupted(
                    f"the seed of {self._pair.pair.title} was stopped", hint="`windlass replicate resume` continues it."
                )
            now = loop.time()
            if now - reported_at >= _PROGRESS_INTERVAL_S:
                reported_at = now
                await loop.run_in_executor(None, self._context.on_progress, self._progress())
            if now - synced_at >= _FSYNC_INTERVAL_S:
                synced_at = now
                with writing(self._journal.folder):
                    for number in self._journal.files():
                        await loop.run_in_executor(None, os.fsync, number)

    def _progress(self) -> CopyProgress:
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


class _ObjectRun(SeedRun):
    """Current objects: the comparison feeds the copier, and the copier feeds the pipeline."""

    _copier: Copier
    _pipeline: CopyPipeline[Token] | Streams[Token] | AttributePipeline[Token]

    def __init__(
        self,
        pair: BucketPair,
        journal: Journal,
        limits: SeedLimits,
        context: CopyContext,
        options: CopyOptions,
        attributes: AttributeReader | None,
    ) -> None:
        super().__init__(pair, journal, limits, context)
        self._decisions = Decisions(options.criteria, Evidence(pair, options.criteria.by))
        loop = asyncio.get_running_loop()
        paces = Paces(loop.time, start=limits.start_per_s, most=limits.most_per_s)
        # Copier and pipeline call each other hundreds of thousands of times, so there is no layer between them.
        copier = self._copier = Copier(journal, paces, loop.time, pair.largest, self._block_done.set)
        copy_large, copy_current = pair.copy_large, pair.copy_current
        if attributes is not None:
            self._pipeline = pipeline = AttributePipeline[Token](
                pair, attributes, size=limits.connections, done=copier.done, ready=copier.pump
            )
            copy_large, copy_current = pipeline.copy_large, pipeline.copy_current
        elif pair.streams is not None:
            self._pipeline = Streams(pair.streams, size=limits.connections, done=copier.done, ready=copier.pump)
        else:
            self._pipeline = CopyPipeline(
                pair.write,
                pair.copies(),
                size=limits.connections,
                done=copier.done,
                ready=copier.pump,
                pull=copier.pull,
            )
        copier.operations = CopyOperations(
            room=self._pipeline.room,
            send=self._send,
            copy_large=copy_large,
            is_copied=pair.is_copied,
            is_readable=Restores(pair, options.restore).readable,
            copy_current=copy_current,
        )

    async def _compare(self, ranges: Ranges) -> None:
        source, destination = self._pair.source_pages(), self._pair.destination_pages()
        await compare_listings(ranges, source, destination, self, listers=self._limits.listers)

    async def on_page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:
        """Visitor: journal the rows that are to be copied, as one block, and queue it. Waits while the copier is behind."""
        existing = {row.key: row for row in destination} if destination else {}
        rows = others(source, self._own_prefixes)
        missing, refused = rows, list[Listed]()
        if existing:
            actions = await self._decisions.of(rows, existing)
            missing = [row for row, action in zip(rows, actions, strict=True) if action is KeyAction.COPY]
            refused = [row for row, action in zip(rows, actions, strict=True) if action is KeyAction.REFUSE]
        skipped = len(rows) - len(missing) - len(refused)
        number = self._journal.block(of.number, of.after, missing, skipped=skipped, refused=refused)
        for row in refused:
            self._copier.failures.add(row.key, NEWER, explain(NEWER).meaning)
        if missing:
            self._copier.add([number])
        while self._copier.backlog > _MAX_BACKLOG_BLOCKS:
            await asyncio.sleep(_PROGRESS_INTERVAL_S)

    def _send(self, token: Token, row: Listed) -> None:
        if isinstance(self._pipeline, Streams):
            self._pipeline.send(token, row)
        else:
            self._pipeline.send(token, row.key, row.etag, row.storage_class)
