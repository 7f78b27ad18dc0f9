"""`/v1/memcached`: clusters, node counters and scaling plans. Only the command line changes a cluster."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from windlass.api.routes import AppDep
from windlass.core.canonical import plain
from windlass.core.units import parse_duration_s
from windlass.memcached import rows
from windlass.memcached.model import Apply, Cluster
from windlass.memcached.plan import ScaleRequest
from windlass.memcached.service import ScopeFilter

__all__ = ["router"]

router = APIRouter(prefix="/v1/memcached")
CLUSTER_PATH = "/{account_id}/{region}/{name}"


def _cluster(app: AppDep, account_id: str, region: str, name: str) -> Cluster:
    return app.memcached.find(name, ScopeFilter((account_id,), (region,)))


@router.get("", summary="Memcached clusters of every account and region")
def clusters(app: AppDep) -> dict[str, Any]:
    """With the quotas in force. `problems` lists the accounts and regions that could not be read."""
    listing = app.memcached.list()
    items = [
        rows.cluster_row(cluster, listing.quotas.get((cluster.account_id, cluster.region)))
        for cluster in listing.clusters
    ]
    problems = [
        {
            "account_id": problem.account_id,
            "region": problem.region,
            "error": problem.error.message,
            "code": problem.error.code,
        }
        for problem in listing.failures
    ]
    return {"items": plain(items), "problems": problems}


@router.get(CLUSTER_PATH, summary="One Memcached cluster with its nodes")
def cluster(app: AppDep, account_id: str, region: str, name: str) -> dict[str, Any]:
    """As AWS describes it, each node with its share of the keys on the ketama ring."""
    details = _cluster(app, account_id, region, name)
    value: dict[str, Any] = plain(rows.cluster_value(details, app.memcached.quota(account_id, region)))
    return value


@router.get(f"{CLUSTER_PATH}/nodes", summary="Counters of the nodes of a cluster")
def nodes(app: AppDep, account_id: str, region: str, name: str) -> dict[str, Any]:
    """Runs auto-discovery, then `stats` on each node: hit rate, evictions, memory, connections."""
    value: dict[str, Any] = plain(rows.nodes_value(app.memcached.nodes(_cluster(app, account_id, region, name))))
    return value


@router.get(f"{CLUSTER_PATH}/plan", summary="Plan of scaling a cluster")
def plan(
    app: AppDep,
    account_id: str,
    region: str,
    name: str,
    to: Annotated[int, Query(ge=0, le=1000)],
    step: Annotated[int, Query(ge=0)] = 0,
    pause: str = "0",
    remove: Annotated[list[str], Query()] = [],  # noqa: B006  FastAPI copies defaults
    apply: Apply = Apply.IMMEDIATELY,
) -> dict[str, Any]:
    """Changes nothing. `refusal` says why AWS would reject the change."""
    request = ScaleRequest(to, tuple(remove), (), step, parse_duration_s(pause), apply)
    value: dict[str, Any] = plain(
        rows.plan_value(app.memcached.plan_scale(_cluster(app, account_id, region, name), request))
    )
    return value
