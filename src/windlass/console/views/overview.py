"""The Overview page: what needs attention, counts, coverage, the latest changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from windlass.api.routes import job_json
from windlass.console.page_context import PageContext
from windlass.console.views.grid import grid
from windlass.console.views.links import Data, Params, link
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.inventory import rows
from windlass.inventory.model import Query, Run
from windlass.jobs.model import JobStatus

__all__ = ["overview"]

# Findings that need attention: (name, query, parameters of the inventory page that lists them).
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


def overview(context: PageContext, _: Params) -> Data:
    """Return counts, findings, coverage, the latest changes and running jobs."""
    stats = context.stats()
    runs = context.inventory.runs(10)
    recent, _cursor = context.inventory.changes(since=clock.now() - timedelta(days=7), limit=8)
    aliases = context.aliases()
    return {
        "stats": stats,
        "today": stats["changes_by_day"][-1] if stats["changes_by_day"] else None,
        "coverage": _coverage(stats["by_scope_state"]),
        "attention": _attention(context, runs),
        "grid": context.cached("grid", lambda: grid(context.scopes())),
        "aliases": aliases,
        "runs": [plain(rows.run_row(run)) for run in runs],
        "changes": [plain(rows.revision_row(revision)) for revision in recent],
        "jobs": [job_json(job) for job in context.jobs.list(status=JobStatus.RUNNING, limit=5)],
        "types": [(name, count, link("/inventory", {}, type=name)) for name, count in stats["by_type"].items()],
        "accounts": [
            {
                "id": account,
                "alias": aliases.get(account, ""),
                "count": count,
                "link": link("/inventory", {}, account=account),
            }
            for account, count in stats["by_account"].items()
        ],
        "regions": [
            {"id": region, "alias": "", "count": count, "link": link("/inventory", {}, region=region)}
            for region, count in stats["by_region"].items()
        ],
    }


def _coverage(states: dict[str, int]) -> Data:
    """The share of scopes that were read. Unsupported scopes count as read."""
    total = sum(states.values())
    good = states.get("ok", 0) + states.get("unsupported", 0)
    return {"good": good, "total": total, "share": good / total if total else 0.0}


def _attention(context: PageContext, runs: Sequence[Run]) -> list[Data]:
    entries = list(context.cached("attention", lambda: [*_failed_scopes(context), *_watched(context)]))
    if runs and runs[0].status in ("failed", "interrupted"):
        verb = "failed" if runs[0].status == "failed" else "was interrupted"
        entries.insert(0, _item("bad", f"The last collection {verb}", runs[0].run_id, "/jobs"))
    failed_jobs = context.jobs.list(status=JobStatus.FAILED, limit=1)
    if failed_jobs:
        entries.append(_item("warn", "A job failed", failed_jobs[0].title, f"/jobs/{failed_jobs[0].job_id}"))
    return entries


def _item(level: str, text: str, detail: str, target: str) -> Data:
    return {"level": level, "text": text, "detail": detail, "link": target}


def _failed_scopes(context: PageContext) -> list[Data]:
    failed = [status for status in context.scopes() if not status.state.complete and str(status.state) != "unsupported"]
    if not failed:
        return []
    worst = failed[0]
    count = f"{len(failed):,} scope{'s' if len(failed) > 1 else ''} could not be read"
    account = context.aliases().get(worst.scope.account_id, worst.scope.account_id)
    return [_item("bad", count, f"{worst.scope.type} in {worst.scope.region} of {account}: {worst.state}", "/accounts")]


def _watched(context: PageContext) -> list[Data]:
    entries = []
    for name, query, state in _WATCHED:
        page = context.inventory.list(query)
        if page.total:
            head, _, tail = name.partition(" without")
            many = f"{head}s without{tail}" if tail else f"{head}s"
            text = f"{page.total:,} {name if page.total == 1 else many}"
            example = f"{page.rows[0].name}{' …' if page.total > 1 else ''}"
            entries.append(_item("warn", text, example, link("/inventory", {}, **state)))
    return entries
