"""Memcached's clusters and nodes for the console's pages, polled in the background while a page shows them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from windlass.core import clock
from windlass.core.background import Poller
from windlass.core.errors import WindlassError
from windlass.memcached.model import Cluster, NodeStats, Quota
from windlass.memcached.service import ClusterListing, Memcached, NodeReport, ScopeFilter

__all__ = ["ClusterState", "MemcachedPoller", "Sample", "sample"]

_IDLE_S = 20.0  # polling ends when no page was shown for so long
_LIST_INTERVAL_S = 10.0
_CLUSTER_INTERVAL_S = 2.0
_QUOTA_INTERVAL_S = 60.0
_MAX_SAMPLES = 150
_FIRST_WAIT_S = 1.5  # how long a page waits for the first answer

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a cluster's counters: the hit rate of the gets since the look before (None: no gets), and the nodes."""

    at: datetime
    nodes: int
    hit_rate: float | None
    gets_per_s: float


@dataclass(slots=True)
class ClusterState:
    """What is known of one cluster; `error` is why the nodes (or AWS) could not be read, empty when they were."""

    cluster: Cluster | None = None
    quota: Quota | None = None
    nodes: NodeReport | None = None
    quota_at: float = float("-inf")
    error: str = ""
    hint: str = ""
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_MAX_SAMPLES))


class MemcachedPoller:
    """Answers for the Memcached pages; `mark` is another text when one of them changed."""

    def __init__(self, memcached: Callable[[], Memcached], now: Callable[[], float] = time.monotonic) -> None:
        self._memcached = memcached
        self._now = now
        self._listings = Poller[None, ClusterListing | WindlassError](
            "memcached-list", self._poll_list, interval_s=_LIST_INTERVAL_S, idle_s=_IDLE_S, now=now
        )
        self._clusters = Poller[Key, ClusterState](
            "memcached-clusters", self._poll_cluster, interval_s=_CLUSTER_INTERVAL_S, idle_s=_IDLE_S, now=now
        )

    @property
    def mark(self) -> str:
        """The version of what the pages were made from."""
        return f"{self._listings.version}.{self._clusters.version}"

    def listing(self) -> ClusterListing | WindlassError | None:
        """Return all clusters, or the error of listing them; None while AWS has not answered yet."""
        return self._listings.read([None], wait_s=_FIRST_WAIT_S).get(None)

    def cluster(self, key: Key) -> ClusterState:
        """Return what is known of one cluster."""
        return self._clusters.read([key], wait_s=_FIRST_WAIT_S).get(key, ClusterState())

    def _poll_list(self, _key: None, _previous: object) -> ClusterListing | WindlassError:
        try:
            return self._memcached().list()
        except WindlassError as error:
            return error

    def _poll_cluster(self, key: Key, previous: ClusterState | None) -> ClusterState:
        account_id, region, name = key
        before = previous or ClusterState()
        state = replace(before, error="", hint="")
        try:
            memcached = self._memcached()
            state.cluster = memcached.find(name, ScopeFilter((account_id,), (region,)))
            if self._now() - state.quota_at >= _QUOTA_INTERVAL_S:
                state.quota, state.quota_at = memcached.quota(account_id, region), self._now()
            nodes = memcached.nodes(state.cluster)
        except WindlassError as error:
            state.nodes, state.error, state.hint = None, error.message, error.hint
            return state
        elapsed_s = (clock.now() - state.samples[-1].at).total_seconds() if state.samples else 0.0
        state.samples.append(sample(before.nodes.stats if before.nodes else (), nodes.stats, elapsed_s, clock.now()))
        state.nodes = nodes
        return state


def sample(before: Sequence[NodeStats], after: Sequence[NodeStats], elapsed_s: float, at: datetime) -> Sample:
    """The rate between two looks. A node that was not there before, or started anew, counts from nothing."""
    old: Mapping[Any, NodeStats] = {(one.host, one.port): one for one in before}
    gets = hits = 0
    for one in after:
        last = old.get((one.host, one.port))
        started_anew = last is None or one.gets < last.gets
        gets += one.gets - (0 if started_anew or last is None else last.gets)
        hits += one.hits - (0 if started_anew or last is None else last.hits)
    if not before:  # the first look: everything since the nodes started
        return Sample(at, len(after), hits / gets if gets else None, 0.0)
    return Sample(at, len(after), hits / gets if gets else None, gets / elapsed_s if elapsed_s > 0 else 0.0)
