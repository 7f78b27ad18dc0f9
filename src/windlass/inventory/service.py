"""The inventory's use cases, for the command line, the API, the console and other capabilities."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from windlass.core import clock
from windlass.core.errors import NotFound
from windlass.inventory import (
    accounts,
    addresses,
    coverage,
    export,
    facets,
    graph,
    pages,
    prune,
    resources,
    run_workers,
    runs,
    scope_queue,
    search,
    stats,
    timetravel,
)
from windlass.inventory.automatic.catalog_cache import AutomaticCatalog, load
from windlass.inventory.automatic.empty_scopes import empty_statuses, read_empty_scopes
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.catalog import CATALOG
from windlass.inventory.collection import Collection, collect_options
from windlass.inventory.collection_worker import CollectionWorker, WorkerResult
from windlass.inventory.collector import CollectProgress
from windlass.inventory.config import InventoryConfig
from windlass.inventory.config_digest import config_digest
from windlass.inventory.filters import parse_query
from windlass.inventory.known_names import check_query
from windlass.inventory.model import (
    AccountStatus,
    AddressHolder,
    ChangeKind,
    Dependents,
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
    ScopeState,
    ScopeStatus,
    Stats,
    TypeRow,
)
from windlass.inventory.owner_directory import OwnerDirectory
from windlass.inventory.owner_rows import with_owners
from windlass.inventory.plan import CollectOptions, plan_scopes, select_types
from windlass.inventory.ports import EstateCaller
from windlass.inventory.run_workers import RunWorker
from windlass.inventory.scope_queue import ScopeQueue
from windlass.inventory.sql import Table, run_sql
from windlass.inventory.timetravel import Difference
from windlass.inventory.type_rows import type_rows
from windlass.store.engine import Store
from windlass.store.leases import Leases

__all__ = ["Inventory", "TypeRow"]

_EXPORT_PAGE = 1000


class Inventory:
    """The use cases over one store. `caller` opens the estate; only a collection calls it.

    `single_server` is true when one server stands for all regions (the embedded AWS); false for AWS. `iam_actions` returns the
    permissions that a call (service, operation) needs.
    """

    def __init__(
        self,
        store: Store,
        caller: Callable[[], EstateCaller],
        config: InventoryConfig,
        *,
        now: Callable[[], datetime] = clock.now,
        single_server: bool = False,
        catalog: Callable[[], AutomaticCatalog] = load,
        registry: TypeRegistry | None = None,
        iam_actions: Callable[[str, str], tuple[str, ...]] = lambda *_: (),
        owners: OwnerDirectory | None = None,
    ) -> None:
        self._store = store
        self._caller = caller
        self._config = config
        self._now = now
        self._single_server = single_server
        self._iam_actions = iam_actions
        self.owners = owners or OwnerDirectory(store)
        self._registry = registry or TypeRegistry(CATALOG, config.automatic, catalog)

    def on(self, store: Store) -> Inventory:
        """Return this inventory over another view of its store (that of a running job)."""
        return Inventory(
            store,
            self._caller,
            self._config,
            now=self._now,
            single_server=self._single_server,
            registry=self._registry,
            iam_actions=self._iam_actions,
            owners=self.owners,
        )

    def options(
        self,
        *,
        types: Sequence[str] = (),
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
        full: bool = False,
    ) -> CollectOptions:
        """Return what to collect: the given types, accounts and regions, else those of the configuration.

        `full` scans every scope; without it, empty scopes are scanned less and less often.
        """
        return collect_options(self._config, types=types, accounts=accounts, regions=regions, full=full)

    def plan(self, options: CollectOptions) -> tuple[Scope, ...]:
        """Return the scopes that a collection would scan, in its order."""
        return self.collection().plan(options)

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
        """Scan every scope and write what changed: each scope in one transaction.

        After a stop the run is `interrupted`; `resume_run_id` continues it with the remaining scopes.
        """
        run_id = self.collection().run(
            options, progress=progress, stop=stop, job_id=job_id, resume_run_id=resume_run_id, started=started
        )
        self.owners.refresh()
        return self.run(run_id)

    def collection(self, store: Store | None = None) -> Collection:
        """Return what collects into this store, or into another view of it."""
        return Collection(
            store or self._store, self._caller, self._config, self._now, self._registry, self._single_server
        )

    def queues(self) -> tuple[ScopeQueue, ...]:
        """Return the runs that processes may join, oldest first."""
        return self._store.fetch(scope_queue.find_queues)

    def config_digest(self) -> str:
        """Return the digest of what shapes documents in this process; processes that share a run have the same."""
        return config_digest(self._config, self._registry.collected)

    def work(self, queue: ScopeQueue, leases: Leases, *, stop: threading.Event) -> WorkerResult:
        """Scan scopes of a run that another process coordinates, until none is left or `stop` is set.

        Conflict when this process can't read accounts that the others can.
        """
        worker = CollectionWorker(self._store, leases, self.collection, self._now)
        return worker.work(queue, stop=stop)

    def count_workers(self) -> int:
        """Return how many processes scan a collection now."""
        return self._store.fetch(
            lambda connection: sum(
                run_workers.count_working(connection, queue.run_id) for queue in scope_queue.find_queues(connection)
            )
        )

    def run_workers(self, run_id: str) -> tuple[RunWorker, ...]:
        """Return the processes that scan, or scanned, a run. NotFound."""
        self.run(run_id)
        with self._store.read() as connection:
            return run_workers.list_workers(connection, run_id)

    def interrupt_run(self, run_id: str, *, at: datetime | None) -> None:
        """Mark a run as interrupted at a time (None: now), because its process ended without doing so."""
        runs.finish_run(self._store, run_id, status="interrupted", now=at or self._now())

    def is_empty(self) -> bool:
        """True when nothing was ever collected."""
        return self._store.fetch(stats.is_empty)

    def types(self, *, every: bool = False) -> tuple[TypeRow, ...]:
        """Return every type that is collected with its count; with `every`, the automatic types that are not collected, too."""
        with self._store.read() as connection:
            counts = stats.counts_by_type(connection)
        return type_rows(self._registry.all if every else self._registry.collected, counts, self._iam_actions)

    def check(self, query: Query, *, account_ids: Iterable[str] = ()) -> None:
        """Raise UsageError, with the nearest name, for an unknown type, account, region or document member.

        `account_ids` are configured accounts that may not be collected yet.
        """
        self._refresh_owners(query)
        with self._store.read() as connection:
            check_query(connection, query, account_ids=account_ids)

    def list(self, query: Query) -> Page:
        """Return a page of resources without documents, now or as of `query.at`."""
        return self._page(query, documents=False)

    def _page(self, query: Query, *, documents: bool) -> Page:
        self._refresh_owners(query)
        with self._store.read() as connection:
            if query.include_deleted and query.at is None:
                return resources.list_with_deleted(connection, query, documents=documents)
            if search.is_ranked(query):
                return search.search_page(connection, query, documents=documents)
            return pages.list_page(connection, query, documents=documents)

    def facets(self, query: Query, *, tags: Sequence[str] = ("team", "env")) -> Mapping[str, tuple[Facet, ...]]:
        """Return counts by `type`, `account`, `region` and `tag:NAME`, each over the matches of all other conditions."""
        self._refresh_owners(query)
        with self._store.read() as connection:
            return facets.facets(connection, query, tags)

    def _refresh_owners(self, query: Query) -> None:
        if query.owner or query.ownerless:
            self.owners.refresh()
            if query.at is not None:
                self.owners.check_time(query.at)

    def show(self, ref: str, *, at: datetime | None = None) -> Resource:
        """Return the resource that `ref` names, with its document now or at a time. NotFound; UsageError when ambiguous."""
        with self._store.read() as connection:
            resource = resources.find_resource(connection, ref)
            if at is None:
                return resource
            document = timetravel.document_at(connection, resource, at)
            resource = with_owners(connection, [resource], at=at)[0]
        if document is None:
            raise NotFound(
                f"{ref!r} did not exist at {at:%Y-%m-%d %H:%M:%S}Z",
                hint="`windlass inventory history` shows since when it exists.",
            )
        return replace(resource, document=document, tags=document.get("Tags") or {})

    def document_at(self, ref: str, at: datetime) -> Document | None:
        """Return the resource's document at a time; None when it did not exist then."""
        with self._store.read() as connection:
            return timetravel.document_at(connection, resources.find_resource(connection, ref), at)

    def relations(self, ref: str, *, at: datetime | None = None) -> tuple[Relation, ...]:
        """Return the relations from and to the resource, now or at a time."""
        with self._store.read() as connection:
            return graph.relations_of(connection, resources.find_resource(connection, ref), at=at)

    def graph(self, ref: str, *, depth: int = 2, limit: int = 200) -> Graph:
        """Return the resources within `depth` relations of the resource."""
        with self._store.read() as connection:
            return graph.walk(connection, resources.find_resource(connection, ref), depth=depth, limit=limit)

    def dependents(self, ref: str, *, depth: int = 6, limit: int = 1000, mentions: bool = False) -> Dependents:
        """Return what would break without the resource: all that need it, directly or through others. See graph.py."""
        with self._store.read() as connection:
            root = resources.find_resource(connection, ref)
            return graph.dependents(connection, root, depth=depth, limit=limit, mentions=mentions)

    def history(self, ref: str, *, limit: int = 100) -> tuple[Revision, ...]:
        """Return the resource's revisions, newest first."""
        with self._store.read() as connection:
            return timetravel.history(connection, resources.find_resource(connection, ref), limit=limit)

    def changes(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        query: Query | None = None,
        kinds: Sequence[ChangeKind] = (),
        actor: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Revision, ...], str]:
        """Return the estate's revisions, newest first, and the next cursor. Of the query, types, accounts, regions and owner apply."""
        self._refresh_owners(query or Query())
        with self._store.read() as connection:
            return timetravel.recent_changes(
                connection,
                query or Query(),
                since=since,
                until=until,
                kinds=kinds,
                actor=actor,
                limit=limit,
                cursor=cursor,
            )

    def diff(self, since: datetime, until: datetime, query: Query | None = None) -> tuple[Difference, ...]:
        """Return the net difference of the estate between two times."""
        self._refresh_owners(query or Query())
        with self._store.read() as connection:
            return timetravel.diff(connection, since, until, query or Query())

    def search(self, words: str, *, limit: int = 50, at: datetime | None = None) -> tuple[Resource, ...]:
        """Return the best matches: every word occurs in each, and beginnings of words match.

        `words` may contain an IP address or a network, parts of ids and ARNs, and filters: `type:s3`, `tag:team=web`.
        """
        query = replace(parse_query((), (), now=self._now(), words=words, sort="relevance", limit=limit), at=at)
        self.check(query)
        return self.list(query).rows

    def sql(self, text: str, *, limit: int = 1000) -> Table:
        """Run a read-only query over the views resources, revisions, relations, scopes and runs."""
        return run_sql(self._store, text, limit=limit)

    def stats(self) -> Stats:
        """Return the counts of the overview."""
        with self._store.read() as connection:
            return stats.stats(connection, self._now())

    def runs(self, limit: int = 20) -> tuple[Run, ...]:
        """Return the last collections, newest first."""
        return self._store.fetch(lambda connection: runs.list_runs(connection, limit))

    def run(self, run_id: str) -> Run:
        """Return one collection. NotFound."""
        run = self._store.fetch(lambda connection: runs.find_run(connection, run_id))
        if run is None:
            raise NotFound(f"there is no run {run_id!r}", hint="`windlass inventory runs` lists them.")
        return run

    def run_scopes(self, run_id: str) -> tuple[ScopeStatus, ...]:
        """Return the scopes of a run: all of the latest run, those that failed of earlier ones."""
        self.run(run_id)
        with self._store.read() as connection:
            return stats.run_scopes(connection, run_id)

    def scopes(self, state: ScopeState | None = None) -> tuple[ScopeStatus, ...]:
        """Return the last scan of every scope, failed ones first."""
        with self._store.read() as connection:
            return stats.list_scopes(connection, state)

    def accounts(self) -> tuple[AccountStatus, ...]:
        """Return every account that was ever collected: our identity or the refusal, and its regions."""
        return self._store.fetch(accounts.list_accounts)

    def coverage(self) -> tuple[coverage.CoverageRow, ...]:
        """Return what could be read: a row per account, region and service, the worst first, unscanned scopes included."""
        kinds = select_types(self._registry.collected, self.options())
        regions = {account.account_id: account.regions for account in self.accounts()}
        offered = plan_scopes(kinds, regions, is_due=lambda kind, scope: self._registry.is_offered(kind, scope.region))
        with self._store.read() as connection:
            empty = empty_statuses(read_empty_scopes(connection))
        return coverage.coverage((*self.scopes(), *empty), offered)

    def last_regions(self, account_id: str) -> tuple[str, ...]:
        """Return the regions that AWS last listed for an account; empty when it never did."""
        return self._store.fetch(lambda connection: accounts.last_regions(connection, account_id))

    def ip(self, address: str, *, at: datetime | None = None) -> tuple[AddressHolder, ...]:
        """Return the resources that hold or held an IP address."""
        with self._store.read() as connection:
            return addresses.holders(connection, address, at=at)

    def addresses(self, ref: str) -> tuple[AddressHolder, ...]:
        """Return the IP addresses that a resource has or had, the latest first."""
        with self._store.read() as connection:
            return addresses.held_by(connection, resources.find_resource(connection, ref))

    def export(self, query: Query, path: Path) -> int:
        """Write all matching resources with their documents to a file. Return how many."""
        return export.export(self.walk(query), path)

    def walk(self, query: Query) -> Iterator[Resource]:
        """Yield every matching resource with its document."""
        sort = "key" if query.sort == "relevance" else query.sort  # a ranked listing ends after the best matches
        query = replace(query, limit=_EXPORT_PAGE, cursor="", sort=sort)
        while True:
            page = self._page(query, documents=True)
            yield from page.rows
            if not page.cursor:
                return
            query = replace(query, cursor=page.cursor)

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Thin out the history before a time. Return how many revisions were (or would be) removed."""
        with self._store.write() as connection:
            return prune.prune(connection, before, dry_run=dry_run)
