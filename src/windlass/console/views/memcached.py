"""The Memcached page with all clusters and quotas, and the page of one cluster with ring, nodes and hit rate."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from windlass.api.routes import job_json
from windlass.console.memcached_poller import ClusterSnapshot
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first
from windlass.core.canonical import plain
from windlass.core.errors import NotFound, UsageError, WindlassError
from windlass.memcached import rows
from windlass.memcached.change_job import KIND
from windlass.memcached.plan import ScaleRequest
from windlass.memcached.report import plan_text

__all__ = ["cluster", "memcached"]

_JOBS = 20


def memcached(context: PageContext, _: Params) -> Data:
    """Return every cluster, and the accounts and regions that could not be read."""
    listing = context.memcached_poller.listing()
    data: Data = {
        "aliases": context.aliases(),
        "asking": listing is None,
        "items": [],
        "problems": [],
        "error": "",
        "hint": "",
        "jobs": [job_json(job) for job in context.jobs.list(kind=KIND, limit=5)],
        "cli": "windlass memcached list",
    }
    if isinstance(listing, WindlassError):
        return data | {"error": listing.message, "hint": listing.hint}
    if listing is not None:
        for item in listing.clusters:
            quota = listing.quotas.get((item.account_id, item.region))
            data["items"].append(plain(rows.cluster_row(item, quota)))
        data["problems"] = [
            {"account_id": problem.account_id, "region": problem.region, "error": problem.error.message}
            for problem in listing.failures
        ]
    return data


def cluster(context: PageContext, params: Params) -> Data:
    """Return one cluster; with `to`, also the plan of scaling it. Only the command line applies a plan."""
    key = (first(params, "account"), first(params, "region"), first(params, "name"))
    snapshot = context.memcached_poller.cluster(key)
    if snapshot.cluster is None and snapshot.error:
        raise NotFound(snapshot.error, hint=snapshot.hint)
    described = snapshot.cluster
    jobs = [
        job
        for job in context.jobs.list(kind=KIND, limit=_JOBS)
        if job.params.get("name") == key[2] and job.params.get("region") == key[1]
    ]
    value = plain(rows.cluster_value(described, snapshot.quota)) if described and snapshot.quota else None
    return {
        "name": key[2],
        "account_id": key[0],
        "region": key[1],
        "aliases": context.aliases(),
        "cluster": value,
        "members": _members(snapshot, value),
        "stats": plain(rows.nodes_value(snapshot.nodes)) if snapshot.nodes else None,
        "samples": [plain(asdict(sample)) for sample in snapshot.samples],
        "error": snapshot.error,
        "hint": snapshot.hint,
        "jobs": [job_json(job) for job in jobs[:5]],
        **_plan(context, snapshot, params),
        "cli": f"windlass memcached nodes {key[2]} -r {key[1]}",
    }


def _members(snapshot: ClusterSnapshot, value: Data | None) -> list[Data]:
    """The nodes that AWS lists, each with the counters that it reports."""
    stats_by_endpoint: dict[str, Any] = (
        {f"{node_stats.host}:{node_stats.port}": node_stats for node_stats in snapshot.nodes.stats}
        if snapshot.nodes
        else {}
    )
    members = []
    for node in (value or {}).get("members", []):
        stats = stats_by_endpoint.get(node["endpoint"])
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
        members.append(node | {"share": node["key_share"] or 0.0} | {name: counters.get(name) for name in keys})
    return members


def _plan(context: PageContext, snapshot: ClusterSnapshot, params: Params) -> Data:
    to, step = first(params, "to"), first(params, "step", "0")
    blank: Data = {"to": to, "step": step, "plan": None, "plan_text": "", "plan_error": "", "plan_cli": ""}
    if not to or snapshot.cluster is None or snapshot.quota is None:
        return blank
    try:
        if not (to.isdigit() and step.isdigit()):
            raise UsageError("nodes and steps must be integers")
        pause_s = 600.0 if 0 < int(step) < abs(int(to) - len(snapshot.cluster.ids)) else 0.0
        request = ScaleRequest(int(to), step=int(step), pause_s=pause_s)
        plan = context.app.memcached.preview(
            snapshot.cluster, request, snapshot.quota, snapshot.nodes.stats if snapshot.nodes else ()
        )
    except WindlassError as error:
        return blank | {"plan_error": f"{error.message}. {error.hint}"}
    steps = f" --step {step} --pause 10m" if pause_s else ""
    refusal = f"{plan.refusal.message}. {plan.refusal.hint}" if plan.refusal else ""
    command = (
        f"windlass memcached scale {snapshot.cluster.name} --to {to}{steps} -r {snapshot.cluster.region} --yes --watch"
    )
    return blank | {
        "plan": plain(rows.plan_value(plan)),
        "plan_text": plan_text(plan),
        "plan_error": refusal,
        "plan_cli": "" if plan.refusal else command,
    }
