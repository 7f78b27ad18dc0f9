"""A collection: the options it follows, the scopes it scans, and the run that scans them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from windlass.core.suggest import unknown_word
from windlass.inventory import accounts, runs, store_meta, writer
from windlass.inventory.automatic.due_scopes import DueScopes
from windlass.inventory.automatic.empty_scopes import EmptyScopeWriter
from windlass.inventory.automatic.presence import present_types
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.collector import Collector, CollectProgress
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Scope, ScopeResult
from windlass.inventory.plan import CollectOptions, plan_scopes, select_types
from windlass.inventory.ports import EstateCaller
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.unread_details import detail_read_times
from windlass.store.engine import Store

__all__ = ["Collection", "collect_options"]


def collect_options(
    config: InventoryConfig,
    *,
    types: Sequence[str],
    accounts: Sequence[str],
    regions: Sequence[str],
    full: bool = False,
) -> CollectOptions:
    """Return what to collect: the given types, accounts and regions, else those of the configuration.

    Types that are given are asked everywhere, as with `full`.
    """
    configured = tuple(name for name in config.types if name != "*")
    return CollectOptions(
        types=tuple(types) or configured,
        exclude_types=() if types else tuple(config.exclude_types),
        accounts=tuple(accounts),
        regions=tuple(regions),
        full=full or bool(types),
    )


@dataclass(frozen=True, slots=True)
class Collection:
    """Collecting into one store. `caller` opens the estate on its first use."""

    store: Store
    caller: Callable[[], EstateCaller]
    config: InventoryConfig
    now: Callable[[], datetime]
    types: TypeRegistry
    single_server: bool = False  # one program answers for all regions, not AWS

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
        """Scan every scope and write what changed. Return the run's id; see `Inventory.collect`."""
        kinds = self._kinds(options)
        surveys = self._survey(options)
        due = self._due(options, resumed=self._started_s(resume_run_id))
        scopes = self._scopes(kinds, surveys, options, due)
        run_id = runs.begin_run(
            self.store, now=self.now(), scopes_total=len(scopes), job_id=job_id, run_id=resume_run_id
        )
        done_before = (runs.finished_scopes(self.store, run_id) | due.done_before) & frozenset(scopes)
        accounts.save_accounts(self.store, surveys, now=self.now())
        started(run_id)

        empty_scopes = EmptyScopeWriter(self.store, run_id, self.types.by_name_of(kinds), due.with_rows)

        def sink(result: ScopeResult) -> None:
            if not empty_scopes.take(result):
                writer.write_result(self.store, run_id, result)

        status = "failed"
        try:
            finished = self._collector(kinds).run(
                scopes, sink=sink, progress=progress, stop=stop, done_before=done_before
            )
            status = "done" if finished else "interrupted"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            empty_scopes.flush()
            if status == "done" and self._has_errors(run_id):
                status = "partial"
            runs.finish_run(self.store, run_id, status=status, now=self.now())
        return run_id

    def _kinds(self, options: CollectOptions) -> tuple[ResourceType, ...]:
        return select_types(self.types.named(options.types), options)

    def _started_s(self, run_id: str) -> float | None:
        """Return when the run that is continued began, in seconds since 1970; None for a new run."""
        with self.store.read() as connection:
            run = runs.find_run(connection, run_id) if run_id else None
        return run.started_at.timestamp() if run else None

    def _due(self, options: CollectOptions, *, resumed: float | None = None) -> DueScopes:
        """Return which scopes are due now, by what the store knows of them; `resumed` is when a continued run began."""
        return DueScopes.read(
            self.store,
            self.types,
            now_s=self.now().timestamp(),
            refusal_s=self.config.refusal_interval_s,
            asks_all=options.full,
            resumed_s=resumed,
        )

    def _collector(self, kinds: Sequence[ResourceType]) -> Collector:
        config = self.config
        return Collector(
            caller=self.caller(),
            types=self.types.by_name_of(kinds),
            salt=store_meta.salt_of(self.store),
            now=self.now,
            concurrency=config.concurrency,
            scope_timeout_s=config.scope_timeout_s,
            details_timeout_s=config.details_timeout_s,
            read_times=lambda scope: detail_read_times(self.store, scope),
            redact_paths=config.redact_paths,
            read_measures=store_meta.is_due(
                self.store, "bucket_sizes", interval_s=config.bucket_sizes_interval_s, now=self.now()
            ),
            single_server=self.single_server,
        )

    def _has_errors(self, run_id: str) -> bool:
        with self.store.read() as connection:
            run = runs.find_run(connection, run_id)
        return run is not None and run.errors > 0

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
