"""`/v1/memcached`: clusters, their nodes' counters and plans. Changing a cluster is the command line's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from windlass.api.routes import TheApp
from windlass.core.canonical import plain
from windlass.core.units import parse_duration_s
from windlass.memcached import rows
from windlass.memcached.model import Apply, Cluster
from windlass.memcached.plan import ScaleRequest
from windlass.memcached.service import ScopeFilter

__all__ = ["router"]

router = APIRouter(prefix="/v1/memcached")
ONE = "/{account_id}/{region}/{name}"


def _cluster(app: TheApp, account_id: str, region: str, name: str) -> Cluster:
    return app.memcached.find(name, ScopeFilter((account_id,), (region,)))


@router.get("", summary="Memcached clusters of every account and region")
def clusters(app: TheApp) -> dict[str, Any]:
    """With the quotas in force; `problems` are the places that could not be read."""
    found = app.memcached.list()
    items = [rows.cluster_row(one, found.quotas.get((one.account_id, one.region))) for one in found.clusters]
    problems = [
        {"account_id": one.account_id, "region": one.region, "error": one.error.message, "code": one.error.code}
        for one in found.failures
    ]
    return {"items": plain(items), "problems": problems}


@router.get(ONE, summary="One Memcached cluster with its nodes")
def cluster(app: TheApp, account_id: str, region: str, name: str) -> dict[str, Any]:
    """As AWS describes it, each node with its share of the keys on the ketama ring."""
    found = _cluster(app, account_id, region, name)
    value: dict[str, Any] = plain(rows.cluster_value(found, app.memcached.quota(account_id, region)))
    return value


@router.get(f"{ONE}/nodes", summary="What a cluster's nodes say of themselves")
def nodes(app: TheApp, account_id: str, region: str, name: str) -> dict[str, Any]:
    """Auto-discovery, then `stats` of each node: hit rate, evictions, memory, connections."""
    value: dict[str, Any] = plain(rows.nodes_value(app.memcached.nodes(_cluster(app, account_id, region, name))))
    return value


@router.get(f"{ONE}/plan", summary="What scaling a cluster would do")
def plan(
    app: TheApp,
    account_id: str,
    region: str,
    name: str,
    to: Annotated[int, Query(ge=0, le=1000)],
    step: Annotated[int, Query(ge=0)] = 0,
    pause: str = "0",
    remove: Annotated[list[str], Query()] = [],  # noqa: B006  FastAPI copies defaults
    apply: Apply = Apply.IMMEDIATELY,
) -> dict[str, Any]:
    """Nothing is changed; `refusal` says why AWS would not do it."""
    wanted = ScaleRequest(to, tuple(remove), (), step, parse_duration_s(pause), apply)
    value: dict[str, Any] = plain(
        rows.plan_value(app.memcached.plan_scale(_cluster(app, account_id, region, name), wanted))
    )
    return value
