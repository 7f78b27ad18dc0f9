"""What pages ask: the application's parts, with a short memory for answers that cost something.

A remembered answer holds while nothing moved (`marks`), and for a rest of a few times what it cost to make: a large
estate under collection is not counted anew for every page. Who we are in AWS is asked beside the pages, never by one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from windlass.api.routes import configured_accounts
from windlass.app import App
from windlass.console.memcached_poller import MemcachedPoller
from windlass.console.queue_poller import QueuePoller
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

__all__ = ["Desk", "Memory"]

Answer = TypeVar("Answer")
_OLD_S = 60.0
_REST_S = 1.0
_MANY = 200
_IDENTITY_S = 300.0
_PATIENCE_S = 0.04


@dataclass(frozen=True, slots=True)
class _Held:
    value: Any
    mark: str
    made_at: float
    cost_s: float


class Memory:
    """Answers by key, each with the mark of the data it was made from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def get(self, key: str, mark: str, make: Callable[[], Answer]) -> Answer:
        """The remembered answer, or a new one."""
        now = self._clock()
        held = self._held.get(key)
        if held is not None:
            age = now - held.made_at
            if (held.mark == mark and age < _OLD_S) or age < min(_REST_S, 3 * held.cost_s):
                return cast("Answer", held.value)
        value = make()
        done = self._clock()
        with self._lock:
            if len(self._held) >= _MANY:
                self._held.clear()
            self._held[key] = _Held(value, mark, done, done - now)
        return value


class Desk:
    """One console's view of the application."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._memory = Memory()
        self.memcached_poller = MemcachedPoller(lambda: app.memcached)
        self.queue_poller = QueuePoller(lambda: app.queues)
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._asked: Future[WhoAmI] | None = None

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

    def marks(self) -> dict[str, str]:
        """A short text per topic, another one when something of it moved: jobs, runs, queues, windows, seeds …"""
        listed = [*self.jobs.list(limit=10), *self.jobs.list(status=JobStatus.RUNNING, limit=50)]
        moved = [(one.job_id, str(one.status), one.done, one.total, one.detail, one.heartbeat_at) for one in listed]
        answered = self._asked is not None and self._asked.done()
        return {
            "jobs": digest(plain(moved))[:12],
            "runs": self._runs_mark(),
            "identity": str(answered),
            "caches": self.memcached_poller.mark,
            "queues": f"{self.queue_poller.mark} {self._consumers_mark()}",
            "windows": self._windows_mark(),
            "pipelines": self._pipelines_mark(),
            "seeds": self.replication.mark(),
        }

    def _consumers_mark(self) -> str:
        moved = [(one.consumer_id, dict(one.counts), one.stopped_at) for one in self.queues.consumers()]
        return digest(plain(moved))[:12]

    def _pipelines_mark(self) -> str:
        if not self.settings.pipeline:
            return ""
        totals = self.app.pipelines.totals(within_s=3600.0)
        return digest(plain(totals))[:12]

    def _windows_mark(self) -> str:
        if not self.settings.aggregate:
            return ""
        latest = self.app.aggregation.windows(within_s=1800.0, limit=5)
        return digest(plain([(one.attempt, one.outcome) for one in latest]))[:12]

    def _runs_mark(self) -> str:
        runs = self.inventory.runs(1)
        return digest(plain([rows.run_row(one) for one in runs]))[:12]

    def remember(self, key: str, make: Callable[[], Answer]) -> Answer:
        """What `make` says of the inventory, made anew only after it moved."""
        return self._memory.get(key, self._runs_mark(), make)

    def check(self, query: Query) -> None:
        """UsageError for a type, account, region or document member that nothing has; see `Inventory.check`."""
        self.inventory.check(query, account_ids=configured_accounts(self.app))

    def stats(self) -> dict[str, Any]:
        """All counts."""
        return self.remember("stats", lambda: rows.stats_value(self.inventory.stats()))

    def scopes(self) -> tuple[ScopeStatus, ...]:
        """Every scope's last visit, trouble first."""
        return self.remember("scopes", self.inventory.scopes)

    def facets(self, query: Query) -> Mapping[str, tuple[Facet, ...]]:
        """Counts beside a listing; the same for each of its pages and orders."""
        asked = replace(query, at=None, cursor="", sort="key", limit=1)
        return self.remember(f"facets {asked!r}", lambda: self.inventory.facets(asked))

    def aliases(self) -> dict[str, str]:
        """Account names as the organization's own resources tell them: no call to AWS for a page."""

        def read() -> dict[str, str]:
            found = self.inventory.list(Query(types=("organizations.account",), limit=1000)).rows
            return {one.resource_id.rpartition("/")[2]: one.name for one in found}

        configured = {one.id: one.alias for one in self.settings.estate.accounts if one.alias}
        return self.remember("aliases", read) | configured

    def whoami(self) -> WhoAmI | None:
        """Who we are in every account; None while AWS has not answered yet (the topic `identity` moves when it has)."""
        with self._lock:
            if self._asked is None or (self._asked.done() and time.monotonic() - self._asked_at > _IDENTITY_S):
                self._asked, self._asked_at = Future(), time.monotonic()
                work = threading.Thread(target=_ask, args=(self.app.estate, self._asked), name="whoami", daemon=True)
                work.start()
            asked = self._asked
        try:
            return asked.result(_PATIENCE_S)
        except NotYet:
            return None


def _ask(estate: Estate, answer: Future[WhoAmI]) -> None:
    try:
        answer.set_result(estate.whoami())
    except WindlassError as error:
        answer.set_exception(error)
    except BaseException as error:  # noqa: BLE001  it is given to whoever waits for the answer
        answer.set_exception(WindlassError(f"asking AWS who we are failed: {type(error).__name__}"))
