"""Live queries and the answers of hosts in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, insert, select, update

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import NotFound
from windlass.core.ids import new_id
from windlass.osquery.model import AnswerState, LiveAnswer, LiveQuery, Node, Row
from windlass.osquery.tables import live_answer, live_query, node_table
from windlass.store.engine import Store

__all__ = ["create_query", "has_open_queries", "list_queries", "read_query", "take_queries", "write_answers"]

_WAITING = (str(AnswerState.WAITING),)
_UNANSWERED = (str(AnswerState.WAITING), str(AnswerState.SENT))


def create_query(
    store: Store, sql: str, nodes: Sequence[Node], *, actor: str, now: datetime, expires_at: datetime, keep: timedelta
) -> str:
    """Store a query for nodes and return its ID. Queries older than `keep` are removed."""
    query_id = new_id("lq", now)
    with store.write() as connection:
        _prune(connection, format_time(now - keep))
        connection.execute(
            insert(live_query).values(
                query_id=query_id, sql=sql, actor=actor, created_at=format_time(now), expires_at=format_time(expires_at)
            )
        )
        connection.execute(
            insert(live_answer),
            [
                {
                    "query_id": query_id,
                    "node_id": node.node_id,
                    "state": str(AnswerState.WAITING),
                    "rows": "[]",
                    "rows_left_off": 0,
                    "error": "",
                }
                for node in nodes
            ],
        )
    return query_id


def has_open_queries(store: Store, *, now: datetime) -> bool:
    """True when a live query has not expired."""
    with store.read() as connection:
        statement = select(live_query.c.query_id).where(live_query.c.expires_at > format_time(now)).limit(1)
        return connection.execute(statement).first() is not None


def take_queries(store: Store, node: Node, *, now: datetime) -> dict[str, str]:
    """Return {query ID: SQL} of the open queries that wait for a node, and mark them as sent."""
    statement = (
        select(live_query.c.query_id, live_query.c.sql)
        .join(live_answer, live_answer.c.query_id == live_query.c.query_id)
        .where(
            live_answer.c.node_id == node.node_id,
            live_answer.c.state.in_(_WAITING),
            live_query.c.expires_at > format_time(now),
        )
    )
    with store.read() as connection:
        queries = {row.query_id: row.sql for row in connection.execute(statement)}
    if queries:
        with store.write() as connection:
            connection.execute(
                update(live_answer)
                .where(
                    live_answer.c.node_id == node.node_id,
                    live_answer.c.query_id.in_(queries),
                    live_answer.c.state.in_(_WAITING),
                )
                .values(state=str(AnswerState.SENT))
            )
    return queries


def write_answers(
    store: Store,
    node: Node,
    results: Mapping[str, tuple[tuple[Row, ...], str]],
    *,
    now: datetime,
    max_rows: int,
) -> None:
    """Write a node's answers, {query ID: (rows, error)}. An answer to a query that was not sent to the node is ignored."""
    with store.write() as connection:
        for query_id, (rows, error) in results.items():
            connection.execute(
                update(live_answer)
                .where(
                    live_answer.c.query_id == query_id,
                    live_answer.c.node_id == node.node_id,
                    live_answer.c.state.in_(_UNANSWERED),
                )
                .values(
                    state=str(AnswerState.FAILED if error else AnswerState.ANSWERED),
                    rows=orjson.dumps(rows[:max_rows]).decode(),
                    rows_left_off=max(0, len(rows) - max_rows),
                    error=error[:1000],
                    answered_at=format_time(now),
                )
            )


def read_query(store: Store, query_id: str) -> LiveQuery:
    """Return a live query with the answers of all its hosts, by name. NotFound."""
    answers = (
        select(
            live_answer,
            func.coalesce(node_table.c.name, "").label("name"),
            func.coalesce(node_table.c.instance_id, "").label("instance_id"),
            func.coalesce(node_table.c.host_uuid, "").label("host_uuid"),
        )
        .join(node_table, node_table.c.node_id == live_answer.c.node_id, isouter=True)
        .where(live_answer.c.query_id == query_id)
    )
    with store.read() as connection:
        row = connection.execute(select(live_query).where(live_query.c.query_id == query_id)).first()
        rows = connection.execute(answers).all() if row is not None else []
    if row is None:
        raise NotFound(
            f"there is no live query {query_id!r}", hint="Live queries are kept for osquery.live_retention_days."
        )
    return _query(row, sorted((_answer(answer) for answer in rows), key=lambda answer: (answer.name, answer.node_id)))


def list_queries(store: Store, *, limit: int) -> tuple[tuple[LiveQuery, Mapping[AnswerState, int]], ...]:
    """Return the latest live queries without answers, each with the number of hosts by state."""
    with store.read() as connection:
        rows = connection.execute(select(live_query).order_by(live_query.c.query_id.desc()).limit(limit)).all()
        counts = connection.execute(
            select(live_answer.c.query_id, live_answer.c.state, func.count().label("hosts"))
            .where(live_answer.c.query_id.in_([row.query_id for row in rows]))
            .group_by(live_answer.c.query_id, live_answer.c.state)
        ).all()
    by_query: dict[str, dict[AnswerState, int]] = {row.query_id: {} for row in rows}
    for count in counts:
        by_query[count.query_id][AnswerState(count.state)] = count.hosts
    return tuple((_query(row, ()), by_query[row.query_id]) for row in rows)


def _prune(connection: Connection, before: str) -> None:
    old = select(live_query.c.query_id).where(live_query.c.created_at < before)
    connection.execute(delete(live_answer).where(live_answer.c.query_id.in_(old)))
    connection.execute(delete(live_query).where(live_query.c.created_at < before))


def _query(row: Any, answers: Sequence[LiveAnswer]) -> LiveQuery:
    return LiveQuery(
        query_id=row.query_id,
        sql=row.sql,
        actor=row.actor,
        created_at=parse_time(row.created_at),
        expires_at=parse_time(row.expires_at),
        answers=tuple(answers),
    )


def _answer(row: Any) -> LiveAnswer:
    return LiveAnswer(
        node_id=row.node_id,
        host_id=row.instance_id or row.host_uuid or row.node_id,
        name=row.name or row.node_id,
        state=AnswerState(row.state),
        rows=tuple(orjson.loads(row.rows)),
        rows_left_off=row.rows_left_off,
        error=row.error,
        answered_at=parse_time(row.answered_at) if row.answered_at else None,
    )
