"""The endpoints of osquery agents: enrollment, configuration, results, and live queries.

The response to an unknown node key is `node_invalid`, so that the agent enrolls again; not so when the store fails: the agent keeps
its results and sends them again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from windlass.core import clock
from windlass.core.errors import UsageError
from windlass.facts.model import Outcome, Report, Section, SectionResult
from windlass.observe.log import logger
from windlass.osquery import live_queries, nodes
from windlass.osquery.agent_config import agent_config
from windlass.osquery.config import OsqueryConfig
from windlass.osquery.enroll_secrets import new_key, use_secret
from windlass.osquery.identity import assigned_epoch, host_identity, instance_of, is_maybe_instance
from windlass.osquery.messages import host_details, live_results, log_batch, text_of
from windlass.osquery.model import Node, Row
from windlass.osquery.pack import PackQuery, find_query, platform_queries
from windlass.osquery.positions import read_positions, write_positions
from windlass.osquery.refusal_log import RefusalLog
from windlass.osquery.results import SOURCE, LogContext, apply_log, snapshot_section
from windlass.store.engine import Store

__all__ = ["ENDPOINTS", "Agents", "Answer", "Record"]

Record = Callable[[Iterable[Report]], list[SectionResult]]
Answer = Mapping[str, Any]
Request = Mapping[str, Any]

_INVALID: Answer = {"node_invalid": True}
_DONE: Answer = {"node_invalid": False}
_FIRST_FACTS = "facts."
"""Prefix of the IDs of live queries that read the pack once, so that a new host has facts within a minute."""
SEEN_INTERVAL_S = 15.0
OPEN_CHECK_INTERVAL_S = 1.0
ACCELERATE_S = 60  # for this long the agent asks every five seconds (osquery: `distributed_accelerate_checkins_expire`)
MAX_SERIAL = 1 << 30


class Agents:
    """Handles requests of agents over one store. Thread-safe. `count` counts results by outcome for the metric."""

    def __init__(
        self,
        store: Store,
        config: OsqueryConfig,
        record: Record,
        *,
        now: Callable[[], datetime] = clock.now,
        count: Callable[[str, int], None] = lambda _outcome, _number: None,
    ) -> None:
        self._store, self._config, self._record, self._now, self._count = store, config, record, now, count
        self.refusals = RefusalLog()
        self._lock = threading.Lock()
        self._seen: dict[str, datetime] = {}
        self._seen_written = time.monotonic()
        self._open_checked = 0.0
        self._has_open = False

    # --- endpoints ---------------------------------------------------------------------------------------------

    def enroll(self, request: Request, address: str) -> Answer:
        """Enroll a host that sends a valid secret. Returns its node key."""
        now, details, key = self._now(), host_details(request), new_key("wln")
        with self._store.write() as connection:
            secret_name = use_secret(connection, text_of(request.get("enroll_secret")).strip(), now=now)
            node = secret_name and nodes.enroll_node(
                connection,
                details,
                key,
                secret_name=secret_name,
                address=address,
                epoch=secrets.randbelow(MAX_SERIAL) + 1,
                has_identity=not is_maybe_instance(details),
                now=now,
            )
        if not node:
            reason = "the node is revoked" if secret_name else "unknown, expired or revoked enrollment secret"
            self.refusals.warning(
                "osquery.enroll_refused", host=details.name or details.host_identifier, address=address, error=reason
            )
            return _INVALID
        logger("osquery").info("osquery.enrolled", node=node.node_id, host=details.name, secret=secret_name)
        return {"node_key": key.reveal(), "node_invalid": False}

    def config(self, request: Request, address: str) -> Answer:
        """Return the configuration of a node."""
        node = self._node(request, address)
        return agent_config(self._config, assigned_epoch(node)) if node else _INVALID

    def log(self, request: Request, address: str) -> Answer:
        """Record the results of scheduled queries. Status logs are accepted and left to osquery's own logs."""
        node = self._node(request, address)
        if node is None:
            return _INVALID
        if request.get("log_type") == "result":
            self._results(node, request)
        return _DONE

    def read(self, request: Request, address: str) -> Answer:
        """Return the live queries that wait for a node. A new node gets the pack's queries once."""
        node = self._node(request, address)
        if node is None:
            return _INVALID
        queries: dict[str, str] = {}
        if not node.has_first_facts:
            with self._store.write() as connection:
                nodes.set_node(connection, node, has_first_facts=True)
            platform = node.details.platform
            queries |= {_FIRST_FACTS + query.name: f"{query.sql};" for query in platform_queries(platform)}
        if self._has_open_queries():
            queries |= live_queries.take_queries(self._store, node, now=self._now())
        return {"queries": queries, "node_invalid": False, **({"accelerate": ACCELERATE_S} if queries else {})}

    def write(self, request: Request, address: str) -> Answer:
        """Record the answers to live queries."""
        node = self._node(request, address)
        if node is None:
            return _INVALID
        results = live_results(request)
        first = {name: result for name, result in results.items() if name.startswith(_FIRST_FACTS)}
        if first:
            self._first_facts(node, first)
        answers = {query_id: result for query_id, result in results.items() if query_id not in first}
        if answers:
            live_queries.write_answers(self._store, node, answers, now=self._now(), max_rows=self._config.max_live_rows)
        return _DONE

    # --- results -----------------------------------------------------------------------------------------------

    def _results(self, node: Node, request: Request) -> None:
        batch, now = log_batch(request), self._now()
        row = {name.removeprefix("windlass_"): value for name, value in batch.decorations.items()}
        for line in batch.lines:
            query = find_query(line.query) if line.is_snapshot else None
            if query is not None and query.section == "cloud":
                row = dict(line.rows[0]) if line.rows else row
                node = self._identified(node, row, is_complete=True)
        node = self._identified(node, row, is_complete=False)
        if not node.has_identity:
            self._count("unidentified", len(batch.lines))
            return
        with self._store.read() as connection:
            positions = read_positions(connection, node.node_id)
        outcome = apply_log(batch, LogContext(host_identity(node), assigned_epoch(node), now), positions)
        sections = self._record_all(outcome.reports)
        lost = any(section.outcome is Outcome.NEEDS_SNAPSHOT for section in sections)
        changed = {name: at for name, at in outcome.positions.items() if positions.get(name) != at}
        # Written after the facts: if this process ends in between, the agent sends the results again, and they change nothing.
        if changed or outcome.needs_epoch or lost:
            with self._store.write() as connection:
                write_positions(self._store, connection, node.node_id, changed)
                if outcome.needs_epoch or lost:
                    nodes.set_node(connection, node, epoch=node.epoch % MAX_SERIAL + 1)
        for name, number in outcome.counts.items():
            self._count(name, number)

    def _first_facts(self, node: Node, results: Mapping[str, tuple[tuple[Row, ...], str]]) -> None:
        pairs: list[tuple[PackQuery, tuple[Row, ...], str]] = []
        for name, (rows, error) in results.items():
            query = find_query(name.removeprefix(_FIRST_FACTS))
            if query is not None:
                pairs.append((query, rows, error))
                if query.section == "cloud":
                    node = self._identified(node, rows[0] if rows else {}, is_complete=True)
        if not node.has_identity:
            return
        sections = tuple(
            Section(query.section, failure=error) if error else snapshot_section(query, rows)
            for query, rows, error in pairs
        )
        self._count("snapshot", len(sections))
        self._record_all([Report(host=host_identity(node), observed_at=self._now(), source=SOURCE, sections=sections)])

    def _record_all(self, reports: list[Report]) -> list[SectionResult]:
        """Record reports. A malformed section becomes unknown; the others are recorded."""
        if not reports:
            return []
        try:
            return self._record(reports)
        except UsageError:
            results: list[SectionResult] = []
            for report in reports:
                for section in report.sections:
                    results += self._record_one(report, section)
            return results

    def _record_one(self, report: Report, section: Any) -> list[SectionResult]:
        def report_of(content: Any) -> Report:
            return Report(host=report.host, observed_at=report.observed_at, source=SOURCE, sections=(content,))

        try:
            return self._record([report_of(section)])
        except UsageError as error:
            self._count("malformed", 1)
            logger("osquery").warning(
                "osquery.section_refused", host=report.host.host_id, section=section.name, error=error.message
            )
            return self._record([report_of(Section(section.name, failure=error.message))])

    def _identified(self, node: Node, row: Mapping[str, object], *, is_complete: bool) -> Node:
        """Return the node with the instance that `row` names. `is_complete`: an empty row means that it is no instance."""
        instance = instance_of(row)
        if instance is None:
            if not is_complete or node.has_identity:
                return node
            with self._store.write() as connection:
                return nodes.set_node(connection, node, has_identity=True)
        instance_id, account_id, region = instance
        if instance_id == node.instance_id:
            return node
        with self._store.write() as connection:
            return nodes.set_identity(
                connection,
                node,
                instance_id=instance_id,
                account_id=account_id,
                region=region,
                # The facts were recorded for the machine's UUID: read them again for the instance.
                has_first_facts=node.has_first_facts and not node.has_identity,
                epoch=node.epoch % MAX_SERIAL + 1 if node.has_identity else node.epoch,
            )

    # --- nodes -------------------------------------------------------------------------------------------------

    def _node(self, request: Request, address: str) -> Node | None:
        key = text_of(request.get("node_key"))
        if not key:
            return None
        with self._store.read() as connection:
            node = nodes.node_by_key(connection, key)
        if node is None:
            self.refusals.warning("osquery.unknown_node", address=address)
            return None
        self._note_seen(node)
        return node

    def _note_seen(self, node: Node) -> None:
        """Write when nodes were seen, for all nodes at once: one write per request would be most of the work."""
        with self._lock:
            self._seen[node.node_id] = self._now()
            if time.monotonic() < self._seen_written + SEEN_INTERVAL_S:
                return
            seen, self._seen, self._seen_written = self._seen, {}, time.monotonic()
        nodes.note_seen(self._store, seen)

    def flush(self) -> None:
        """Write the times at which nodes were last seen, as far as they are not written yet."""
        with self._lock:
            seen, self._seen = self._seen, {}
        nodes.note_seen(self._store, seen)

    def _has_open_queries(self) -> bool:
        """True when a live query may wait; read once per second for all nodes."""
        with self._lock:
            now = time.monotonic()
            if self._open_checked and now < self._open_checked + OPEN_CHECK_INTERVAL_S:
                return self._has_open
            self._open_checked = now
        self._has_open = live_queries.has_open_queries(self._store, now=self._now())
        return self._has_open


ENDPOINTS: Mapping[str, Callable[[Agents, Request, str], Answer]] = {
    "enroll": Agents.enroll,
    "config": Agents.config,
    "log": Agents.log,
    "distributed/read": Agents.read,
    "distributed/write": Agents.write,
}
"""The endpoints below `/v1/osquery/`."""
