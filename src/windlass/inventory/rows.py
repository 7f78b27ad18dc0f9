"""The inventory's values as rows, with the same names in tables, JSON, CSV, the API and the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from windlass.inventory.coverage import CoverageRow
from windlass.inventory.model import (
    SIMULATED_RUN,
    AccountStatus,
    AddressHolder,
    Dependent,
    Relation,
    Resource,
    Revision,
    Run,
    Scope,
    ScopeStatus,
    Stats,
)
from windlass.inventory.owner_directory import Explanation, OwnerCount
from windlass.inventory.run_workers import RunWorker

NOTHING_YET = "Nothing is collected yet. Run `windlass inventory collect`."
_SUMMARY_PATHS = 3


def resource_row(item: Resource) -> dict[str, Any]:
    """Return a resource without its document."""
    return {
        "id": item.id,
        "key": item.key,
        "type": item.type,
        "name": item.name,
        "resource_id": item.resource_id,
        "arn": item.arn,
        "account_id": item.account_id,
        "region": item.region,
        "tags": dict(item.tags),
        "owner": item.owner,
        "first_seen_at": item.first_seen_at,
        "changed_at": item.changed_at,
        "deleted_at": item.deleted_at,
    }


def revision_row(item: Revision) -> dict[str, Any]:
    """Return a change with its patch and its resource."""
    return {
        "revision_id": item.revision_id,
        "valid_from": item.valid_from,
        "valid_to": item.valid_to,
        "change": str(item.change),
        "type": item.resource.type,
        "name": item.resource.name or item.resource.resource_id,
        "key": item.resource.key,
        "account_id": item.resource.account_id,
        "region": item.resource.region,
        "summary": patch_summary(item.patch),
        "actor": item.actor,
        "event_id": item.event_id,
        "events": [asdict(event) for event in item.events],
        "run_id": item.run_id,
        "simulated": item.run_id == SIMULATED_RUN,
        "patch": [dict(operation) for operation in item.patch],
    }


def difference_row(item: Any) -> dict[str, Any]:
    """Return a net difference between two times."""
    return {
        "change": str(item.change),
        "type": item.resource.type,
        "name": item.resource.name or item.resource.resource_id,
        "key": item.resource.key,
        "account_id": item.resource.account_id,
        "region": item.resource.region,
        "summary": patch_summary(item.patch),
        "patch": [dict(operation) for operation in item.patch],
    }


def patch_summary(patch: tuple[Mapping[str, Any], ...]) -> str:
    """Return the first changed paths: `~Versioning.Status +Tags.team -Policy … 4 more`."""
    signs = {"add": "+", "remove": "-", "replace": "~"}
    paths = [f"{signs[operation['op']]}{_dotted(operation['path'])}" for operation in patch if operation["path"]]
    more = f" … {len(paths) - _SUMMARY_PATHS} more" if len(paths) > _SUMMARY_PATHS else ""
    return " ".join(paths[:_SUMMARY_PATHS]) + more


def _dotted(path: str) -> str:
    return ".".join(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))


def relation_row(item: Relation) -> dict[str, Any]:
    """Return an edge with the names of both ends."""
    target = item.target
    return {
        "kind": item.kind,
        "source_type": item.source.type,
        "source": item.source.name or item.source.resource_id,
        "source_key": item.source.key,
        "target_type": target.type if target else "",
        "target": (target.name or target.resource_id) if target else item.target_name,
        "target_key": target.key if target else item.target_name,
        "known": target is not None,
    }


def dependent_row(item: Dependent) -> dict[str, Any]:
    """Return a resource that would break, how it depends, and on what."""
    return {
        "distance": item.distance,
        "type": item.resource.type,
        "name": item.resource.name or item.resource.resource_id,
        "kind": item.kind,
        "on": item.on.name or item.on.resource_id,
        "on_type": item.on.type,
        "key": item.resource.key,
        "on_key": item.on.key,
        "account_id": item.resource.account_id,
        "region": item.resource.region,
        "tags": dict(item.resource.tags),
    }


def run_row(run: Run) -> dict[str, Any]:
    """Return a collection with its counts."""
    duration = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    return {
        "run_id": run.run_id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "duration_s": duration,
        "status": run.status,
        "scopes_total": run.scopes_total,
        "scopes_done": run.scopes_done,
        "resources": run.resources,
        "created": run.created,
        "updated": run.updated,
        "deleted": run.deleted,
        "calls": run.calls,
        "errors": run.errors,
        "job_id": run.job_id,
    }


def worker_row(worker: RunWorker) -> dict[str, Any]:
    """Return a process of a collection with what it did; `batches` are those that it scans now."""
    return asdict(worker)


def scope_row(scope: Scope) -> dict[str, Any]:
    """Return a scope's account, region and type."""
    return {"account_id": scope.account_id, "region": scope.region, "type": scope.type}


def status_row(item: ScopeStatus) -> dict[str, Any]:
    """Return the result of a scope's last scan."""
    return scope_row(item.scope) | {
        "state": str(item.state),
        "resources": item.resources,
        "calls": item.calls,
        "duration_s": round(item.duration_s, 3),
        "details_unknown": item.details_unknown,
        "error_code": item.error_code,
        "error": item.error,
        "state_since": item.state_since,
        "scanned_at": item.scanned_at,
        "last_good_at": item.last_good_at,
        "run_id": item.run_id,
    }


def coverage_row(item: CoverageRow) -> dict[str, Any]:
    """Return the coverage of a service in an account and region."""
    return asdict(item)


def account_row(item: AccountStatus) -> dict[str, Any]:
    """Return an account: our identity or the refusal, and its regions with their source."""
    return asdict(item) | {"state": str(item.state), "regions": list(item.regions)}


def type_row(item: Any) -> dict[str, Any]:
    """Return a resource type with its number of resources."""
    return {
        "type": item.type,
        "service": item.service,
        "title": item.title,
        "scope": item.scope_kind,
        "source": item.source,
        "operation": item.operation,
        "iam_action": ", ".join(item.iam_actions),
        "calls": item.calls,
        "details": item.details,
        "count": item.count,
    }


def holder_row(item: AddressHolder) -> dict[str, Any]:
    """Return a resource that held an address, with the start and end of that time."""
    return {
        "address": item.address,
        "type": item.resource.type,
        "name": item.resource.name,
        "resource_id": item.resource.resource_id,
        "key": item.resource.key,
        "account_id": item.resource.account_id,
        "region": item.resource.region,
        "tags": dict(item.resource.tags),
        "valid_from": item.valid_from,
        "valid_to": item.valid_to,
    }


def owner_row(item: OwnerCount) -> dict[str, Any]:
    """Return an owner with the number of its resources, total and by source of the owner."""
    return {"owner": item.owner, "resources": item.resources, "sources": dict(item.sources)}


def explanation_rows(item: Explanation) -> list[dict[str, Any]]:
    """Return what each source says about a resource's owner; the first row decides."""
    return [
        {"owner": each.owner, "source": str(each.source), "why": each.why, "decides": number == 0}
        for number, each in enumerate(item.candidates)
    ]


def stats_value(stats: Stats) -> dict[str, Any]:
    """Return all counts as one document."""
    facets = {
        name: {facet.value: facet.count for facet in getattr(stats, name)}
        for name in ("by_type", "by_service", "by_account", "by_region", "by_scope_state")
    }
    days = [
        {"day": day, "created": created, "updated": updated, "deleted": deleted}
        for day, created, updated, deleted in stats.changes_by_day
    ]
    totals = {"resources": stats.resources, "revisions": stats.revisions, "types": stats.types}
    return totals | facets | {"changes_by_day": days}


def stats_rows(stats: Stats) -> Iterator[dict[str, Any]]:
    """Yield the counts as rows: account, region, scope state, type."""
    if not stats.resources and not stats.revisions:
        return
    for of in ("by_account", "by_region", "by_scope_state", "by_type"):
        for facet in getattr(stats, of):
            yield {"of": of.removeprefix("by_").replace("_", " "), "value": facet.value, "count": facet.count}
