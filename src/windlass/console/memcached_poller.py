"""Clusters and node counters for the Memcached pages: AWS and the nodes are called in the background, while a page is
viewed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from windlass.core import clock
from windlass.core.background import Poller
from windlass.core.errors import WindlassError
from windlass.memcached.model import Cluster, NodeStats, Quota
from windlass.memcached.service import ClusterListing, Memcached, NodeReport, ScopeFilter

__all__ = ["ClusterKey", "ClusterSnapshot", "HitRateSample", "MemcachedPoller", "hit_rate_sample"]

IDLE_S = 20.0  # polling ends when no page was viewed for this long
LISTING_INTERVAL_S = 10.0
CLUSTER_INTERVAL_S = 2.0
QUOTA_INTERVAL_S = 60.0  # Service Quotas throttles early, and a quota rarely changes
SAMPLES = 150  # five minutes of the hit-rate chart
FIRST_WAIT_S = 1.5  # a page waits this long for the first answer, then says that AWS is being asked

ClusterKey = tuple[str, str, str]
"""Account ID, region, name."""


@dataclass(frozen=True, slots=True)
class HitRateSample:
    """Counters of a cluster since the previous sample. `hit_rate` is 0 to 1, None when there were no gets."""

    at: datetime
    nodes: int
    hit_rate: float | None
    gets_per_s: float


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """The last known state of one cluster; `error` says why AWS or the nodes did not answer. Samples are in order of
    time.
    """

    cluster: Cluster | None = None
    quota: Quota | None = None
    nodes: NodeReport | None = None
    quota_at: float = float("-inf")
    error: str = ""
    hint: str = ""
    samples: tuple[HitRateSample, ...] = ()


class MemcachedPoller:
    """The list of clusters, and a snapshot of each cluster that is viewed."""

    def __init__(self, memcached: Callable[[], Memcached], now: Callable[[], float] = time.monotonic) -> None:
        self._memcached = memcached
        self._now = now
        self._listing = Poller[None, ClusterListing | WindlassError](
            "memcached-list", self._fetch_listing, interval_s=LISTING_INTERVAL_S, idle_s=IDLE_S, now=now
        )
        self._clusters = Poller[ClusterKey, ClusterSnapshot](
            "memcached-clusters", self._fetch_cluster, interval_s=CLUSTER_INTERVAL_S, idle_s=IDLE_S, now=now
        )

    @property
    def etag(self) -> str:
        """A text that differs after the list or a snapshot changed."""
        return f"{self._listing.version}.{self._clusters.version}"

    def listing(self) -> ClusterListing | WindlassError | None:
        """All clusters, or the error of listing them; None while AWS has not answered yet."""
        return self._listing.read([None], wait_s=FIRST_WAIT_S).get(None)

    def cluster(self, key: ClusterKey) -> ClusterSnapshot:
        """The snapshot of one cluster, an empty one while AWS has not answered yet."""
        return self._clusters.read([key], wait_s=FIRST_WAIT_S).get(key, ClusterSnapshot())

    def _fetch_listing(
        self, _key: None, _previous: ClusterListing | WindlassError | None
    ) -> ClusterListing | WindlassError:
        try:
            return self._memcached().list()
        except WindlassError as error:
            return error

    def _fetch_cluster(self, key: ClusterKey, previous: ClusterSnapshot | None) -> ClusterSnapshot:
        account_id, region, name = key
        before = previous or ClusterSnapshot()
        snapshot = replace(before, error="", hint="")
        memcached = self._memcached()
        try:
            cluster = memcached.find(name, ScopeFilter((account_id,), (region,)))
            snapshot = replace(snapshot, cluster=cluster)
            if self._now() - snapshot.quota_at >= QUOTA_INTERVAL_S:
                snapshot = replace(snapshot, quota=memcached.quota(account_id, region), quota_at=self._now())
            nodes = memcached.nodes(cluster)
        except WindlassError as error:
            return replace(snapshot, nodes=None, error=error.message, hint=error.hint)
        now = clock.now()
        elapsed_s = (now - before.samples[-1].at).total_seconds() if before.samples else 0.0
        sample = hit_rate_sample(before.nodes.stats if before.nodes else (), nodes.stats, elapsed_s, now)
        return replace(snapshot, nodes=nodes, samples=(*before.samples, sample)[-SAMPLES:])


def hit_rate_sample(
    before: Sequence[NodeStats], after: Sequence[NodeStats], elapsed_s: float, at: datetime
) -> HitRateSample:
    """The rates between two readings of the counters. A node that is new, or was restarted, counts from zero."""
    previous: Mapping[tuple[str, int], NodeStats] = {(node.host, node.port): node for node in before}
    gets = hits = 0
    for node in after:
        last = previous.get((node.host, node.port))
        restarted = last is None or node.gets < last.gets
        gets += node.gets - (0 if restarted or last is None else last.gets)
        hits += node.hits - (0 if restarted or last is None else last.hits)
    gets_per_s = (
        gets / elapsed_s if before and elapsed_s > 0 else 0.0
    )  # the first reading counts since the nodes' start
    return HitRateSample(at, len(after), hits / gets if gets else None, gets_per_s)
