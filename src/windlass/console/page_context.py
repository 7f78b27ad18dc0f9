"""The services that pages read from, with caches and pollers for slow ones.

A result is cached while its topic's etag holds, so that a large estate is not counted again for every page. Calls to
AWS are made in the background, never by a page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import Any, TypeVar

from windlass.api.routes import configured_accounts
from windlass.app import App
from windlass.console.memcached_poller import MemcachedPoller
from windlass.console.queue_poller import QueuePoller
from windlass.console.ttl_cache import TTLCache
from windlass.core.canonical import digest, plain
from windlass.core.errors import WindlassError
from windlass.estate.model import WhoAmI
from windlass.estate.service import Estate
from windlass.inventory import rows
from windlass.inventory.model import Facet, Query, ScopeStatus
from windlass.inventory.service import Inventory
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.queues.service import Queues
from windlass.replication.service import Replication
from windlass.settings import Settings

__all__ = ["PageContext"]

Answer = TypeVar("Answer")
IDENTITY_TTL_S = 300.0
IDENTITY_WAIT_S = (
    0.04  # a page waits this long for the result; STS usually takes longer, and the page is refreshed then
)
ETAG_CHARACTERS = 12


class PageContext:
    """The application as the pages of one console see it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._cache = TTLCache()
        self.memcached_poller = MemcachedPoller(lambda: app.memcached)
        self.queue_poller = QueuePoller(lambda: app.queues)
        self._lock = threading.Lock()
        self._identity_requested_at = float("-inf")
        self._identity: Future[WhoAmI] | None = None

    @property
    def inventory(self) -> Inventory:
        """The inventory's service."""
        return self.app.inventory

    @property
    def jobs(self) -> Jobs:
        """The jobs' service."""
        return self.app.jobs

    @property
    def queues(self) -> Queues:
        """The queues' service."""
        return self.app.queues

    @property
    def replication(self) -> Replication:
        """The replication's service."""
        return self.app.replication

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self.app.settings

    def etags(self) -> dict[str, str]:
        """Return {topic: etag}: a short text that differs after something of the topic changed."""
        jobs = [*self.jobs.list(limit=10), *self.jobs.list(status=JobStatus.RUNNING, limit=50)]
        states = [(job.job_id, str(job.status), job.done, job.total, job.detail, job.heartbeat_at) for job in jobs]
        identified = self._identity is not None and self._identity.done()
        return {
            "jobs": _etag(states),
            "runs": self._runs_etag(),
            "identity": str(identified),
            "memcached": self.memcached_poller.etag,
            "queues": f"{self.queue_poller.etag} {self._consumers_etag()}",
            "windows": self._windows_etag(),
            "pipelines": self._pipelines_etag(),
            "seeds": self.replication.etag(),
        }

    def _consumers_etag(self) -> str:
        consumers = self.queues.consumers()
        return _etag([(consumer.consumer_id, dict(consumer.counts), consumer.stopped_at) for consumer in consumers])

    def _pipelines_etag(self) -> str:
        if not self.settings.pipeline:
            return ""
        return _etag(self.app.pipelines.totals(within_s=3600.0))

    def _windows_etag(self) -> str:
        if not self.settings.aggregate:
            return ""
        latest = self.app.aggregation.windows(within_s=1800.0, limit=5)
        return _etag([(window.attempt, window.outcome) for window in latest])

    def _runs_etag(self) -> str:
        newest, _ = self.inventory.changes(limit=1)  # the feed writes revisions between two runs
        changes = [(revision.revision_id, revision.actor, len(revision.events)) for revision in newest]
        return _etag([*(rows.run_row(run) for run in self.inventory.runs(1)), *changes])

    def cached(self, key: str, compute: Callable[[], Answer]) -> Answer:
        """Return a result about the inventory, computed again only after a collection changed it."""
        return self._cache.get(key, self._runs_etag(), compute)

    def check(self, query: Query) -> None:
        """UsageError for a type, account, region or document member that no resource has; see `Inventory.check`."""
        self.inventory.check(query, account_ids=configured_accounts(self.app))

    def stats(self) -> dict[str, Any]:
        """All counts of the inventory."""
        return self.cached("stats", lambda: rows.stats_value(self.inventory.stats()))

    def scopes(self) -> tuple[ScopeStatus, ...]:
        """The last scan of every scope, failures first."""
        return self.cached("scopes", self.inventory.scopes)

    def facets(self, query: Query) -> Mapping[str, tuple[Facet, ...]]:
        """The facets of a listing, cached for all of its pages and sort orders."""
        counted = replace(query, cursor="", sort="key", limit=1)
        return self.cached(f"facets {counted!r}", lambda: self.inventory.facets(counted))

    def aliases(self) -> dict[str, str]:
        """{account ID: name} from the collected organization and the configuration, without a call to AWS."""

        def read() -> dict[str, str]:
            accounts = self.inventory.list(Query(types=("organizations.account",), limit=1000)).rows
            return {account.resource_id.rpartition("/")[2]: account.name for account in accounts}

        configured = {account.id: account.alias for account in self.settings.estate.accounts if account.alias}
        return self.cached("aliases", read) | configured

    def whoami(self) -> WhoAmI | None:
        """The identity in every account; None while AWS has not answered (the etag of `identity` changes when it has)."""
        with self._lock:
            age_s = time.monotonic() - self._identity_requested_at
            if self._identity is None or (self._identity.done() and age_s > IDENTITY_TTL_S):
                self._identity, self._identity_requested_at = Future(), time.monotonic()
                threading.Thread(
                    target=_identify, args=(self.app.estate, self._identity), name="whoami", daemon=True
                ).start()
            identity = self._identity
        try:
            return identity.result(IDENTITY_WAIT_S)
        except NotYet:
            return None


def _etag(value: Any) -> str:
    return digest(plain(value))[:ETAG_CHARACTERS]


def _identify(estate: Estate, identity: Future[WhoAmI]) -> None:
    try:
        identity.set_result(estate.whoami())
    except WindlassError as error:
        identity.set_exception(error)
    except BaseException as error:  # noqa: BLE001  it is raised by the page that waits for the identity
        identity.set_exception(WindlassError(f"The identity in AWS is unknown: {type(error).__name__}: {error}"))
