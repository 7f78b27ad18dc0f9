"""Nodes, enrollment secrets and live queries as rows for tables, JSON and the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.osquery.model import AnswerState, EnrollSecret, LiveAnswer, LiveQuery, Node
from windlass.osquery.service import Osquery

__all__ = ["answer_row", "live_row", "node_row", "query_row", "result_rows", "secret_row", "summary_of"]


def node_row(service: Osquery, node: Node) -> dict[str, Any]:
    """Return a node with its host and state."""
    return {
        "name": node.details.name,
        "host_id": node.host_id if node.has_identity else "",
        "state": service.state_of(node),
        "platform": node.details.platform,
        "account_id": node.account_id,
        "region": node.region,
        "osquery_version": node.details.osquery_version,
        "secret": node.secret_name,
        "enrollments": node.enrollments,
        "enrolled_at": node.enrolled_at,
        "last_seen_at": node.last_seen_at,
        "address": node.address,
        "node_id": node.node_id,
    }


def secret_row(secret: EnrollSecret, state: str) -> dict[str, Any]:
    """Return an enrollment secret without its text."""
    return {
        "name": secret.name,
        "state": state,
        "nodes": secret.nodes,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "last_used_at": secret.last_used_at,
        "revoked_at": secret.revoked_at,
    }


def query_row(query: LiveQuery, hosts: Mapping[AnswerState, int]) -> dict[str, Any]:
    """Return a live query with the number of hosts by state, without answers."""
    return {
        "query_id": query.query_id,
        "sql": query.sql,
        "actor": query.actor,
        "created_at": query.created_at,
        "expires_at": query.expires_at,
        "hosts": sum(hosts.values()),
        "answered": hosts.get(AnswerState.ANSWERED, 0),
        "failed": hosts.get(AnswerState.FAILED, 0),
        "unanswered": hosts.get(AnswerState.WAITING, 0) + hosts.get(AnswerState.SENT, 0),
    }


def live_row(query: LiveQuery) -> dict[str, Any]:
    """Return a live query with the answer of each host."""
    hosts = Counter(answer.state for answer in query.answers)
    return query_row(query, hosts) | {
        "complete": query.is_complete,
        "answers": [answer_row(answer) for answer in query.answers],
    }


def answer_row(answer: LiveAnswer) -> dict[str, Any]:
    """Return the answer of one host."""
    return {
        "host": answer.name,
        "host_id": answer.host_id,
        "state": str(answer.state),
        "error": answer.error,
        "answered_at": answer.answered_at,
        "rows": [dict(row) for row in answer.rows],
        "rows_left_off": answer.rows_left_off,
    }


def result_rows(query: LiveQuery) -> Iterator[dict[str, Any]]:
    """Yield the rows of all answers, each with its host."""
    for answer in query.answers:
        for row in answer.rows:
            yield {"host": answer.name, **row}


def summary_of(query: LiveQuery) -> list[str]:
    """Return notes for people beside the rows: errors, hosts that did not answer, and rows that are left off."""
    lines = [f"{answer.name}: {answer.error}" for answer in query.answers if answer.state is AnswerState.FAILED]
    lines += [
        f"{answer.name}: {answer.rows_left_off:,} more rows are left off (osquery.max_live_rows)"
        for answer in query.answers
        if answer.rows_left_off
    ]
    silent = [answer.name for answer in query.answers if answer.state in (AnswerState.WAITING, AnswerState.SENT)]
    if silent:
        lines.append(f"{len(silent)} of {len(query.answers)} hosts did not answer: {', '.join(silent)}")
    return lines
