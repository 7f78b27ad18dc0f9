"""The positions of a node's queries in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection, select

from windlass.osquery.messages import ResultLine
from windlass.osquery.sequence import Position
from windlass.osquery.tables import query_position
from windlass.store.engine import Store

__all__ = ["read_positions", "write_positions"]


def read_positions(connection: Connection, node_id: str) -> dict[str, Position]:
    """Return the positions of a node's queries; a query that never sent a result has none."""
    statement = select(query_position).where(query_position.c.node_id == node_id)
    return {
        row.query: Position(row.epoch, row.counter, row.unix_time, row.is_known, _line(row.pending))
        for row in connection.execute(statement)
    }


def write_positions(store: Store, connection: Connection, node_id: str, positions: Mapping[str, Position]) -> None:
    """Write the positions of queries."""
    rows = [
        {
            "node_id": node_id,
            "query": query,
            "epoch": position.epoch,
            "counter": position.counter,
            "unix_time": position.unix_time,
            "is_known": position.is_known,
            "pending": orjson.dumps(asdict(position.pending)).decode() if position.pending else "",
        }
        for query, position in sorted(positions.items())
    ]
    if not rows:
        return
    statement = store.upsert(query_position)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in ("node_id", "query")}
    connection.execute(statement.on_conflict_do_update(index_elements=["node_id", "query"], set_=changed), rows)


def _line(text: str) -> ResultLine | None:
    if not text:
        return None
    value: dict[str, Any] = orjson.loads(text)
    rows = {name: tuple(value[name]) for name in ("rows", "added", "removed")}
    return ResultLine(**{**value, **rows})
