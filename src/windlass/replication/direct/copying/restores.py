"""Objects of archive classes: whether they can be read, and their restores, begun and waited for where that is asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from windlass.core.errors import AwsError, Conflict
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.model import Restore
from windlass.replication.own_keys import ARCHIVE_CLASSES
from windlass.wire import s3
from windlass.wire.listing import Listed

__all__ = ["Restores"]

_CALLS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Restores:
    """Asks the source; with `restore`, an archived object is restored and waited for: hours, and up to two days."""

    sides: BucketPair
    restore: Restore | None = None
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CALLS_AT_ONCE))

    async def readable(self, row: Listed) -> bool:
        """Whether an archived object can be read, if need be after its restore. AwsError for one under way that nobody waits for."""
        state = await self._state(row)
        if state == "archived" and self.restore is not None:
            await self._begin(row, self.restore)
            state = "restoring"
        if state == "restoring" and self.restore is None:
            raise AwsError(
                f"{self.sides.pair.source.name}: {row.key!r} is being restored",
                code="RestoreInProgress",
                hint="Seed again when the restore has ended, or wait for it with --restore DAYS.",
            )
        while state == "restoring" and self.restore is not None:
            await asyncio.sleep(self.restore.poll_s)
            state = await self._state(row)
        return state == "readable"

    async def _state(self, row: Listed) -> str:
        """`archived`, `restoring` or `readable` (S3 API reference, "HeadObject", x-amz-restore)."""
        source = self.sides.pair.source
        async with self._gate:
            head = await self.sides.read.send(s3.head(source.bucket, row.key, owner=source.account_id))
        status = head.headers.get("x-amz-restore", "")
        if 'ongoing-request="true"' in status:
            return "restoring"
        archived = (
            head.headers.get("x-amz-storage-class", "") in ARCHIVE_CLASSES and 'ongoing-request="false"' not in status
        )
        return "archived" if archived else "readable"

    async def _begin(self, row: Listed, restore: Restore) -> None:
        source = self.sides.pair.source
        async with self._gate:
            try:
                await self.sides.read.send(
                    s3.restore(source.bucket, row.key, days=restore.days, tier=restore.tier, owner=source.account_id)
                )
            except Conflict as error:
                if error.code != "RestoreAlreadyInProgress":
                    raise
