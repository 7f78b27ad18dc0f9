"""`/v1/osquery/…` for people and programs: enrolled hosts, enrollment secrets, live queries and their answers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from windlass.api.routes import AppDep, Many
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.osquery.rows import live_row, node_row, query_row, secret_row

__all__ = ["router"]

router = APIRouter(prefix="/v1/osquery")
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/nodes", summary="List hosts that are enrolled with osquery")
def nodes(
    app: AppDep,
    host: Many = [],  # noqa: B006  FastAPI copies defaults
    tag: Many = [],  # noqa: B006
    limit: Limit = 1000,
) -> dict[str, Any]:
    """The last seen first; `total` counts those beyond `limit`, too. `tag` (`team=web`) selects instances of the inventory."""
    service = app.osquery
    chosen = service.nodes(host, tag)
    return {"items": [plain(node_row(service, node)) for node in chosen[:limit]], "total": len(chosen)}


@router.get("/secrets", summary="List enrollment secrets of osquery, without their texts")
def secrets(app: AppDep) -> dict[str, Any]:
    """Each with its state, its last use, and the number of hosts that enrolled with it."""
    now = clock.now()
    return {"items": [plain(secret_row(secret, secret.state(now))) for secret in app.osquery.secrets()]}


@router.get("/queries", summary="List live queries, the newest first")
def queries(app: AppDep, limit: Limit = 50) -> dict[str, Any]:
    """Each with the number of hosts that answered, failed, and did not answer."""
    return {"items": [plain(query_row(query, hosts)) for query, hosts in app.osquery.live_queries(limit=limit)]}


@router.get("/queries/{query_id}", summary="One live query with the answer of each host")
def query(app: AppDep, query_id: str) -> dict[str, Any]:
    """Answers arrive until `complete` or `expires_at`; ask again until then."""
    value: dict[str, Any] = plain(live_row(app.osquery.live_query(query_id)))
    return value
