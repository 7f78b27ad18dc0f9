"""A collection: the options it follows, the scopes it scans, and the run that scans them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from windlass.core.ids import new_id
from windlass.core.suggest import unknown_word
from windlass.inventory import accounts, run_workers, runs, store_meta, writer
from windlass.inventory.automatic.due_scopes import DueScopes
from windlass.inventory.automatic.empty_scopes import EmptyScopeWriter
from windlass.inventory.automatic.presence import present_types
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.collector import Collector, CollectProgress
from windlass.inventory.config import InventoryConfig
from windlass.inventory.config_digest import config_digest
from windlass.inventory.model import Run, Scope, ScopeResult
from windlass.inventory.plan import CollectOptions, plan_scopes, select_types
from windlass.inventory.ports import EstateCaller
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.scope_claims import ScopeClaims, fill_queue
from windlass.inventory.scope_queue import ScopeQueue
from windlass.inventory.unread_details import detail_read_times
from windlass.store.engine import Store
from windlass.store.leases import Leases

__all__ = ["Collection", "collect_options", "run_progress", "sink_of"]

_PROGRESS_INTERVAL_S = 0.5


def collect_options(
    config: InventoryConfig,
    *,
    types: Sequence[str],
    accounts: Sequence[str],
    regions: Sequence[str],
    full: bool = False,
) -> CollectOptions:
    """Return what to collect: the given types, accounts and regions, else those of the configuration.

    All scopes of the given types are scanned, as with `full`.
    """
    configured = tuple(name for name in config.types if name != "*")
    return CollectOptions(
        types=tuple(types) or configured,
        exclude_types=() if types else tuple(config.exclude_types),
        accounts=tuple(accounts),
        regions=tuple(regions),
        full=full or bool(types),
    )


def sink_of(claims: ScopeClaims) -> Callable[[ScopeResult], None]:
    """Return the writer of results: through a store that refuses them once the process has lost its claims."""

    def sink(result: ScopeResult) -> None:
        if claims.empty_scopes is None or not claims.empty_scopes.take(result):
            writer.write_result(claims.store, claims.run_id, result, worker=claims.worker)

    return sink


def run_progress(run: Run, workers: int, *, done_at_start: int, elapsed_s: float) -> CollectProgress:
    """Return the progress over all workers of a run, `elapsed_s` after this process joined it."""
    done = run.scopes_done - done_at_start
    return CollectProgress(
        scopes_done=run.scopes_done,
        scopes_total=run.scopes_total,
        resources=run.resources,
        calls=run.calls,
        errors=run.errors,
        eta_s=elapsed_s / done * (run.scopes_total - run.scopes_done) if done > 0 else None,
        workers=workers,
    )


@dataclass(frozen=True, slots=True)
class Collection:
    """Collecting into one store. `caller` opens the estate on its first use."""

    store: Store
    caller: Callable[[], EstateCaller]
    config: InventoryConfig
    now: Callable[[], datetime]
    types: TypeRegistry
    single_server: bool = False  # one server stands for all regions; not AWS

    def plan(self, options: CollectOptions) -> tuple[Scope, ...]:
        """Return the scopes that a collection would scan, in its order."""
        due = self._due(options)
        return self._scopes(self._kinds(options), self._survey(options), options, due)

    def run(
        self,
        options: CollectOptions,
        *,
        progress: Callable[[CollectProgress], None],
        stop: threading.Event | None,
        job_id: str,
        resume_run_id: str,
        started: Callable[[str], None],
    ) -> str:
        """Scan every scope and write what changed. Return the run's id; see `Inventory.collect`.

        This process coordinates the run: it plans the scopes and ends the run. Others may scan with it
        (`collection_worker.py`): their counts are part of the run, and when one dies, others scan its scopes.
        """
        kinds = self._kinds(options)
        surveys = self._survey(options)
        due = self._due(options, resumed=self._started_s(resume_run_id))
        scopes = self._scopes(kinds, surveys, options, due)
        store_meta.salt_of(self.store)  # before others may begin
        run_id = runs.begin_run(
            self.store, now=self.now(), scopes_total=len(scopes), job_id=job_id, run_id=resume_run_id
        )
        accounts.save_accounts(self.store, surveys, now=self.now())
        started(run_id)
        types, worker = self.types.by_name_of(kinds), new_id("worker")
        empty_scopes = EmptyScopeWriter(self.store, run_id, types, due.with_rows, worker=worker)
        status = "failed"
        try:
            claims = self._claims(job_id, types, scopes, due.durations_s, empty_scopes, resumed=bool(resume_run_id))
            finished = self._scan(claims, types, progress=progress, stop=stop)
            status = "done" if finished else "interrupted"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            empty_scopes.flush()
            runs.finish_run(self.store, run_id, status=status, now=self.now())
        return run_id

    def _kinds(self, options: CollectOptions) -> tuple[ResourceType, ...]:
        return select_types(self.types.named(options.types), options)

    def _started_s(self, run_id: str) -> float | None:
        """Return the start of the continued run in seconds since 1970; None for a new run."""
        with self.store.read() as connection:
            run = runs.find_run(connection, run_id) if run_id else None
        return run.started_at.timestamp() if run else None

    def _due(self, options: CollectOptions, *, resumed: float | None = None) -> DueScopes:
        """Return which scopes are due now, according to the store; `resumed` is the start of a continued run."""
        return DueScopes.read(
            self.store,
            self.types,
            now_s=self.now().timestamp(),
            refusal_s=self.config.refusal_interval_s,
            scans_all=options.full,
            resumed_s=resumed,
        )

    def _claims(
        self,
        job_id: str,
        types: Mapping[str, ResourceType],
        scopes: Sequence[Scope],
        durations_s: Mapping[Scope, float],
        empty_scopes: EmptyScopeWriter,
        *,
        resumed: bool,
    ) -> ScopeClaims:
        """Open the run's queue, and return this process's claims of it."""
        leases, now, run_id, worker = Leases(self.store), self.now(), empty_scopes.run_id, empty_scopes.worker
        host = leases.holder().title
        queue = ScopeQueue(
            run_id=run_id,
            job_id=job_id,
            holder=host,
            # Only this run names the types that are not collected by default: no other process can join it.
            config_digest=config_digest(self.config, (*self.types.collected, *types.values())),
            read_measures=store_meta.is_due(
                self.store, "bucket_sizes", interval_s=self.config.bucket_sizes_interval_s, now=now
            ),
        )

        def fill(connection: Connection) -> int:
            left = fill_queue(connection, queue, scopes, durations_s, now=now, resumed=resumed)
            run_workers.add_worker(connection, run_id, worker, host=host, is_leased=False, now=now)
            return left

        left = self.store.transact(fill)
        return ScopeClaims(
            store=self.store,
            leases=leases,
            queue=queue,
            worker=worker,
            total=len(scopes),
            done_at_start=len(scopes) - left,
            now=self.now,
            empty_scopes=empty_scopes,
        )

    def _scan(
        self,
        claims: ScopeClaims,
        types: Mapping[str, ResourceType],
        *,
        progress: Callable[[CollectProgress], None],
        stop: threading.Event | None,
    ) -> bool:
        started_s, shown_s = time.monotonic(), 0.0

        def show(_: CollectProgress) -> None:
            nonlocal shown_s
            if time.monotonic() - shown_s >= _PROGRESS_INTERVAL_S:
                shown_s = time.monotonic()
                run, workers = runs.refresh_run(self.store, claims.run_id)
                run = replace(run, scopes_done=run.scopes_done + claims.kept_back)
                elapsed_s = shown_s - started_s
                progress(run_progress(run, workers, done_at_start=claims.done_at_start, elapsed_s=elapsed_s))

        return self.collector(types, read_measures=claims.queue.read_measures).run_from(
            claims, sink=sink_of(claims), progress=show, stop=stop
        )

    def collector(self, types: Mapping[str, ResourceType], *, read_measures: bool) -> Collector:
        """Return the collector that scans scopes of these types in this process."""
        config = self.config
        return Collector(
            caller=self.caller(),
            types=types,
            salt=store_meta.salt_of(self.store),
            now=self.now,
            concurrency=config.concurrency,
            scope_timeout_s=config.scope_timeout_s,
            details_timeout_s=config.details_timeout_s,
            read_times=lambda scope: detail_read_times(self.store, scope),
            redact_paths=config.redact_paths,
            read_measures=read_measures,
            single_server=self.single_server,
        )

    def _survey(self, options: CollectOptions) -> tuple[accounts.AccountSurvey, ...]:
        caller = self.caller()
        known = [str(account.id) for account in caller.accounts()]
        for account_id in options.accounts:
            if account_id not in known:
                raise unknown_word("account of this estate", account_id, known)
        return accounts.survey(caller, options.accounts or known)

    def _scopes(
        self,
        kinds: Sequence[ResourceType],
        surveys: Sequence[accounts.AccountSurvey],
        options: CollectOptions,
        due: DueScopes,
    ) -> tuple[Scope, ...]:
        """Return the scopes of the surveyed accounts. Scopes of a refused account are scanned, and end as `denied`."""
        available = {region for survey in surveys for region in survey.regions.regions}
        for region in options.regions:
            if region not in available:
                raise unknown_word("region of these accounts", region, available)
        regions = {
            survey.account_id: [
                region for region in survey.regions.regions if not options.regions or region in options.regions
            ]
            for survey in surveys
        }
        if self.config.presence_hints and not options.full:
            due = due.with_present(present_types(self.caller(), kinds, regions))
        return plan_scopes(kinds, regions, due.durations_s, is_due=due.is_due)
