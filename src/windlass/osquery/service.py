"""The use cases of osquery for operators: enrollment secrets, nodes, and live queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from windlass.core import clock
from windlass.core.errors import NotFound, UsageError
from windlass.core.secret import Secret
from windlass.osquery import enroll_secrets, live_queries, nodes
from windlass.osquery.agents import Agents, Record
from windlass.osquery.config import OsqueryConfig
from windlass.osquery.model import AnswerState, EnrollSecret, LiveQuery, Node
from windlass.store.engine import Store

__all__ = ["InstancesOf", "LiveRequest", "Osquery"]

InstancesOf = Callable[[Sequence[str]], frozenset[str]]
"""Returns the IDs of the EC2 instances in the inventory that have all of these tags (`team=web`, or `team`)."""
POLL_S = 0.5
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 5.0, 86_400.0
MAX_SQL = 10_000
OFFLINE_AFTER = 3
"""A host is offline after it missed this many of its requests for live queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequest:
    """A live query for the hosts in `hosts` and those with all `tags`; without both, for every enrolled host."""

    sql: str
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    timeout_s: float = 120.0
    actor: str = ""


class Osquery:
    """Enrollment secrets, nodes and live queries in one store. `record` stores facts."""

    def __init__(
        self,
        store: Store,
        config: OsqueryConfig,
        record: Record,
        instances_of: InstancesOf,
        *,
        now: Callable[[], datetime] = clock.now,
        count: Callable[[str, int], None] = lambda _outcome, _number: None,
    ) -> None:
        self.config = config
        self.agents = Agents(store, config, record, now=now, count=count)
        self._store, self._instances_of, self._now = store, instances_of, now

    def close(self) -> None:
        """Write the times at which nodes were last seen, as far as they are not written yet."""
        self.agents.flush()

    # --- enrollment secrets ------------------------------------------------------------------------------------

    def create_secret(self, name: str, *, expires_at: datetime | None = None) -> Secret:
        """Create an enrollment secret. Its text cannot be shown again."""
        return enroll_secrets.create_secret(self._store, name, now=self._now(), expires_at=expires_at)

    def revoke_secret(self, name: str) -> None:
        """Revoke an enrollment secret. Hosts that are enrolled stay."""
        enroll_secrets.revoke_secret(self._store, name, now=self._now())

    def secrets(self) -> tuple[EnrollSecret, ...]:
        """Return all enrollment secrets without their texts, the newest first."""
        return enroll_secrets.list_secrets(self._store)

    # --- nodes -------------------------------------------------------------------------------------------------

    def nodes(self, hosts: Sequence[str] = (), tags: Sequence[str] = ()) -> tuple[Node, ...]:
        """Return nodes, the last seen first: those of `hosts` (names or IDs) and those with all `tags`. NotFound."""
        named = nodes.list_nodes(self._store, hosts) if hosts or not tags else ()
        if not tags:
            return named
        instances = self._instances_of(tags)
        tagged = [node for node in nodes.list_nodes(self._store) if node.instance_id in instances]
        return tuple({node.node_id: node for node in (*named, *tagged)}.values())

    def revoke(self, ref: str) -> Node:
        """Revoke a node: its key ends, and the host cannot enroll again until it is restored."""
        node = nodes.find_node(self._store, ref)
        nodes.revoke_node(self._store, node, now=self._now())
        return node

    def restore(self, ref: str) -> Node:
        """Allow a revoked node to enroll again."""
        node = nodes.find_node(self._store, ref)
        nodes.revoke_node(self._store, node, now=None)
        return node

    def state_of(self, node: Node) -> str:
        """Return `online`, `offline` or `revoked`."""
        if node.revoked_at is not None:
            return "revoked"
        silent = self._now() - node.last_seen_at
        return (
            "online" if silent <= timedelta(seconds=OFFLINE_AFTER * max(60, self.config.live_interval_s)) else "offline"
        )

    # --- live queries ------------------------------------------------------------------------------------------

    def targets(self, request: LiveRequest) -> tuple[Node, ...]:
        """Return the nodes that a live query is for. NotFound when there is none."""
        active = tuple(node for node in self.nodes(request.hosts, request.tags) if node.revoked_at is None)
        if not active:
            raise NotFound(
                "no enrolled host matches",
                hint="`windlass osquery nodes` lists enrolled hosts; tags come from the inventory.",
            )
        return active

    def ask(self, request: LiveRequest) -> LiveQuery:
        """Start a query on hosts and return it; answers arrive until it expires. UsageError for SQL that cannot run."""
        sql = _checked(request.sql)
        if not MIN_TIMEOUT_S <= request.timeout_s <= MAX_TIMEOUT_S:
            raise UsageError(
                f"a live query cannot wait for {request.timeout_s:g} s", hint="Choose a timeout between 5s and 24h."
            )
        targets, now = self.targets(request), self._now()
        query_id = live_queries.create_query(
            self._store,
            sql,
            targets,
            actor=request.actor,
            now=now,
            expires_at=clock.later(now, request.timeout_s),
            keep=timedelta(days=self.config.live_retention_days),
        )
        return self.live_query(query_id)

    def live_query(self, query_id: str) -> LiveQuery:
        """Return a live query with the answers so far. NotFound."""
        return live_queries.read_query(self._store, query_id)

    def live_queries(self, *, limit: int = 50) -> tuple[tuple[LiveQuery, Mapping[AnswerState, int]], ...]:
        """Return the latest live queries, each with the number of hosts by state."""
        return live_queries.list_queries(self._store, limit=limit)

    def wait(self, query_id: str, *, on_progress: Callable[[LiveQuery], None] = lambda _: None) -> LiveQuery:
        """Wait until every host answered or the query expired, and return it."""
        while True:
            query = self.live_query(query_id)
            on_progress(query)
            if query.is_complete or self._now() >= query.expires_at:
                return query
            time.sleep(POLL_S)


def _checked(sql: str) -> str:
    """Return SQL as one statement that ends with a semicolon."""
    text = sql.strip().rstrip(";").strip()
    if not text or len(text) > MAX_SQL or "\x00" in text:
        raise UsageError(
            f"a live query has 1 to {MAX_SQL:,} characters", hint='Example: "SELECT name, version FROM os_version".'
        )
    if text.split(None, 1)[0].lower() not in ("select", "with", "pragma"):
        raise UsageError(
            "a live query is a SELECT", hint='osquery tables are read with SELECT: "SELECT pid, name FROM processes".'
        )
    return f"{text};"
