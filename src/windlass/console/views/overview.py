"""The estate at a glance, what needs attention first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from windlass.api.routes import job_value
from windlass.console.desk import Desk
from windlass.console.views.grid import grid
from windlass.console.views.links import Data, Params, link
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.inventory import rows
from windlass.inventory.model import Query, Run
from windlass.jobs.model import JobStatus

__all__ = ["overview"]

# What somebody should look at: how many of what, which resources, how to list them.
_WATCHED = (
    (
        "public bucket",
        Query(types=("s3.bucket",), where=(("PolicyStatus.IsPublic", "=", "true"),), limit=1),
        {"type": "s3.bucket", "where": "PolicyStatus.IsPublic=true"},
    ),
    (
        "unencrypted volume",
        Query(types=("ec2.volume",), where=(("Encrypted", "=", "false"),), limit=1),
        {"type": "ec2.volume", "where": "Encrypted=false"},
    ),
    (
        "bucket without an owner (tag team)",
        Query(types=("s3.bucket",), untagged="team", limit=1),
        {"type": "s3.bucket", "where": "-tag:team"},
    ),
)


def overview(desk: Desk, _: Params) -> Data:
    """Counts, attention, coverage, the latest changes and what runs now."""
    stats = desk.stats()
    runs = desk.inventory.runs(10)
    recent, _cursor = desk.inventory.changes(since=clock.now() - timedelta(days=7), limit=8)
    aliases = desk.aliases()
    return {
        "stats": stats,
        "today": stats["changes_by_day"][-1] if stats["changes_by_day"] else None,
        "coverage": _coverage(stats["by_scope_state"]),
        "attention": _attention(desk, runs),
        "grid": desk.remember("grid", lambda: grid(desk.scopes())),
        "aliases": aliases,
        "runs": [plain(rows.run_row(one)) for one in runs],
        "changes": [plain(rows.revision_row(one)) for one in recent],
        "jobs": [job_value(one) for one in desk.jobs.list(status=JobStatus.RUNNING, limit=5)],
        "types": [(name, count, link("/inventory", {}, type=name)) for name, count in stats["by_type"].items()],
        "accounts": [
            {"id": one, "alias": aliases.get(one, ""), "count": count, "link": link("/inventory", {}, account=one)}
            for one, count in stats["by_account"].items()
        ],
        "regions": [
            {"id": one, "alias": "", "count": count, "link": link("/inventory", {}, region=one)}
            for one, count in stats["by_region"].items()
        ],
    }


def _coverage(states: dict[str, int]) -> Data:
    """How much of the estate was read; what is not there counts as read."""
    total = sum(states.values())
    good = states.get("ok", 0) + states.get("unsupported", 0)
    return {"good": good, "total": total, "share": good / total if total else 0.0}


def _attention(desk: Desk, runs: Sequence[Run]) -> list[Data]:
    found = list(desk.remember("attention", lambda: [*_troubled(desk), *_watched(desk)]))
    if runs and runs[0].status in ("failed", "interrupted"):
        found.insert(0, _item("bad", f"The last collection {runs[0].status}", runs[0].run_id, "/jobs"))
    failed = desk.jobs.list(status=JobStatus.FAILED, limit=1)
    if failed:
        found.append(_item("warn", "A job failed", failed[0].title, f"/jobs/{failed[0].job_id}"))
    return found


def _item(level: str, text: str, detail: str, target: str) -> Data:
    return {"level": level, "text": text, "detail": detail, "link": target}


def _troubled(desk: Desk) -> list[Data]:
    troubled = [one for one in desk.scopes() if not one.state.complete and str(one.state) != "unsupported"]
    if not troubled:
        return []
    worst = troubled[0]
    count = f"{len(troubled):,} scope{'s' if len(troubled) > 1 else ''} can't be read"
    account = desk.aliases().get(worst.scope.account_id, worst.scope.account_id)
    return [_item("bad", count, f"{worst.scope.type} in {worst.scope.region} of {account}: {worst.state}", "/accounts")]


def _watched(desk: Desk) -> list[Data]:
    found = []
    for name, query, state in _WATCHED:
        page = desk.inventory.list(query)
        if page.total:
            head, _, tail = name.partition(" without")
            many = f"{head}s without{tail}" if tail else f"{head}s"
            text = f"{page.total:,} {name if page.total == 1 else many}"
            example = f"{page.rows[0].name}{' …' if page.total > 1 else ''}"
            found.append(_item("warn", text, example, link("/inventory", {}, **state)))
    return found
