"""Memcached clusters: all of them with their quotas, and one with its ring, its nodes and its hit rate as it changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from windlass.api.routes import job_value
from windlass.console.desk import Desk
from windlass.console.memcached_poller import ClusterState
from windlass.console.views.links import Data, Params, first
from windlass.core.canonical import plain
from windlass.core.errors import NotFound, UsageError, WindlassError
from windlass.memcached import rows
from windlass.memcached.change_job import KIND
from windlass.memcached.plan import ScaleRequest
from windlass.memcached.report import plan_text

__all__ = ["cache", "memcached"]

_JOBS = 20


def memcached(desk: Desk, _: Params) -> Data:
    """Every cluster, where it could be told."""
    found = desk.memcached_poller.listing()
    data: Data = {
        "aliases": desk.aliases(),
        "asking": found is None,
        "items": [],
        "problems": [],
        "error": "",
        "hint": "",
        "jobs": [job_value(one) for one in desk.jobs.list(kind=KIND, limit=5)],
        "cli": "windlass memcached list",
    }
    if isinstance(found, WindlassError):
        return data | {"error": found.message, "hint": found.hint}
    if found is not None:
        data["items"] = [
            plain(rows.cluster_row(one, found.quotas.get((one.account_id, one.region)))) for one in found.clusters
        ]
        data["problems"] = [
            {"account_id": one.account_id, "region": one.region, "error": one.error.message} for one in found.failures
        ]
    return data


def cache(desk: Desk, params: Params) -> Data:
    """One cluster; with `to` the plan of scaling it, which is carried out on the command line only."""
    key = (first(params, "account"), first(params, "region"), first(params, "name"))
    seen = desk.memcached_poller.cluster(key)
    if seen.cluster is None and seen.error:
        raise NotFound(seen.error, hint=seen.hint)
    cluster = seen.cluster
    jobs = [
        one
        for one in desk.jobs.list(kind=KIND, limit=_JOBS)
        if one.params.get("name") == key[2] and one.params.get("region") == key[1]
    ]
    value = plain(rows.cluster_value(cluster, seen.quota)) if cluster and seen.quota else None
    return {
        "name": key[2],
        "account_id": key[0],
        "region": key[1],
        "aliases": desk.aliases(),
        "cluster": value,
        "members": _members(seen, value),
        "stats": plain(rows.nodes_value(seen.nodes)) if seen.nodes else None,
        "samples": [plain(asdict(one)) for one in seen.samples],
        "error": seen.error,
        "hint": seen.hint,
        "jobs": [job_value(one) for one in jobs[:5]],
        **_plan(desk, seen, params),
        "cli": f"windlass memcached nodes {key[2]} -r {key[1]}",
    }


def _members(seen: ClusterState, value: Data | None) -> list[Data]:
    """AWS's nodes, each with what it says of itself."""
    told: dict[str, Any] = {f"{one.host}:{one.port}": one for one in seen.nodes.stats} if seen.nodes else {}
    found = []
    for node in (value or {}).get("members", []):
        stats = told.get(node["endpoint"])
        counters = rows.stats_row(stats) if stats else {}
        keys = (
            "hit_rate",
            "gets",
            "evictions",
            "items",
            "used_bytes",
            "limit_bytes",
            "connections",
            "version",
            "error",
        )
        found.append(node | {"share": node["key_share"] or 0.0} | {name: counters.get(name) for name in keys})
    return found


def _plan(desk: Desk, seen: ClusterState, params: Params) -> Data:
    to, step = first(params, "to"), first(params, "step", "0")
    blank: Data = {"to": to, "step": step, "plan": None, "plan_text": "", "plan_error": "", "plan_cli": ""}
    if not to or seen.cluster is None or seen.quota is None:
        return blank
    try:
        if not (to.isdigit() and step.isdigit()):
            raise UsageError("nodes and steps are whole numbers")
        pause_s = 600.0 if 0 < int(step) < abs(int(to) - len(seen.cluster.ids)) else 0.0
        wanted = ScaleRequest(int(to), step=int(step), pause_s=pause_s)
        plan = desk.app.memcached.preview(seen.cluster, wanted, seen.quota, seen.nodes.stats if seen.nodes else ())
    except WindlassError as error:
        return blank | {"plan_error": f"{error.message}. {error.hint}"}
    steps = f" --step {step} --pause 10m" if pause_s else ""
    refusal = f"{plan.refusal.message}. {plan.refusal.hint}" if plan.refusal else ""
    command = f"windlass memcached scale {seen.cluster.name} --to {to}{steps} -r {seen.cluster.region} --yes --watch"
    return blank | {
        "plan": plain(rows.plan_value(plan)),
        "plan_text": plan_text(plan),
        "plan_error": refusal,
        "plan_cli": "" if plan.refusal else command,
    }
