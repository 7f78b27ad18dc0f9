"""The use cases of replication for the command line, the API and the console. `seed/job.py` runs seeds."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import Connection

from windlass.core import clock
from windlass.core.errors import NotFound, UsageError, WindlassError
from windlass.core.ids import new_id
from windlass.core.pool import map_bounded
from windlass.estate.service import Estate
from windlass.estate.services import Services
from windlass.replication import store as tables
from windlass.replication.comparison import BY_ETAG, Criteria
from windlass.replication.config import ReplicateConfig, ReplicationConfig
from windlass.replication.direct.model import CopyContext, CopyProgress, PairCopier, VerifyOptions, VerifyResult
from windlass.replication.effects import Effect
from windlass.replication.model import FailureGroup, Pair, SeedState, Volume
from windlass.replication.planning import aws, s3_compatible
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.pairs import by_pattern, check_aliases, check_pairs, is_other_service, place_pairs
from windlass.replication.planning.plan import PairPlan, plan_pair
from windlass.replication.planning.plan_effects import effects_for
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.task import CopyOptions, SeedTask
from windlass.store.engine import Store

__all__ = ["BucketFinder", "PairSelection", "Replication"]

_AT_ONCE = 16


class BucketFinder(Protocol):
    """Finds buckets by a query: the inventory."""

    def buckets(self, query: str) -> Sequence[str]:
        """Return the names of the buckets that the query selects. UsageError for an invalid query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSelection:
    """Selects pairs: a source and a destination, or a set of windlass.toml by name."""

    source: str = ""
    destination: str = ""
    set_name: str = ""
    prefix: str = ""


class Replication:
    """Plans, seeds and queries over one estate and one store."""

    def __init__(
        self,
        estate: Callable[[], Estate],
        store: Callable[[], Store],
        config: ReplicationConfig,
        sets: Sequence[ReplicateConfig] = (),
        *,
        finder: Callable[[], BucketFinder] | None = None,
        direct: Callable[[], PairCopier] | None = None,
        services: Services | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._estate, self._store = estate, store
        self._finder, self._direct = finder, direct
        self.services = services or Services((), {})
        self.config, self.sets, self.now = config, tuple(sets), now

    def on(self, store: Store) -> Replication:
        """Return this service with another view of its store: the store of the running job."""
        return Replication(
            self._estate,
            lambda: store,
            self.config,
            self.sets,
            finder=self._finder,
            direct=self._direct,
            services=self.services,
            now=self.now,
        )

    @property
    def estate(self) -> Estate:
        """Accounts and calls."""
        return self._estate()

    @property
    def store(self) -> Store:
        """The store of the seeds."""
        return self._store()

    @property
    def direct(self) -> PairCopier:
        """Copies and compares in this process. UsageError when this process has no copier."""
        if self._direct is None:
            raise UsageError("this process cannot copy objects itself", hint="Use --method batch.")
        return self._direct()

    def set_named(self, name: str) -> ReplicateConfig:
        """Return a set of windlass.toml by name. NotFound when there is none."""
        chosen = next((candidate for candidate in self.sets if candidate.name == name), None)
        if chosen is None:
            known = ", ".join(candidate.name for candidate in self.sets) or "none"
            raise NotFound(f"there is no set {name!r} in windlass.toml", hint=f"[[replicate]] has: {known}.")
        return chosen

    def pairs(self, ask: PairSelection) -> tuple[Pair, ...]:
        """Return the selected pairs, with account and region of every bucket of the estate. UsageError for an invalid selection."""
        if bool(ask.set_name) == bool(ask.source) or bool(ask.source) != bool(ask.destination):
            raise UsageError("name SOURCE and DEST, or a set with --set", hint="windlass replicate plan SOURCE DEST")
        known = functools.cache(lambda: aws.known_buckets(self.estate))
        if ask.source:
            named: Sequence[tuple[str, str]] = [(ask.source, ask.destination)]
            prefix = ask.prefix
        else:
            chosen = self.set_named(ask.set_name)
            named, prefix = self._named(chosen, known), ask.prefix or chosen.prefix
        pairs = place_pairs(named, {}, prefix)
        for name in {name for pair in pairs for name in pair.services}:
            self.services.find(name)
        if not all(pair.source.service and pair.destination.service for pair in pairs):
            pairs = place_pairs(named, known(), prefix)
        check_pairs(pairs)
        check_aliases(pairs, self._hosts(pairs))
        return pairs

    def _hosts(self, pairs: Sequence[Pair]) -> dict[str, str]:
        """Return the host of each service of the pairs. The empty name is AWS's S3, if the estate configures an
        endpoint.
        """
        names = {name for pair in pairs for name in pair.services}
        return {name: urlsplit(self.services.find(name).endpoint_url).netloc.lower() for name in names} | {
            "": urlsplit(self.estate.config.endpoint_url).netloc.lower() if names else ""
        }

    def plan(
        self,
        pairs: Sequence[Pair],
        request: SeedRequest,
        *,
        on_progress: Callable[[int, int, str], object] = lambda *_: None,
    ) -> tuple[PairPlan, ...]:
        """Plan every pair, in order, with read calls only. The error of a pair is part of its plan."""
        measured = self._metrics(pairs, request)
        plans: dict[str, PairPlan] = {}

        def work(pair: Pair) -> PairPlan:
            return self._plan_one(pair, request, None if pair.services else measured.get(pair.source.bucket))

        for number, outcome in enumerate(map_bounded(work, pairs, limit=_AT_ONCE, name="replicate"), 1):
            on_progress(number, len(pairs), outcome.item.title)
            if outcome.result is not None:
                plans[outcome.item.key] = outcome.result
            elif isinstance(outcome.error, WindlassError):
                plans[outcome.item.key] = PairPlan(pair=outcome.item, error=outcome.error)
            elif outcome.error is not None:
                raise outcome.error
        return tuple(plans[pair.key] for pair in pairs)

    def effects(
        self, plan: PairPlan, request: SeedRequest, *, seed_id: str = "", set_name: str = ""
    ) -> tuple[Effect, ...]:
        """Return the writes of a planned seed, in order."""
        held = None
        if plan.facts is not None and plan.facts.source.replication_role and plan.facts.rule is None:
            held = aws.role_facts(self.estate, plan.pair.source.account_id, plan.facts.source.replication_role)
        return effects_for(
            plan, request, self.config, seed_id=seed_id or new_id("seed", self.now()), set_name=set_name, held=held
        )

    def seeds(
        self, *, job_id: str = "", set_name: str = "", states: Sequence[SeedState] = (), limit: int = 1000
    ) -> list[SeedTask]:
        """Return seeds, newest first."""
        with self.store.read() as connection:
            return tables.list_seeds(connection, job_id=job_id, set_name=set_name, states=states, limit=limit)

    def select(self, ref: str) -> list[SeedTask]:
        """Return the seeds that a reference names: the id of a seed, a job or a Batch Operations job, or the name of a
        set or bucket.

        For a set or bucket, return the last seed of each pair. NotFound when there is none.
        """
        with self.store.read() as connection:
            seed = tables.get_seed(connection, ref)
            if seed is not None:
                return [seed]
            seeds = tables.list_seeds(connection, job_id=ref)
            if seeds:
                return seeds
            everything = tables.list_seeds(connection, limit=100_000)
        named = [
            seed
            for seed in everything
            if ref
            in (
                seed.set_name,
                *(name for side in (seed.pair.source, seed.pair.destination) for name in (side.bucket, side.name)),
            )
            or ref in (job[2] for job in seed.jobs)
        ]
        if not named:
            raise NotFound(
                f"no seed matches {ref!r}",
                hint="`windlass replicate status` lists them; --find searches AWS.",
            )
        return latest(named)

    def failures(self, seeds: Sequence[SeedTask]) -> dict[str, list[FailureGroup]]:
        """Return the failures of each seed, by seed id."""
        with self.store.read() as connection:
            return tables.list_failures(connection, [seed.seed_id for seed in seeds])

    def last_started(self, set_name: str) -> datetime | None:
        """Return when a set was last started; None when it never was."""
        with self.store.read() as connection:
            return tables.last_started(connection, set_name)

    def etag(self) -> str:
        """Return a text that changes when any seed changes."""
        with self.store.read() as connection:
            return tables.last_moved(connection)

    def save(self, seed: SeedTask, **changes: Any) -> SeedTask:
        """Store a task with changes, and return it. A final state sets `finished_at`."""
        changed = replace(seed, **changes, updated_at=self.now())
        if changed.state.ended and changed.finished_at is None:
            changed = replace(changed, finished_at=changed.updated_at)
        self.store.transact(lambda connection: tables.put_seed(connection, self.store, changed))
        return changed

    def add(self, connection: Connection, seeds: Sequence[SeedTask], job_id: str) -> None:
        """Write the new seeds of a job in the transaction that creates the job, so that a job has all of its seeds or
        does not exist.
        """
        for seed in seeds:
            tables.put_seed(connection, self.store, replace(seed, job_id=job_id, updated_at=self.now()))

    def save_failures(self, seed: SeedTask, failures: Sequence[FailureGroup]) -> None:
        """Store the failures of a seed, in place of earlier ones."""
        self.store.transact(lambda connection: tables.put_failures(connection, seed.seed_id, failures))

    def forget(self, *, older_s: float) -> int:
        """Delete seeds that ended longer ago than `older_s`, and return their number."""
        with self.store.write() as connection:
            return tables.forget_old(connection, self.now() - timedelta(seconds=older_s))

    def verify(
        self,
        pair: Pair,
        options: VerifyOptions | None = None,
        *,
        stop: threading.Event | None = None,
        on_progress: Callable[[int], object] = lambda _: None,
    ) -> VerifyResult:
        """Compare both buckets of a pair. UsageError for a sample of versions."""
        options = options or VerifyOptions()
        if options.versions and options.sample:
            raise UsageError("--sample reads current objects only", hint="Leave out --sample or --versions.")
        return self.direct.verify(pair, options, stop=stop or threading.Event(), on_progress=on_progress)

    def join(
        self,
        pair: Pair,
        seed_id: str,
        on_progress: Callable[[CopyProgress], object] = lambda _: None,
        criteria: Criteria = BY_ETAG,
    ) -> CopyProgress:
        """Join a distributed seed of another machine until it is done; return the totals of all workers."""
        task = SeedTask(seed_id=seed_id, pair=pair, options=CopyOptions(criteria=criteria, distributed=True))
        return self.direct.join(task, CopyContext(threading.Event(), on_progress))

    def _named(
        self, chosen: ReplicateConfig, known: Callable[[], Mapping[str, tuple[str, str]]]
    ) -> Sequence[tuple[str, str]]:
        if chosen.pairs:
            return chosen.pairs
        if chosen.source and is_other_service(chosen.source):
            service, _, pattern = chosen.source.partition(":")
            names = s3_compatible.bucket_names(self.services, service)
            return by_pattern(names, pattern, chosen.destination, service=service)
        regions = {name: place[1] for name, place in known().items()}
        if chosen.source:
            return by_pattern(known(), chosen.source, chosen.destination, regions)
        if self._finder is None:
            raise UsageError(f"set {chosen.name} queries the inventory, which this process does not have")
        return by_pattern(self._finder().buckets(chosen.query), "*", chosen.destination, regions)

    def _metrics(self, pairs: Sequence[Pair], request: SeedRequest) -> dict[str, Volume]:
        if request.measure == "listing":
            return {}
        places = [pair.source for pair in pairs if not pair.services]
        return aws.metrics(self.estate, places, now=self.now()) if places else {}

    def _plan_one(self, pair: Pair, request: SeedRequest, known: Volume | None) -> PairPlan:
        config = self.config
        facts = self._facts(pair, request)
        measured = None
        refused = facts.source.refused or facts.destination.refused
        if facts.source.exists and facts.destination.exists and not refused:
            measured = self._volume(facts.placed, request, known)
        return plan_pair(facts, measured, request, config)

    def _facts(self, pair: Pair, request: SeedRequest) -> PairFacts:
        config = self.config
        if not pair.services:
            role = request.template.role or config.role
            return aws.pair_facts(
                self.estate, pair, replication_role=config.replication_role, batch_role=role, payer=config.request_payer
            )
        source, target = (
            s3_compatible.place_facts(self.services, place) if place.service else aws.bucket_facts(self.estate, place)
            for place in (pair.source, pair.destination)
        )
        return PairFacts(pair=pair, source=source, destination=target)

    def _volume(self, pair: Pair, request: SeedRequest, known: Volume | None) -> Volume | None:
        """Count by listing both buckets, or use CloudWatch's metrics for large ones."""
        if request.measure == "none":
            return None
        large = known is not None and known.objects > self.config.list_threshold_objects and not pair.prefix
        if known is not None and (request.measure == "metrics" or (large and request.measure == "auto")):
            return known
        return self.direct.measure(pair, criteria=request.criteria)


def latest(seeds: Sequence[SeedTask]) -> list[SeedTask]:
    """Return the newest seed of each pair."""
    newest: dict[str, SeedTask] = {}
    for seed in sorted(seeds, key=lambda item: item.created_at):
        newest[seed.pair.key] = seed
    return list(newest.values())
