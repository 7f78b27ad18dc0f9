"""Memcached as the console sees it: AWS and the nodes are asked beside the pages, and only while somebody looks.

A page gets what is known; a thread renews it as long as a page was shown in the last seconds, and then ends.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.memcached.model import Cluster, NodeStats, Quota
from windlass.memcached.service import Listing, Memcached, Nodes, ScopeFilter

__all__ = ["Caches", "Sample", "Seen", "sample"]

_LOOKED_S = 20.0
_LIST_EVERY_S = 10.0
_CLUSTER_EVERY_S = 2.0
_QUOTA_EVERY_S = 60.0
_KEPT = 150
_PATIENCE_S = 1.5

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a cluster's counters: the hit rate of the gets since the look before (None: no gets), and the nodes."""

    at: datetime
    nodes: int
    hit_rate: float | None
    gets_per_s: float


@dataclass(slots=True)
class Seen:
    """What is known of one cluster; `error` says why the nodes (or AWS) could not be asked."""

    cluster: Cluster | None = None
    quota: Quota | None = None
    nodes: Nodes | None = None
    quota_at: float = float("-inf")
    error: str = ""
    hint: str = ""
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Caches:
    """Answers for the Memcached pages; `mark` is another text when something of them moved."""

    def __init__(self, memcached: Callable[[], Memcached], now: Callable[[], float] = time.monotonic) -> None:
        self._memcached = memcached
        self._now = now
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._version = 0
        self._thread: threading.Thread | None = None
        self._looked: dict[Key | None, float] = {}
        self._renewed: dict[Key | None, float] = {}
        self._listing: Listing | WindlassError | None = None
        self._seen: dict[Key, Seen] = {}

    @property
    def mark(self) -> str:
        """What the pages were made from."""
        return str(self._version)

    def listing(self) -> Listing | WindlassError | None:
        """All clusters, or why they can't be told; None while AWS has not answered yet."""
        self._look(None, lambda: self._listing is not None)
        return self._listing

    def cluster(self, key: Key) -> Seen:
        """What is known of one cluster."""
        self._look(key, lambda: key in self._seen)
        return self._seen.get(key, Seen())

    def _look(self, key: Key | None, known: Callable[[], bool]) -> None:
        with self._moved:
            self._looked[key] = self._now()
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, name="caches", daemon=True)
                self._thread.start()
            self._moved.notify_all()
            self._moved.wait_for(known, _PATIENCE_S)

    def _renew(self) -> None:
        while True:
            with self._moved:
                wanted = [key for key, at in self._looked.items() if self._now() - at < _LOOKED_S]
                if not wanted:
                    self._thread = None
                    self._looked.clear()
                    return
                due = [key for key in wanted if self._now() - self._renewed.get(key, float("-inf")) >= _every(key)]
                if not due:
                    self._moved.wait(0.25)
                    continue
            for key in due:
                self._renew_one(key)

    def _renew_one(self, key: Key | None) -> None:
        found = self._ask_all() if key is None else self._ask_one(key)
        with self._moved:
            self._renewed[key] = self._now()
            if isinstance(found, Seen) and key is not None:
                self._seen[key] = found
            elif not isinstance(found, Seen):
                self._listing = found
            self._version += 1
            self._moved.notify_all()

    def _ask_all(self) -> Listing | WindlassError:
        try:
            return self._memcached().list()
        except WindlassError as error:
            return error

    def _ask_one(self, key: Key) -> Seen:
        account_id, region, name = key
        before = self._seen.get(key, Seen())
        seen = replace(before, error="", hint="")
        memcached = self._memcached()
        try:
            seen.cluster = memcached.find(name, ScopeFilter((account_id,), (region,)))
            if self._now() - seen.quota_at >= _QUOTA_EVERY_S:
                seen.quota, seen.quota_at = memcached.quota(account_id, region), self._now()
            fresh = memcached.nodes(seen.cluster)
        except WindlassError as error:
            seen.nodes, seen.error, seen.hint = None, error.message, error.hint
            return seen
        elapsed_s = (clock.now() - seen.samples[-1].at).total_seconds() if seen.samples else 0.0
        seen.samples.append(sample(before.nodes.stats if before.nodes else (), fresh.stats, elapsed_s, clock.now()))
        seen.nodes = fresh
        return seen


def _every(key: Key | None) -> float:
    return _LIST_EVERY_S if key is None else _CLUSTER_EVERY_S


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
