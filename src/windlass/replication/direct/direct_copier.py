"""The direct mover: this process lists, compares and copies, through the engine."""

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
from windlass.replication.comparison import BY_ETAG, Compare, Criteria
from windlass.replication.customer_keys import CustomerKeys
from windlass.replication.direct.bucket_pair import BucketPair, ServiceAccess
from windlass.replication.direct.copying.attributes import AttributeReader
from windlass.replication.direct.copying.journal import Journal
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.decisions import Decisions
from windlass.replication.direct.listing.evidence import Evidence
from windlass.replication.direct.listing.ranges import Ranges
from windlass.replication.direct.listing.volume import VolumeVisitor
from windlass.replication.direct.model import Compared, CopyProgress, Tell
from windlass.replication.direct.run import Limits, seed
from windlass.replication.direct.shards import Board, Shard, begin_sharing, board_place, share
from windlass.replication.direct.verification import QueueVisitor, compare
from windlass.replication.direct.versions.run import seed_versions, version_journal
from windlass.replication.direct.versions.verification import compare_versions
from windlass.replication.model import MAX_COPY_BYTES, Attribute, Pair, Restore, Volume
from windlass.replication.own_keys import Candidate
from windlass.wire.event_loops import SharedEventLoop, run_alone

__all__ = ["DirectCopier"]

T = TypeVar("T")
_PART_BYTES = 512 * 1024**2
_PER_SHARD = 100_000
_PAGES_AHEAD = 64


class DirectCopier:
    """Copies and compares over the estate's credentials; `largest_bytes` is what one CopyObject takes.

    `request_payer`: every request to AWS agrees to pay where the bucket says that the requester does. `customer_keys`: keys
    (SSE-C) of the buckets' objects, read anew for each seed.

    Journals are folders of `home`, one a seed, until the seed is over.
    """

    def __init__(
        self,
        estate: Callable[[], Estate],
        home: Path,
        *,
        limits: Limits | None = None,
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
        self._limits = limits or Limits()
        self._largest, self._part = largest_bytes, part_bytes
        self._per_shard, self._ttl_s = per_shard, ttl_s
        self._counting = SharedEventLoop("count")
        self._customer_keys = customer_keys or CustomerKeys()
        self._agreed = (("x-amz-request-payer", "requester"),) if request_payer else ()

    def seed(
        self,
        pair: Pair,
        *,
        seed_id: str,
        versions: bool,
        stop: threading.Event,
        tell: Tell,
        distributed: bool = False,
        markers: bool = True,
        preserve: frozenset[Attribute] = frozenset(),
        criteria: Criteria = BY_ETAG,
        restore: Restore | None = None,
    ) -> CopyProgress:
        """Copy what the destination lacks, or has older; what was done before an interruption is not done again.

        `shared`: other workers may join (`work`), below `.windlass/SEED` of the destination. `versions`: every version, and with
        `markers` every delete marker, of each key in order. `carry`: what copies have of their sources besides what S3 copies.
        `criteria`: how objects are compared. `restore`: archived objects are restored, and copied when they can be read.
        """
        if distributed and (versions or preserve or restore):
            raise UsageError(
                "only a seed of objects as they are can be shared",
                hint="Leave --versions, --preserve and --restore out.",
            )
        if versions and restore:
            raise UsageError("only current objects are restored", hint="Leave --versions or --restore out.")
        if versions:
            return self._versions(pair, seed_id, stop, tell, markers=markers, preserve=preserve)
        if distributed:
            return self._with(pair, lambda sides: self._shared(sides, seed_id, stop, tell, criteria, begin=True))

        async def go(sides: BucketPair) -> CopyProgress:
            carrier = await AttributeReader.of(sides, preserve) if preserve else None
            return await seed(
                sides, journal, self._limits, stop=stop, tell=tell, carrier=carrier, criteria=criteria, restore=restore
            )

        with Journal(self._home / seed_id) as journal:
            moved = self._with(pair, go)
            journal.forget()
        return moved

    def _versions(
        self,
        pair: Pair,
        seed_id: str,
        stop: threading.Event,
        tell: Tell,
        *,
        markers: bool,
        preserve: frozenset[Attribute],
    ) -> CopyProgress:
        async def go(sides: BucketPair) -> CopyProgress:
            own = (await AttributeReader.of(sides, preserve)).headers if preserve else None
            return await seed_versions(sides, journal, self._limits, markers=markers, own=own, stop=stop, tell=tell)

        with version_journal(self._home / f"{seed_id}-versions") as journal:
            moved = self._with(pair, go)
            journal.forget()
        return moved

    def work(
        self, pair: Pair, *, seed_id: str, stop: threading.Event, tell: Tell, criteria: Criteria = BY_ETAG
    ) -> CopyProgress:
        """Join a shared seed until it is done; what came of it, by all workers. NotFound when there is none."""
        return self._with(pair, lambda sides: self._shared(sides, seed_id, stop, tell, criteria, begin=False))

    async def _shared(
        self, sides: BucketPair, seed_id: str, stop: threading.Event, tell: Tell, criteria: Criteria, *, begin: bool
    ) -> CopyProgress:
        target = sides.pair.destination
        board = Board(sides.write, target.bucket, board_place(seed_id), owner=target.account_id, ttl_s=self._ttl_s)
        if begin:
            if target.service:
                await board.check()
            await begin_sharing(board, sides, listers=self._limits.listers, per_shard=self._per_shard)

        async def work(number: int, shard: Shard, stop: threading.Event) -> CopyProgress:
            with Journal(self._home / f"{seed_id}-{number}") as journal:
                moved = await seed(
                    sides,
                    journal,
                    self._limits,
                    after=shard[0],
                    upto=shard[1],
                    stop=stop,
                    tell=lambda _: None,
                    criteria=criteria,
                )
                journal.forget()
            return moved

        return await share(board, new_id("worker"), work, stop=stop, tell=tell)

    def verify(
        self,
        pair: Pair,
        *,
        stop: threading.Event,
        tell: Callable[[int], object],
        by: Compare = Compare.ETAG,
        sample: int = 0,
        versions: bool = False,
        markers: bool = True,
    ) -> Compared:
        """Compare by key, size and `by`; the content of `sample` objects is read on both sides.

        `versions` compares every version in order, and delete markers (`markers`).
        """
        listers = self._limits.listers

        async def go(sides: BucketPair) -> Compared:
            if versions:
                return await compare_versions(sides, listers=listers, stop=stop, tell=tell, by=by, markers=markers)
            return await compare(sides, listers=listers, stop=stop, tell=tell, by=by, sample=sample)

        return self._with(pair, go)

    def measure(self, pair: Pair, *, criteria: Criteria = BY_ETAG) -> Volume:
        """Count both sides."""

        async def go(sides: BucketPair) -> Volume:
            found = VolumeVisitor(sides.pair, criteria)
            await compare_listings(
                Ranges(), sides.source_pages(), sides.destination_pages(), found, listers=self._limits.listers
            )
            return found.value()

        return self._with(pair, go, run=self._counting.run)

    def both(
        self, pair: Pair, *, alone: bool = False, stop: threading.Event | None = None, criteria: Criteria = BY_ETAG
    ) -> Iterator[Candidate]:
        """Both sides compared, listed by several listers: in order within a range of keys, ranges in any order.

        `alone` leaves the destination out.
        """
        found: queue.Queue[Sequence[Candidate] | BaseException | None] = queue.Queue(_PAGES_AHEAD)
        over = stop or threading.Event()

        async def go(sides: BucketPair) -> None:
            there = None if alone else sides.destination_pages()
            sink = QueueVisitor(Decisions(criteria, Evidence(sides, criteria.by)), sides.pair, found, over)
            await compare_listings(
                Ranges(prune=alone), sides.source_pages(), there, sink, listers=self._limits.listers, beyond=not alone
            )

        def run() -> None:
            try:
                self._with(pair, go)
                found.put(None)
            except BaseException as error:  # noqa: BLE001  it is raised where the rows are wanted
                found.put(error)

        thread = threading.Thread(target=run, name="list", daemon=True)
        thread.start()
        try:
            while (page := found.get()) is not None:
                if isinstance(page, BaseException):
                    raise page
                yield from page
        finally:
            over.set()
            while thread.is_alive():  # a lister may wait for room
                with contextlib.suppress(queue.Empty):
                    found.get(timeout=0.05)

    def _with(
        self,
        pair: Pair,
        go: Callable[[BucketPair], Coroutine[Any, Any, T]],
        *,
        run: Callable[[Coroutine[Any, Any, T]], T] = run_alone,
    ) -> T:
        places = (pair.source, pair.destination)
        in_aws = [one for one in places if not one.service]
        known = pair.destination.account_id or pair.source.account_id
        reader = known or (self._estate().accounts()[0].id if in_aws else "")
        # Here and not in the loop, which may be others', too: making a client takes its time.
        ways = {
            (account_id, one.region): replace(self._estate().access(account_id, one.region, "s3"), headers=self._agreed)
            for one in in_aws
            for account_id in {one.account_id or reader, reader}
        }
        elsewhere = self._elsewhere(pair)
        customer_keys = self._customer_keys.of(pair)

        async def within() -> T:
            sides = await BucketPair.open(
                pair,
                lambda account_id, region: ways[account_id, region],
                largest=self._largest,
                part_bytes=self._part,
                reader=reader,
                elsewhere=elsewhere,
                customer_keys=customer_keys,
            )
            try:
                return await go(sides)
            finally:
                await sides.close()

        with seldom():
            return run(within())

    def _elsewhere(self, pair: Pair) -> ServiceAccess:
        """Storage classes go along that every service involved names, and tags where the destination takes them."""
        known = [self._services.find(one) for one in pair.services]
        classes = frozenset.intersection(*[frozenset(one.storage_classes) for one in known]) if known else frozenset()
        target = pair.destination.service
        return ServiceAccess(self._services.access, classes, self._services.find(target).tags if target else True)
