"""The inventory's use cases, the one door for the command line, the API, the console and other capabilities."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from windlass.core import clock
from windlass.core.errors import NotFound
from windlass.core.suggest import unknown_word
from windlass.inventory import (
    accounts,
    addresses,
    coverage,
    export,
    graph,
    prune,
    resources,
    stats,
    timetravel,
    unread_details,
    writer,
)
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.collector import Collector, CollectProgress
from windlass.inventory.config import InventoryConfig
from windlass.inventory.known_names import check_query
from windlass.inventory.model import (
    AccountStatus,
    AddressHolder,
    ChangeKind,
    Document,
    Facet,
    Graph,
    Page,
    Query,
    Relation,
    Resource,
    Revision,
    Run,
    Scope,
    ScopeResult,
    ScopeState,
    ScopeStatus,
    Stats,
)
from windlass.inventory.plan import CollectOptions, plan_scopes, select_types
from windlass.inventory.ports import EstateCaller
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.sql import Table, run_sql
from windlass.inventory.timetravel import Difference
from windlass.store.engine import Store

__all__ = ["Inventory", "TypeRow"]

_EXPORT_PAGE = 1000


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A resource type and how many of it there are."""

    type: str
    service: str
    title: str
    scope_kind: str
    details: int
    count: int


class Inventory:
    """Collecting into and reading from one store. `caller` opens the estate; only what collects calls it."""

    def __init__(
        self,
        store: Store,
        caller: Callable[[], EstateCaller],
        config: InventoryConfig,
        *,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._caller = caller
        self._config = config
        self._now = now

    def on(self, store: Store) -> Inventory:
        """This inventory, reading and writing by another view of its store: a running job's."""
        return Inventory(store, self._caller, self._config, now=self._now)

    # --- collecting --------------------------------------------------------------------------------------------

    def options(
        self, *, types: Sequence[str] = (), accounts: Sequence[str] = (), regions: Sequence[str] = ()
    ) -> CollectOptions:
        """What to collect: what was asked for, else what the configuration says."""
        configured = tuple(name for name in self._config.types if name != "*")
        return CollectOptions(
            types=tuple(types) or configured,
            exclude_types=() if types else tuple(self._config.exclude_types),
            accounts=tuple(accounts),
            regions=tuple(regions),
        )

    def plan(self, options: CollectOptions) -> tuple[Scope, ...]:
        """The scopes a collection would visit, in its order."""
        kinds = select_types(CATALOG, options)
        return self._scopes(kinds, self._survey(options), options)

    def _survey(self, options: CollectOptions) -> tuple[accounts.AccountSurvey, ...]:
        caller = self._caller()
        known = [str(account.id) for account in caller.accounts()]
        for account_id in options.accounts:
            if account_id not in known:
                raise unknown_word("account of this estate", account_id, known)
        return accounts.survey(caller, options.accounts or known)

    def _scopes(
        self, kinds: Sequence[ResourceType], surveys: Sequence[accounts.AccountSurvey], options: CollectOptions
    ) -> tuple[Scope, ...]:
        """A refused account has its scopes, too: each is visited, and ends as `denied` with the reason."""
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
        return plan_scopes(kinds, regions, writer.last_durations(self._store))

    def collect(
        self,
        options: CollectOptions,
        *,
        progress: Callable[[CollectProgress], None] = lambda _: None,
        stop: threading.Event | None = None,
        job_id: str = "",
        resume_run_id: str = "",
        started: Callable[[str], None] = lambda _: None,
    ) -> Run:
        """Visit every scope and write what changed. Each scope is written whole or not at all.

        A stop leaves the run `interrupted`; `resume_run_id` goes on with it where it stopped.
        """
        kinds = select_types(CATALOG, options)
        surveys = self._survey(options)
        scopes = self._scopes(kinds, surveys, options)
        run_id = writer.begin_run(
            self._store, now=self._now(), scopes_total=len(scopes), job_id=job_id, run_id=resume_run_id
        )
        done_before = writer.finished_scopes(self._store, run_id)
        accounts.save_accounts(self._store, surveys, now=self._now())
        started(run_id)
        collector = Collector(
            caller=self._caller(),
            types=BY_NAME,
            salt=writer.salt_of(self._store),
            now=self._now,
            concurrency=self._config.concurrency,
            scope_timeout_s=self._config.scope_timeout_s,
            details_timeout_s=self._config.details_timeout_s,
            read_times=lambda scope: unread_details.detail_read_times(self._store, scope),
            redact_paths=self._config.redact_paths,
            read_measures=writer.is_due(
                self._store, "bucket_sizes", interval_s=self._config.bucket_sizes_interval_s, now=self._now()
            ),
        )

        def sink(result: ScopeResult) -> None:
            writer.apply(self._store, run_id, result)

        status = "failed"
        try:
            whole = collector.run(
                scopes, sink=sink, progress=progress, stop=stop, done_before=done_before & frozenset(scopes)
            )
            status = "done" if whole else "interrupted"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            if status == "done" and self.run(run_id).errors:
                status = "partial"
            writer.finish_run(self._store, run_id, status=status, now=self._now())
        return self.run(run_id)

    def interrupt_run(self, run_id: str, *, at: datetime | None) -> None:
        """Record that a run's process ended at a time (None: now) without writing so."""
        writer.finish_run(self._store, run_id, status="interrupted", now=at or self._now())

    # --- reading -----------------------------------------------------------------------------------------------

    def is_empty(self) -> bool:
        """Whether nothing was ever collected."""
        with self._store.read() as connection:
            return stats.is_empty(connection)

    def types(self) -> tuple[TypeRow, ...]:
        """Every type of the catalog with its count."""
        with self._store.read() as connection:
            counts = stats.counts_by_type(connection)
        return tuple(
            TypeRow(
                kind.name,
                kind.service,
                kind.title,
                "account" if kind.once_per_account else "region",
                len(kind.details),
                counts.get(kind.name, 0),
            )
            for kind in CATALOG
        )

    def check(self, query: Query, *, account_ids: Iterable[str] = ()) -> None:
        """UsageError with the nearest name for a type, account, region or document member that nothing known has.

        `account_ids` are configured accounts, of which nothing may be collected yet.
        """
        with self._store.read() as connection:
            check_query(connection, self._store.dialect, query, account_ids=account_ids)

    def list(self, query: Query) -> Page:
        """A page of resources without documents, now or as of `query.at`."""
        return self._page(query, documents=False)

    def _page(self, query: Query, *, documents: bool) -> Page:
        with self._store.read() as connection:
            if query.at is not None:
                return timetravel.list_at(connection, query, documents=documents)
            return resources.list_resources(connection, self._store.dialect, query, documents=documents)

    def facets(self, query: Query, *, tags: Sequence[str] = ("team", "env")) -> Mapping[str, tuple[Facet, ...]]:
        """Counts by `type`, `account`, `region` and `tag:NAME`, of what the query's other conditions let through."""
        with self._store.read() as connection:
            return resources.facets(connection, self._store.dialect, query, tags)

    def show(self, ref: str, *, at: datetime | None = None) -> Resource:
        """The resource that `ref` names, with its document now or at a time. NotFound, or UsageError when ambiguous."""
        with self._store.read() as connection:
            found = resources.find_resource(connection, ref)
            if at is None:
                return found
            document = timetravel.document_at(connection, found, at)
        if document is None:
            raise NotFound(
                f"{ref!r} did not exist at {at:%Y-%m-%d %H:%M:%S}Z",
                hint="`windlass inventory history` shows since when.",
            )
        return replace(found, document=document, tags=document.get("Tags") or {})

    def document_at(self, ref: str, at: datetime) -> Document | None:
        """The resource's document at a time; None when it did not exist then."""
        with self._store.read() as connection:
            return timetravel.document_at(connection, resources.find_resource(connection, ref), at)

    def relations(self, ref: str, *, at: datetime | None = None) -> tuple[Relation, ...]:
        """Relations from and to the resource, now or at a time."""
        with self._store.read() as connection:
            return graph.relations_of(connection, [resources.find_resource(connection, ref)], at=at)

    def graph(self, ref: str, *, depth: int = 2, limit: int = 200) -> Graph:
        """What is within `depth` relations of the resource."""
        with self._store.read() as connection:
            return graph.walk(connection, resources.find_resource(connection, ref), depth=depth, limit=limit)

    def history(self, ref: str, *, limit: int = 100) -> tuple[Revision, ...]:
        """The resource's revisions, newest first."""
        with self._store.read() as connection:
            return timetravel.history(connection, resources.find_resource(connection, ref), limit=limit)

    def changes(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        query: Query | None = None,
        kinds: Sequence[ChangeKind] = (),
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Revision, ...], str]:
        """The estate's revisions, newest first, and the cursor of the next page. Type, account and region filter."""
        with self._store.read() as connection:
            return timetravel.recent_changes(
                connection, query or Query(), since=since, until=until, kinds=kinds, limit=limit, cursor=cursor
            )

    def diff(self, since: datetime, until: datetime, query: Query | None = None) -> tuple[Difference, ...]:
        """The net difference of the estate between two times."""
        with self._store.read() as connection:
            return timetravel.diff(connection, since, until, query or Query())

    def search(self, words: str, *, limit: int = 50) -> tuple[Resource, ...]:
        """Resources in which every word occurs; beginnings of words match."""
        return self.list(Query(words=words, limit=limit, sort="changed")).rows

    def sql(self, text: str, *, limit: int = 1000) -> Table:
        """A read-only query over the views resources, revisions, relations, scopes and runs."""
        return run_sql(self._store, text, limit=limit)

    def stats(self) -> Stats:
        """Counts for an overview."""
        with self._store.read() as connection:
            return stats.stats(connection, self._now())

    def runs(self, limit: int = 20) -> tuple[Run, ...]:
        """Collections, newest first."""
        with self._store.read() as connection:
            return stats.list_runs(connection, limit)

    def run(self, run_id: str) -> Run:
        """One collection, or NotFound."""
        with self._store.read() as connection:
            found = stats.get_run(connection, run_id)
        if found is None:
            raise NotFound(f"there is no run {run_id!r}", hint="`windlass inventory runs` lists them.")
        return found

    def run_scopes(self, run_id: str) -> tuple[ScopeStatus, ...]:
        """The scopes of a run: all of the latest, of earlier ones those with trouble."""
        self.run(run_id)
        with self._store.read() as connection:
            return stats.run_scopes(connection, run_id)

    def scopes(self, state: ScopeState | None = None) -> tuple[ScopeStatus, ...]:
        """Every scope's last visit, those with trouble first."""
        with self._store.read() as connection:
            return stats.list_scopes(connection, state)

    def accounts(self) -> tuple[AccountStatus, ...]:
        """Every account that was ever collected: who we are there or why it is refused, and which regions it has."""
        with self._store.read() as connection:
            return accounts.list_accounts(connection)

    def coverage(self) -> tuple[coverage.CoverageRow, ...]:
        """What could be read where: a row per account, region and service, the worst first. Unscanned scopes count."""
        kinds = select_types(CATALOG, self.options())
        regions = {account.account_id: account.regions for account in self.accounts()}
        return coverage.coverage(self.scopes(), plan_scopes(kinds, regions))

    def last_regions(self, account_id: str) -> tuple[str, ...]:
        """The regions that AWS last listed for an account; empty when it never did."""
        with self._store.read() as connection:
            return accounts.last_regions(connection, account_id)

    def ip(self, address: str, *, at: datetime | None = None) -> tuple[AddressHolder, ...]:
        """Who holds or held an IP address."""
        with self._store.read() as connection:
            return addresses.holders(connection, address, at=at)

    def addresses(self, ref: str) -> tuple[AddressHolder, ...]:
        """The IP addresses a resource has or had, the latest first."""
        with self._store.read() as connection:
            return addresses.held_by(connection, resources.find_resource(connection, ref))

    def export(self, query: Query, path: Path) -> int:
        """Write all matching resources with their documents; how many."""
        return export.export(self.walk(query), path)

    def walk(self, query: Query) -> Iterator[Resource]:
        """Every matching resource with its document, page by page."""
        query = replace(query, limit=_EXPORT_PAGE, cursor="")
        while True:
            page = self._page(query, documents=True)
            yield from page.rows
            if not page.cursor:
                return
            query = replace(query, cursor=page.cursor)

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Thin out history from before a time; how many revisions went (or would)."""
        with self._store.write() as connection:
            return prune.prune(connection, before, dry_run=dry_run)
