"""One direct seed of versions: lists and compares both buckets' histories, journals the missing versions, and copies
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from windlass.core.errors import Conflict
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.copying.journal import JournalOf
from windlass.replication.direct.copying.pacer import Paces
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.ranges import Range, Ranges
from windlass.replication.direct.model import CopyContext, CopyProgress
from windlass.replication.direct.run import SeedLimits, SeedRun
from windlass.replication.direct.versions.copier import VersionCopier
from windlass.replication.direct.versions.histories import History, list_histories
from windlass.replication.direct.versions.operations import (
    OwnHeaders,
    VersionOperations,
    VersionStep,
    kept,
    step_of,
    top_of,
)
from windlass.replication.direct.versions.sequence import compare_histories
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import ListedVersion

__all__ = ["seed_versions", "steps_for", "version_journal"]

_LEAD_BLOCKS = 20_000
_POLL_INTERVAL_S = 0.5


def version_journal(folder: Path) -> JournalOf[VersionStep]:
    """Open the journal of a seed of versions."""
    return JournalOf(folder, VersionStep)


async def seed_versions(
    buckets: BucketPair,
    journal: JournalOf[VersionStep],
    limits: SeedLimits,
    context: CopyContext,
    *,
    delete_markers: bool,
    headers: OwnHeaders | None = None,
) -> CopyProgress:
    """Copy every version that the destination is missing, of each key in order; an existing journal is continued.

    With `delete_markers`, delete markers are written in their places. Conflict when the destination keeps no versions, Interrupted
    when the context is stopped.
    """
    target = buckets.pair.destination
    status = await buckets.write.send(s3.versioning(target.bucket, owner=target.account_id))
    if status != "Enabled":
        raise Conflict(
            f"{target.bucket}: versioning is {status.lower() or 'off'} there: copies of versions would replace each other",
            hint="Enable versioning on the destination first.",
            code="DstBucketUnversioned",
        )
    async with Client(buckets.write.access, connections=limits.connections) as write:
        operations = VersionOperations(buckets, write, delete_markers, headers)
        return await _VersionRun(buckets, journal, limits, context, operations).run("", None)


class _VersionRun(SeedRun):
    """A run over histories: the missing versions of a key are consecutive rows of one block."""

    _copier: VersionCopier
    _pipeline: VersionCopier

    def __init__(
        self,
        buckets: BucketPair,
        journal: JournalOf[VersionStep],
        limits: SeedLimits,
        context: CopyContext,
        operations: VersionOperations,
    ) -> None:
        super().__init__(buckets, journal, limits, context)
        now = asyncio.get_running_loop().time
        paces = Paces(now, start=limits.start_per_s, most=limits.most_per_s)
        self._markers = operations.markers
        self._copier = self._pipeline = VersionCopier(
            journal, paces, operations, now, limits.connections, self._block_done.set
        )

    async def _compare(self, ranges: Ranges) -> None:
        pair = self._pair.pair
        source = list_histories(self._pair.read, pair.source, pair.prefix)
        destination = list_histories(self._pair.read_destination, pair.destination, pair.prefix)
        await compare_listings(ranges, source, destination, self, listers=self._limits.listers)

    async def on_page(self, of: Range, source: Sequence[History], destination: Sequence[History]) -> None:
        """Visitor: journal the missing versions of compared histories."""
        there = {history.key: history.versions for history in destination}
        steps: list[VersionStep] = []
        skipped = 0
        for history in source:
            if history.key.startswith(self._own_prefixes):
                continue
            ours = kept(history.versions, markers=self._markers)
            steps_of_key = steps_for(History(history.key, ours), there.get(history.key, ()), markers=self._markers)
            steps += steps_of_key
            skipped += len(ours) - len(steps_of_key)
        number = self._journal.block(of.number, of.after, steps, skipped=skipped)
        if steps:
            self._copier.add([number])
        while self._copier.backlog > _LEAD_BLOCKS:
            await asyncio.sleep(_POLL_INTERVAL_S)


def steps_for(ours: History, theirs: Sequence[ListedVersion], *, markers: bool) -> list[VersionStep]:
    """Return the steps for a key. When the listings do not decide, or the key cannot be copied, the steps make the
    copier list it again.
    """
    outlook = compare_histories(ours.versions, kept(theirs, markers=markers))
    plain = not (outlook.conflict or outlook.doubtful or outlook.archived)
    top = top_of(theirs) if plain else None
    missing = {version.version_id for version in (*outlook.missing_versions, *outlook.archived)}
    return [step_of(version, top) for version in ours.versions if version.version_id in missing]
