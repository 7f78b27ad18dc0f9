"""A seed that several workers share through S3 only: ranges of keys, leased by conditional writes.

Below one prefix in S3 are `plan.json` (the pair and its shards), `lease-N` while a worker copies shard N, and `done-N`
with the result of the shard. A worker takes a lease with a put that fails when the lease exists (If-None-Match), and
renews or takes over one with a put that fails when another worker was faster (If-Match). Only S3's clock decides
whether a lease has expired. After a long pause of a worker, two workers can copy one shard: some objects are then
copied twice, with the same result.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

from windlass.core.errors import Conflict, Interrupted, NotFound, UsageError, WindlassError
from windlass.core.paging import LoopGuard
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.ranges import Range, Ranges, Split
from windlass.replication.direct.model import CopyProgress
from windlass.replication.model import FailureGroup
from windlass.replication.own_keys import OWN_PREFIX
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import Listed

__all__ = ["Shard", "ShardStore", "copy_shards", "create_shards", "cut_shards", "shard_prefix"]

_TTL_S = 60.0
_POLL_INTERVAL_S = 2.0
_READ_AT_ONCE = 32
_EXAMPLES = 5

Shard = tuple[str, str | None]
"""The keys after the first, up to and including the second (None: to the end)."""


def shard_prefix(seed_id: str) -> str:
    """Return the prefix at the destination that the workers share. It is below `.windlass/`, which is never replicated."""
    return f"{OWN_PREFIX}{seed_id}"


def cut_shards(pages: Sequence[tuple[str, int]], per_shard: int) -> list[Shard]:
    """Return shards of about `per_shard` keys, from the last key and the number of keys of each listed page."""
    shards: list[Shard] = []
    after, count = "", 0
    for last, keys in sorted(pages):
        count += keys
        if count >= per_shard:
            shards.append((after, last))
            after, count = last, 0
    return [*shards, (after, None)]


@dataclass(frozen=True, slots=True)
class ShardStore:
    """The prefix in S3 that the workers of one seed share."""

    client: Client
    bucket: str
    prefix: str
    owner: str = ""
    ttl_s: float = _TTL_S

    async def write_plan(self, description: dict[str, Any], shards: Sequence[Shard]) -> bool:
        """Write the plan. False when a plan exists, which then applies."""
        body = json.dumps({**description, "shards": [list(shard) for shard in shards]}).encode()
        try:
            await self.client.send(
                s3.put(self.bucket, self._key("plan.json"), body, if_none_match=True, owner=self.owner)
            )
        except Conflict:
            return False
        return True

    async def check(self) -> None:
        """Check that a conditional put fails when the object exists. UsageError when it does not: workers could not
        lease shards.
        """
        probe = self._key("probe")
        try:
            for _ in range(2):
                await self.client.send(s3.put(self.bucket, probe, b"", if_none_match=True, owner=self.owner))
        except Conflict:
            await self.client.send(s3.delete(self.bucket, probe, owner=self.owner))
            return
        await self.client.send(s3.delete(self.bucket, probe, owner=self.owner))
        raise UsageError(
            f"{self.client.access.service_label} ignores If-None-Match: workers cannot share a seed there",
            hint="Leave out --distributed: one process copies.",
        )

    async def plan(self) -> dict[str, Any]:
        """Return the plan. NotFound when there is none."""
        try:
            _, body = await self.client.send(s3.get(self.bucket, self._key("plan.json"), owner=self.owner))
        except NotFound as error:
            if error.code == "NoSuchBucket":
                raise
            raise NotFound(
                f"there is no distributed seed below s3://{self.bucket}/{self.prefix}",
                hint="Start one with `windlass replicate seed … --distributed`; `windlass replicate status` shows its id.",
            ) from None
        plan: dict[str, Any] = json.loads(body)
        return plan

    async def done(self, known: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return the results of the finished shards. Results in `known` are not read again."""
        names = [number for number in await self._names("done-") if number not in known]
        gate = asyncio.Semaphore(_READ_AT_ONCE)

        async def read(number: int) -> dict[str, Any]:
            async with gate:
                _, body = await self.client.send(s3.get(self.bucket, self._key(f"done-{number}"), owner=self.owner))
            result: dict[str, Any] = json.loads(body)
            return result

        return {**known, **dict(zip(names, await asyncio.gather(*map(read, names)), strict=True))}

    async def acquire(self, number: int, holder: str) -> str:
        """Lease a shard. Return the lease's ETag; empty when another worker has it."""
        key, body = self._key(f"lease-{number}"), holder.encode()
        try:
            return (await self.client.send(s3.put(self.bucket, key, body, if_none_match=True, owner=self.owner))).etag
        except Conflict:
            pass
        try:
            head = await self.client.send(s3.head(self.bucket, key, owner=self.owner))
        except NotFound:
            return ""
        age = parsedate_to_datetime(head.headers["date"]) - parsedate_to_datetime(head.headers["last-modified"])
        if age.total_seconds() <= self.ttl_s:
            return ""
        return await self._put_over(key, body, head.etag)

    async def renew(self, number: int, holder: str, etag: str) -> str:
        """Extend a lease. Return its new ETag; empty when the lease was lost."""
        # The body must differ, or the ETag would not show which worker was faster.
        turn = f"{holder} {asyncio.get_running_loop().time()}".encode()
        return await self._put_over(self._key(f"lease-{number}"), turn, etag)

    async def finish(self, number: int, progress: CopyProgress) -> None:
        """Write the result of a shard, unless one exists, and delete the lease."""
        body = json.dumps(_value(progress)).encode()
        with contextlib.suppress(Conflict):  # after a takeover, the worker that finished first has written the result
            await self.client.send(
                s3.put(self.bucket, self._key(f"done-{number}"), body, if_none_match=True, owner=self.owner)
            )
        with contextlib.suppress(WindlassError):
            await self.client.send(s3.delete(self.bucket, self._key(f"lease-{number}"), owner=self.owner))

    async def _put_over(self, key: str, body: bytes, etag: str) -> str:
        try:
            return (await self.client.send(s3.put(self.bucket, key, body, if_match=etag, owner=self.owner))).etag
        except (Conflict, NotFound):
            return ""

    async def _names(self, kind: str) -> list[int]:
        numbers, token = list[int](), ""
        guard = LoopGuard(f"the listing of {self.bucket}")
        while True:
            page = await self.client.send(
                s3.list_objects(self.bucket, prefix=self._key(kind), token=token, owner=self.owner)
            )
            numbers += [int(row.key.rpartition("-")[2]) for row in page.objects]
            if not page.token:
                return numbers
            token = page.token
            guard.advance(token)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}"


async def create_shards(shard_store: ShardStore, buckets: BucketPair, *, listers: int, per_shard: int) -> None:
    """List the source and write the shards, unless a plan exists."""
    try:
        await shard_store.plan()
    except NotFound:
        ends = _PageEnds()
        await compare_listings(Ranges(), buckets.source_pages(), None, ends, listers=listers)
        source, target = buckets.pair.source, buckets.pair.destination
        description = {"source": source.bucket, "destination": target.bucket, "prefix": buckets.pair.prefix}
        await shard_store.write_plan(description, cut_shards(ends.pages, per_shard))


class _PageEnds:
    """A visitor that keeps the last key and the number of keys of each page."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, int]] = []

    async def on_page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Visitor: keys of the source."""
        if source:
            self.pages.append((source[-1].key, len(source)))

    def on_split(self, split: Split) -> None:
        """Visitor: nothing to record."""

    def on_range_done(self, number: int) -> None:
        """Visitor: nothing to record."""


async def copy_shards(
    shard_store: ShardStore,
    holder: str,
    copy_shard: Callable[[int, Shard, threading.Event], Awaitable[CopyProgress]],
    *,
    stop: threading.Event,
    on_progress: Callable[[CopyProgress], object],
) -> CopyProgress:
    """Copy shards until every shard is done by some worker; return the totals of all shards."""
    shards: list[Shard] = [(after, upto) for after, upto in (await shard_store.plan())["shards"]]
    done: dict[int, dict[str, Any]] = {}
    while not stop.is_set():
        done = await shard_store.done(done)
        left = [number for number in range(len(shards)) if number not in done]
        if not left:
            return total(done)
        on_progress(total(done))
        # Each worker starts at a different shard, so that workers seldom request the same lease.
        at = hash(holder) % len(left)
        worked = False
        for number in left[at:] + left[:at]:
            etag = await shard_store.acquire(number, holder)
            if etag:
                worked = (
                    await _copy_leased(shard_store, number, holder, etag, copy_shard, shards[number], stop) or worked
                )
                break
        if not worked:
            await asyncio.sleep(min(_POLL_INTERVAL_S, shard_store.ttl_s / 4))
    raise Interrupted(
        "this worker was stopped", hint="Other workers continue; `windlass replicate worker` joins again."
    )


async def _copy_leased(
    shard_store: ShardStore,
    number: int,
    holder: str,
    etag: str,
    copy_shard: Callable[[int, Shard, threading.Event], Awaitable[CopyProgress]],
    shard: Shard,
    stop: threading.Event,
) -> bool:
    """Copy one shard while its lease is held. True when the shard was finished."""
    working = asyncio.ensure_future(copy_shard(number, shard, stop))
    try:
        while not working.done():
            await asyncio.wait({working}, timeout=shard_store.ttl_s / 3)
            if not working.done():
                etag = await shard_store.renew(number, holder, etag)
                if not etag:
                    return False
        await shard_store.finish(number, working.result())
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await working
    return True


def total(results: dict[int, dict[str, Any]]) -> CopyProgress:
    """Return the sum of all shards' results."""
    sums: dict[str, int] = {}
    failures: dict[str, FailureGroup] = {}
    for result in results.values():
        for name, number in result["counts"].items():
            sums[name] = sums.get(name, 0) + number
        for code, count, message, keys in result["failures"]:
            before = failures.get(code)
            kept = before or FailureGroup(code=code, count=0, message=message)
            failures[code] = replace(kept, count=kept.count + count, keys=(*kept.keys, *keys)[:_EXAMPLES])
    return CopyProgress(**sums, failures=tuple(sorted(failures.values(), key=lambda group: -group.count)))


def _value(progress: CopyProgress) -> dict[str, Any]:
    names = ("total", "copied", "skipped", "failed", "total_bytes", "copied_bytes")
    return {
        "counts": {name: getattr(progress, name) for name in names},
        "failures": [
            [failure.code, failure.count, failure.message, list(failure.keys)] for failure in progress.failures
        ],
    }
