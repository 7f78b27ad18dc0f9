"""Restores of archived objects: whether an object can be read, and requests for restores."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from windlass.core.errors import AwsError, Conflict
from windlass.replication.archive import RestoreState, restore_state
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.model import Restore
from windlass.wire import s3
from windlass.wire.listing import Listed

__all__ = ["Restores"]

_CALLS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Restores:
    """Reads restore states from the source. With `restore`, archived objects are restored and awaited: hours, up to two
    days.
    """

    buckets: BucketPair
    restore: Restore | None = None
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CALLS_AT_ONCE))

    async def readable(self, row: Listed) -> bool:
        """True when the object can be read, after its restore if needed. AwsError for a running restore that is not
        awaited.
        """
        state = await self._state(row)
        if state is RestoreState.ARCHIVED and self.restore is not None:
            await self._begin(row, self.restore)
            state = RestoreState.RESTORING
        if state is RestoreState.RESTORING and self.restore is None:
            raise AwsError(
                f"{self.buckets.pair.source.name}: {row.key!r} is being restored",
                code="RestoreInProgress",
                hint="Seed again after the restore, or wait for it with --restore DAYS.",
            )
        while state is RestoreState.RESTORING and self.restore is not None:
            await asyncio.sleep(self.restore.poll_s)
            state = await self._state(row)
        return state is RestoreState.READABLE

    async def _state(self, row: Listed) -> RestoreState:
        source = self.buckets.pair.source
        async with self._gate:
            head = await self.buckets.read.send(s3.head(source.bucket, row.key, owner=source.account_id))
        return restore_state(head.headers)

    async def _begin(self, row: Listed, restore: Restore) -> None:
        source = self.buckets.pair.source
        async with self._gate:
            try:
                await self.buckets.read.send(
                    s3.restore(source.bucket, row.key, days=restore.days, tier=restore.tier, owner=source.account_id)
                )
            except Conflict as error:
                if error.code != "RestoreAlreadyInProgress":
                    raise
