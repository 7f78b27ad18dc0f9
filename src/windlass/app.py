"""The composition root: builds the services from the settings, each on first use. Only this module wires them together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from windlass.core import clock
from windlass.core.parts import Built, Part
from windlass.core.secret import Secret
from windlass.observe.metrics import Metrics
from windlass.settings import Loaded, Settings

if TYPE_CHECKING:  # parts are imported on first use, so that a command loads only what it needs
    from windlass.aggregation.service import Aggregation
    from windlass.aws.client import AwsClient
    from windlass.checks.service import Checks
    from windlass.clients.service import CallerContext, Clients
    from windlass.deploy.service import Deploy
    from windlass.estate.model import Scope
    from windlass.estate.service import Estate
    from windlass.estate.services import Services
    from windlass.facts.collection import FactsCollection
    from windlass.facts.service import Facts
    from windlass.facts.sync_import import SyncImport
    from windlass.feed.service import Feed
    from windlass.inventory.imports.service import HistoryImport
    from windlass.inventory.owner_directory import OwnerDirectory
    from windlass.inventory.pushes.service import Pushes
    from windlass.inventory.service import Inventory
    from windlass.jobs.service import Jobs
    from windlass.memcached.service import Memcached
    from windlass.osquery.service import Osquery
    from windlass.pipelines.service import Pipelines
    from windlass.queues.service import Queues
    from windlass.replication.service import Replication
    from windlass.store.engine import Store
    from windlass.watch.config import WatchConfig
    from windlass.watch.service import Watch

__all__ = ["App"]


class App:
    """The application: every service, built from the configuration. A context manager; `close` releases connections."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        environ: Mapping[str, str],
        profile: str = "",
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.loaded = loaded
        self.metrics = Metrics()
        self._environ = environ
        self._profile = profile
        self._notify = notify
        self.built = Built()

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self.loaded.settings

    @Part
    def store(self) -> Store:
        """The database, opened and migrated."""
        from windlass.store.database import open_store

        return open_store(self.settings.store)

    @Part
    def estate(self) -> Estate:
        """Identity, accounts and AWS clients. Credentials are resolved on the first call."""
        from windlass.estate.service import open_estate

        return open_estate(
            self.settings.estate,
            self._environ,
            profile=self._profile or None,
            notify=self._notify,
            observe=self._count_call,
            last_regions=self._last_regions,
        )

    def _last_regions(self, account_id: str) -> tuple[str, ...]:
        """The regions of the last collection. Opens the store only when AWS does not list the regions."""
        return self.inventory.last_regions(account_id)

    @Part
    def aws(self) -> AwsClient:
        """The generic client for reads of the estate."""
        from windlass.aws.client import AwsClient

        return AwsClient(self.estate)

    @Part
    def inventory(self) -> Inventory:
        """The inventory over the store. Only collections call AWS."""
        from windlass.deploy.policy_calls import actions_of
        from windlass.inventory.service import Inventory

        return Inventory(
            self.store,
            lambda: self.aws,
            self.settings.inventory,
            single_server=bool(self.settings.estate.endpoint_url),
            iam_actions=actions_of,
            owners=self.owners,
        )

    @Part
    def owners(self) -> OwnerDirectory:
        """The owners of resources, by the rules of the configuration."""
        from windlass.inventory.owner_directory import OwnerDirectory
        from windlass.owners.rule_files import load_rules

        rules = functools.cache(lambda: load_rules(self.settings.owners, self._base))
        return OwnerDirectory(self.store, rules, observers=self.watch.observers if self.settings.watch else tuple)

    @property
    def _base(self) -> Path:
        """The folder that relative paths of the settings start from: that of windlass.toml."""
        return self.loaded.file.parent if self.loaded.file is not None else Path()

    @Part
    def jobs(self) -> Jobs:
        """Long-running work: progress, log, cancel, resume."""
        from windlass.jobs.service import Jobs

        return Jobs(self.store)

    @Part
    def queues(self) -> Queues:
        """SQS queues and their consumers."""
        from windlass.queues.service import Queues

        return Queues(lambda: self.estate, lambda: self.store, registry=self.metrics.of_worker)

    @Part
    def memcached(self) -> Memcached:
        """Memcached clusters. Every method calls AWS or the nodes."""
        from windlass.memcached.service import Memcached

        return Memcached(lambda: self.estate, self.settings.memcached)

    @Part
    def feed(self) -> Feed:
        """Events that keep the inventory current between collections."""
        from windlass.feed.service import Feed

        return Feed(
            self.settings.feed,
            self.inventory,
            lambda: self.history_import,
            lambda: self.sync_import,
            queues=self.queues,
            store=lambda: self.store,
            metrics=self.metrics,
        )

    @Part
    def history_import(self) -> HistoryImport:
        """Imports of history from before the first collection. Files in a bucket are read by the estate."""
        from windlass.inventory.events.type_index import TypeIndex
        from windlass.inventory.imports.service import HistoryImport

        index = TypeIndex.of(self.inventory.collection().types.collected)
        return HistoryImport(
            self.store, index, lambda: self.estate, self._first_account, self.settings.inventory.redact_paths
        )

    def _first_account(self) -> tuple[str, str]:
        """Return the ID of the first account, and the home region."""
        return str(self.estate.accounts()[0].id), self.settings.estate.home_region

    @Part
    def pushes(self) -> Pushes:
        """Resources that other collectors send."""
        from windlass.inventory.pushes.service import Pushes

        def collected() -> frozenset[str]:
            return frozenset(kind.name for kind in self.inventory.collection().types.collected)

        paths = tuple(self.settings.inventory.redact_paths)
        return Pushes(self.store, collected=collected, redact_paths=paths, written=self.owners.refresh)

    @Part
    def checks(self) -> Checks:
        """What is wrong with the estate. It reads the inventory, and calls nothing."""
        from windlass.checks.service import Checks

        return Checks(self.store, self.settings.checks, self._base, owners=self.owners)

    @Part
    def watch(self) -> Watch:
        """Alerts: what is watched, and who is told. Only deliveries call AWS."""
        from windlass.watch.service import Sources, Watch

        def locate(rule: WatchConfig) -> tuple[str, str]:
            return rule.account or self.estate.accounts()[0].id, rule.region or self.settings.estate.home_region

        def calls(account: str, region: str) -> Callable[..., dict[str, Any]]:
            return lambda service, operation, /, **params: self.estate.call(
                account, region, service, operation, **params
            )

        sources = Sources(lambda: self.inventory, lambda: self.checks, lambda: self.jobs)
        return Watch(self.store, self.settings.watch, sources, locate=locate, call=calls)

    @Part
    def facts(self) -> Facts:
        """What runs inside hosts. The sources report to it; it calls nothing."""
        from windlass.facts.service import Facts

        return Facts(self.store, owner_of=self.owners.owner_by_tags)

    @Part
    def facts_collection(self) -> FactsCollection:
        """Facts of the nodes that Systems Manager manages. Every method calls AWS."""
        from windlass.facts.collection import FactsCollection

        return FactsCollection(lambda: self.estate, self.facts.record)

    @Part
    def sync_import(self) -> SyncImport:
        """Facts from a Resource Data Sync's bucket. Files are read by the estate."""
        from windlass.facts.sync_import import SyncImport

        return SyncImport(self.store, self.facts, lambda: self.estate, self._first_account)

    @Part
    def osquery(self) -> Osquery:
        """Hosts with osquery: enrollment, results and live queries. The inventory finds the instances with a tag."""
        from windlass.osquery.service import Osquery

        return Osquery(
            self.store,
            self.settings.osquery,
            self.facts.record,
            instances_of=lambda tags: tagged_instances(self.inventory, tags),
            count=lambda outcome, number: self.metrics.osquery_results.labels(outcome).inc(number),
        )

    @Part
    def clients(self) -> Clients:
        """S3 clients that need an upgrade. The inventory finds the owner of an address."""
        from windlass.clients.directory import InventoryDirectory, count_buckets
        from windlass.clients.service import Clients

        return Clients(
            self.store,
            self.settings.clients,
            home=self._home,
            directory=lambda: InventoryDirectory(self.inventory),
            known_buckets=lambda: count_buckets(self.inventory),
        )

    @Part
    def aggregation(self) -> Aggregation:
        """Rules that combine many object events into one action."""
        from windlass.aggregation.service import Aggregation

        return Aggregation(
            self.settings.aggregate,
            estate=lambda: self.estate,
            queues=lambda: self.queues,
            store=lambda: self.store,
        )

    @Part
    def pipelines(self) -> Pipelines:
        """Pipelines that transform objects when they are written."""
        from windlass.pipelines.service import Pipelines

        return Pipelines(
            self.settings.pipeline,
            estate=lambda: self.estate,
            queues=lambda: self.queues,
            store=lambda: self.store,
        )

    @Part
    def replication(self) -> Replication:
        """Seeds of replicas. The inventory finds the buckets of sets that are defined by a query."""
        from windlass.replication.customer_keys import CustomerKeys
        from windlass.replication.direct.direct_copier import DirectCopier
        from windlass.replication.service import Replication

        return Replication(
            lambda: self.estate,
            lambda: self.store,
            self.settings.replication,
            self.settings.replicate,
            finder=lambda: InventoryFinder(self.inventory),
            direct=lambda: DirectCopier(
                lambda: self.estate,
                self._journals(),
                services=self.services,
                request_payer=self.settings.replication.request_payer,
                customer_keys=CustomerKeys(self.settings.replication.customer_keys, self._environ),
            ),
            services=self.services,
        )

    @property
    def services(self) -> Services:
        """S3-compatible services outside AWS. Their keys are read on first use."""
        from windlass.estate.services import Services

        return Services(self.settings.service, self._environ, self.settings.estate)

    def _journals(self) -> Path:
        """The folder of the journals of direct seeds: as configured, beside the SQLite file, or in the user's state folder."""
        if self.settings.replication.journals:
            return Path(self.settings.replication.journals).expanduser()
        file = self.settings.store.url.removeprefix("sqlite:///")
        if file != self.settings.store.url and file != ":memory:":
            return Path(f"{file}.seeds")
        state = self._environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(state) / "windlass" / "seeds"

    def _count_call(self, scope: Scope, outcome: str, seconds: float) -> None:
        where = (scope.service, scope.account_id, scope.region)
        self.metrics.aws_calls.labels(*where, outcome).inc()
        if outcome == "throttled":
            self.metrics.aws_throttled.labels(*where).inc()
        self.metrics.aws_seconds.labels(scope.service).observe(seconds)

    @property
    def deploy(self) -> Deploy:
        """Deployments of pipelines and aggregations as Lambda functions. Stateless."""
        from windlass.deploy.service import Deploy

        return Deploy(self.settings, config=self.loaded.file, estate=lambda: self.estate)

    def environment_secret(self, variable: str) -> Secret:
        """Return the secret in an environment variable; an empty one when it is not set."""
        return Secret(self._environ.get(variable, ""))

    def _home(self) -> CallerContext:
        """The first account, in the home region."""
        from windlass.clients.service import CallerContext

        return CallerContext(self.estate, self.estate.accounts()[0].id, self.settings.estate.home_region)

    def close(self) -> None:
        """Close the AWS clients and the database."""
        self.built.close("osquery", "aws", "estate", "store")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tagged_instances(inventory: Inventory, tags: Sequence[str]) -> frozenset[str]:
    """Return the IDs of the EC2 instances that have all of these tags: `team=web`, or `team` with any value."""
    return frozenset(_ids_of(inventory, "ec2.instance", [f"tag:{tag}" for tag in tags]))


def _ids_of(inventory: Inventory, resource_type: str, conditions: Sequence[str]) -> list[str]:
    from windlass.inventory.filters import parse_query

    query = parse_query((resource_type,), conditions, now=clock.now(), limit=1000)
    ids: list[str] = []
    while True:
        page = inventory.list(query)
        ids += [resource.resource_id for resource in page.rows]
        if not page.cursor:
            return ids
        query = replace(query, cursor=page.cursor)


class InventoryFinder:
    """Finds the buckets of a replication set in the inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def buckets(self, query: str) -> list[str]:
        """Return the names of the buckets that match `query`, conditions as in `windlass inventory list s3.bucket -w …`."""
        return _ids_of(self._inventory, "s3.bucket", query.split())
