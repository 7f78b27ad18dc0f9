"""The osquery page (enrolled hosts and live queries), and the page of one live query with its answers."""

from __future__ import annotations

from itertools import islice
from typing import Any

from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.osquery.model import AnswerState
from windlass.osquery.rows import live_row, node_row, query_row, result_rows

__all__ = ["live_query", "osquery"]

MAX_NODES = 500
MAX_QUERIES = 20
MAX_ROWS = 500


def osquery(context: PageContext, params: Params) -> Data:  # noqa: ARG001  every view has the same parameters
    """Return the enrolled hosts, the last seen first, and the latest live queries."""
    service = context.app.osquery
    nodes = service.nodes()
    return {
        "nodes": [plain(node_row(service, node)) for node in nodes[:MAX_NODES]],
        "total": len(nodes),
        "online": sum(service.state_of(node) == "online" for node in nodes),
        "queries": [plain(query_row(query, hosts)) for query, hosts in service.live_queries(limit=MAX_QUERIES)],
        "cli": "windlass osquery nodes",
    }


def live_query(context: PageContext, params: Params) -> Data:
    """Return one live query with its rows, and the hosts that failed or did not answer. NotFound."""
    query = context.app.osquery.live_query(first(params, "query_id"))
    value: dict[str, Any] = plain(live_row(query))
    rows = list(islice(result_rows(query), MAX_ROWS))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    waiting = (AnswerState.WAITING, AnswerState.SENT)
    return {
        "live_query": value,
        "open": not query.is_complete and clock.now() < query.expires_at,
        "columns": columns,
        "rows": [{name: row.get(name, "") for name in columns} for row in rows],
        "total": sum(len(answer.rows) for answer in query.answers),
        "failed": [answer for answer in value["answers"] if answer["state"] == AnswerState.FAILED],
        "silent": [answer.name for answer in query.answers if answer.state in waiting],
    }
