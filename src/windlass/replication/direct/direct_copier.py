"""The direct copier: lists, compares and copies the buckets of a pair in this process."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from windlass.core.collector import seldom
from windlass.core.errors import UsageError
from windlass.core.ids import new_id
from windlass.estate.service import Estate
from windlass.estate.services import Services
from windlass.replication.comparison import BY_ETAG, Criteria
from windlass.replication.customer_keys import CustomerKeys
from windlass.replication.direct.bucket_pair import BucketPair, ServiceAccess
from windlass.replication.direct.copying.attributes import AttributeReader
from windlass.replication.direct.copying.journal import Journal
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.decisions import Decisions
from windlass.replication.direct.listing.evidence import Evidence
from windlass.replication.direct.listing.ranges import Ranges
from windlass.replication.direct.listing.volume import VolumeVisitor
from windlass.replication.direct.model import CopyContext, CopyProgress, VerifyOptions, VerifyResult
from windlass.replication.direct.run import SeedLimits, seed
from windlass.replication.direct.shards import Board, Shard, begin_sharing, board_place, share
from windlass.replication.direct.verification import QueueVisitor, verify_objects
from windlass.replication.direct.versions.run import seed_versions, version_journal
from windlass.replication.direct.versions.verification import verify_versions
from windlass.replication.model import MAX_COPY_BYTES, Pair, Volume
from windlass.replication.own_keys import Candidate
from windlass.replication.seed.task import SeedTask
from windlass.wire.event_loops import SharedEventLoop, run_alone

__all__ = ["DirectCopier"]

T = TypeVar("T")
_PART_BYTES = 512 * 1024**2
_PER_SHARD = 100_000
_PAGES_AHEAD = 64


class DirectCopier:
    """Copies and compares with the estate's credentials. `largest_bytes` is the limit of one CopyObject.

    `request_payer`: every request to AWS agrees to pay for requester-pays buckets. `customer_keys`: the keys (SSE-C) of
    the buckets' objects, which are read again for each seed.

    Each seed has its journal in a folder of `home` until it is finished.
    """

    def __init__(
        self,
        estate: Callable[[], Estate],
        home: Path,
        *,
        limits: SeedLimits | None = None,
        largest_bytes: int = MAX_COPY_BYTES,
        part_bytes: int = _PART_BYTES,
        per_shard: int = _PER_SHARD,
        ttl_s: float = 60.0,
        services: Services | None = None,
        request_payer: bool = False,
        customer_keys: CustomerKeys | None = None,
    ) -> None:
        self._estate, self._home = estate, home
        self._services = services or Services((), {})
        self._limits = limits or SeedLimits()
        self._largest, self._part = largest_bytes, part_bytes
        self._per_shard, self._ttl_s = per_shard, ttl_s
        self._counting = SharedEventLoop("count")
        self._customer_keys = customer_keys or CustomerKeys()
        self._agreed = (("x-amz-request-payer", "requester"),) if request_payer else ()

    def seed(self, task: SeedTask, context: CopyContext) -> CopyProgress:
        """Copy the objects that are missing, older or different at the destination. UsageError for options that exclude
        each other.
        """
        options = task.options
        if options.distributed and (options.versions or options.preserve or options.restore):
            raise UsageError(
                "a distributed seed copies current objects only, without extra attributes",
                hint="Leave out --versions, --preserve and --restore, or --distributed.",
            )
        if options.versions and options.restore:
            raise UsageError("--restore restores current objects only", hint="Leave out --versions or --restore.")
        if options.versions:
            return self._copy_versions(task, context)
        if options.distributed:
            return self._with(task.pair, lambda pair: self._distributed(pair, task, context, begin=True))

        async def copy(pair: BucketPair) -> CopyProgress:
            reader = await AttributeReader.of(pair, options.preserve) if options.preserve else None
            return await seed(pair, journal, self._limits, context, options=options, attributes=reader)

        with Journal(self._home / task.seed_id) as journal:
            progress = self._with(task.pair, copy)
            journal.forget()
        return progress

    def _copy_versions(self, task: SeedTask, context: CopyContext) -> CopyProgress:
        async def copy(pair: BucketPair) -> CopyProgress:
            preserve = task.options.preserve
            headers = (await AttributeReader.of(pair, preserve)).headers if preserve else None
            return await seed_versions(
                pair, journal, self._limits, context, delete_markers=task.options.delete_markers, headers=headers
            )

        with version_journal(self._home / f"{task.seed_id}-versions") as journal:
            progress = self._with(task.pair, copy)
            journal.forget()
        return progress

    def join(self, task: SeedTask, context: CopyContext) -> CopyProgress:
        """Work on a distributed seed until it is finished; return the totals of all workers. NotFound when there is
        none.
        """
        return self._with(task.pair, lambda pair: self._distributed(pair, task, context, begin=False))

    async def _distributed(
        self, pair: BucketPair, task: SeedTask, context: CopyContext, *, begin: bool
    ) -> CopyProgress:
        target, seed_id = pair.pair.destination, task.seed_id
        board = Board(pair.write, target.bucket, board_place(seed_id), owner=target.account_id, ttl_s=self._ttl_s)
        if begin:
            if target.service:
                await board.check()
            await begin_sharing(board, pair, listers=self._limits.listers, per_shard=self._per_shard)

        async def copy_shard(number: int, shard: Shard, stop: threading.Event) -> CopyProgress:
            with Journal(self._home / f"{seed_id}-{number}") as journal:
                progress = await seed(
                    pair, journal, self._limits, CopyContext(stop), options=task.options, after=shard[0], upto=shard[1]
                )
                journal.forget()
            return progress

        return await share(board, new_id("worker"), copy_shard, stop=context.stop, on_progress=context.on_progress)

    def verify(
        self, pair: Pair, options: VerifyOptions, *, stop: threading.Event, on_progress: Callable[[int], object]
    ) -> VerifyResult:
        """Compare both buckets by key, size and `options.by`. The content of `options.sample` objects is read on both
        sides.
        """
        listers = self._limits.listers

        async def compare(buckets: BucketPair) -> VerifyResult:
            compared = verify_versions if options.versions else verify_objects
            return await compared(buckets, options, listers=listers, stop=stop, on_progress=on_progress)

        return self._with(pair, compare)

    def measure(self, pair: Pair, *, criteria: Criteria = BY_ETAG) -> Volume:
        """Count the objects of both buckets."""

        async def go(buckets: BucketPair) -> Volume:
            volume = VolumeVisitor(buckets.pair, criteria)
            await compare_listings(
                Ranges(), buckets.source_pages(), buckets.destination_pages(), volume, listers=self._limits.listers
            )
            return volume.value()

        return self._with(pair, go, run=self._counting.run)

    def candidates(
        self,
        pair: Pair,
        *,
        source_only: bool = False,
        stop: threading.Event | None = None,
        criteria: Criteria = BY_ETAG,
    ) -> Iterator[Candidate]:
        """Yield the compared keys of both buckets. Keys are in order within a range, and ranges are in any order.

        `source_only`: only the source is listed.
        """
        pages: queue.Queue[Sequence[Candidate] | BaseException | None] = queue.Queue(_PAGES_AHEAD)
        over = stop or threading.Event()

        async def go(buckets: BucketPair) -> None:
            there = None if source_only else buckets.destination_pages()
            sink = QueueVisitor(Decisions(criteria, Evidence(buckets, criteria.by)), buckets.pair, pages, over)
            await compare_listings(
                Ranges(prune=source_only),
                buckets.source_pages(),
                there,
                sink,
                listers=self._limits.listers,
                include_extra=not source_only,
            )

        def run() -> None:
            try:
                self._with(pair, go)
                pages.put(None)
            except BaseException as error:  # noqa: BLE001  it is raised where the rows are wanted
                pages.put(error)

        thread = threading.Thread(target=run, name="list", daemon=True)
        thread.start()
        try:
            while (page := pages.get()) is not None:
                if isinstance(page, BaseException):
                    raise page
                yield from page
        finally:
            over.set()
            while thread.is_alive():  # a lister may be waiting for room in the queue
                with contextlib.suppress(queue.Empty):
                    pages.get(timeout=0.05)

    def _with(
        self,
        pair: Pair,
        go: Callable[[BucketPair], Coroutine[Any, Any, T]],
        *,
        run: Callable[[Coroutine[Any, Any, T]], T] = run_alone,
    ) -> T:
        places = (pair.source, pair.destination)
        in_aws = [place for place in places if not place.service]
        known = pair.destination.account_id or pair.source.account_id
        reader = known or (self._estate().accounts()[0].id if in_aws else "")
        # Created on this thread, because creating a client takes long and the loop may have other users.
        ways = {
            (account_id, bucket.region): replace(
                self._estate().access(account_id, bucket.region, "s3"), headers=self._agreed
            )
            for bucket in in_aws
            for account_id in {bucket.account_id or reader, reader}
        }
        elsewhere = self._elsewhere(pair)
        customer_keys = self._customer_keys.of(pair)

        async def within() -> T:
            buckets = await BucketPair.open(
                pair,
                lambda account_id, region: ways[account_id, region],
                largest=self._largest,
                part_bytes=self._part,
                reader=reader,
                elsewhere=elsewhere,
                customer_keys=customer_keys,
            )
            try:
                return await go(buckets)
            finally:
                await buckets.close()

        with seldom():
            return run(within())

    def _elsewhere(self, pair: Pair) -> ServiceAccess:
        """Return the access for a pair with another service: the storage classes that all its services name, and
        whether to copy tags.
        """
        known = [self._services.find(service) for service in pair.services]
        classes = (
            frozenset.intersection(*[frozenset(service.storage_classes) for service in known]) if known else frozenset()
        )
        target = pair.destination.service
        return ServiceAccess(self._services.access, classes, self._services.find(target).tags if target else True)
