"""Seeds, plans and findings as plain rows: the same names on the command line, in the API and in the console."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from windlass.replication.config import ReplicateConfig
from windlass.replication.direct.model import CopyProgress, VerifyResult
from windlass.replication.failures import explain
from windlass.replication.model import FailureGroup
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.preflight import PreflightFinding
from windlass.replication.seed.outcome import SeedOutcome
from windlass.replication.seed.task import SeedTask

__all__ = [
    "IDLE",
    "failure_rows",
    "finding_rows",
    "line",
    "plan_row",
    "plan_total",
    "progress_row",
    "seed_row",
    "set_row",
    "verify_row",
]

IDLE = "the destination is in sync"


def line(seed: SeedTask) -> str:
    """Return the summary line of a seed: `State: Complete, Total: 836, Success: 836, Failed 0`."""
    return SeedOutcome(seed).line


def progress_row(moved: CopyProgress) -> dict[str, Any]:
    """Return the progress of a direct seed as a row."""
    return {
        "total": moved.total,
        "copied": moved.copied,
        "in_sync": moved.skipped,
        "failed": moved.failed,
        "size_bytes": moved.total_bytes,
        "copied_bytes": moved.copied_bytes,
        "reasons": {failure.code: failure.count for failure in moved.failures},
    }


def seed_row(seed: SeedTask, now: datetime, failures: Sequence[FailureGroup] = ()) -> dict[str, Any]:
    """Return a seed as a row of a listing."""
    return {
        "seed_id": seed.seed_id,
        "pair": seed.pair.title,
        "source": seed.pair.source.name,
        "destination": seed.pair.destination.name,
        "prefix": seed.pair.prefix,
        "set": seed.set_name,
        "state": str(seed.state),
        "method": str(seed.method),
        "operation": str(seed.operation),
        "why": seed.why,
        "progress": f"{seed.fraction:.0%}",
        "fraction": round(seed.fraction, 4),
        "total": seed.total,
        "done": seed.done,
        "failed": seed.failed,
        "size_bytes": seed.size_bytes,
        "done_bytes": seed.done_bytes,
        "eta_s": seed.eta_s(now),
        "detail": seed.detail,
        "error": seed.error,
        "reasons": {failure.code: failure.count for failure in failures},
        "verified": dict(seed.verified),
        "batch_jobs": [{"account_id": job[0], "region": job[1], "job_id": job[2]} for job in seed.jobs],
        "job_id": seed.job_id,
        "created_at": seed.created_at,
        "started_at": seed.started_at,
        "updated_at": seed.updated_at,
        "finished_at": seed.finished_at,
        "line": line(seed),
    }


def plan_row(plan: PairPlan) -> dict[str, Any]:
    """Return a pair's plan as a row of a listing; sizes and costs are numbers."""
    volume, choice = plan.volume, plan.choice
    chosen = choice.estimate if choice is not None and not plan.in_sync else None
    estimates = choice.estimates if choice is not None else ()
    return {
        "pair": plan.pair.title,
        "source": plan.pair.source.name,
        "destination": plan.pair.destination.name,
        "source_region": plan.pair.source.region,
        "destination_region": plan.pair.destination.region,
        "objects": volume.objects if volume else None,
        "size_bytes": volume.size_bytes if volume else None,
        "missing": volume.missing if volume else None,
        "missing_bytes": volume.missing_bytes if volume else None,
        "large": volume.large if volume else None,
        "archived": volume.archived if volume else None,
        "undecided": volume.undecided if volume else None,
        "counted": volume.source if volume else "",
        "method": str(choice.method) if choice and not plan.in_sync else "",
        "operation": str(choice.operation) if choice else "",
        "why": IDLE if plan.in_sync else choice.why if choice else "",
        "usd": round(chosen.usd, 4) if chosen else 0.0 if plan.in_sync else None,
        "seconds": round(chosen.seconds, 1) if chosen else None,
        "methods": {
            str(estimate.method): {"usd": round(estimate.usd, 4), "seconds": round(estimate.seconds, 1)}
            for estimate in estimates
        },
        "problem": plan.error.message.removeprefix(f"{plan.pair.title}: ") if plan.error else "",
        "hint": plan.error.hint if plan.error else "",
        "warnings": [f"{finding.where}: {finding.message}" for finding in plan.findings if finding.level == "warning"],
    }


def plan_total(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of a plan's rows. The duration is that of the slowest pair, because pairs are seeded in parallel."""
    summed = {
        name: sum(row[name] or 0 for row in rows)
        for name in ("objects", "size_bytes", "missing", "missing_bytes", "large", "usd")
    }
    known = [row for row in rows if row["missing"] is not None]
    bad = sum(bool(row["problem"]) for row in rows)
    return {
        "pair": f"total of {len(rows)} pairs",
        **summed,
        "missing": summed["missing"] if known else None,
        "seconds": max((row["seconds"] or 0 for row in rows), default=0),
        "method": "",
        "operation": "",
        "problem": f"{bad} cannot be seeded" if bad else "",
    }


def finding_rows(title: str, findings: Iterable[PreflightFinding]) -> list[dict[str, Any]]:
    """Return the findings of preflight as rows."""
    return [
        {
            "pair": title,
            "level": finding.level,
            "code": finding.code,
            "where": finding.where,
            "message": finding.message,
            "advice": finding.advice,
            "fix": finding.fix.text if finding.fix else "",
            "policy": dict(finding.fix.after) if finding.fix else None,
        }
        for finding in findings
    ]


def failure_rows(seed: SeedTask, failures: Sequence[FailureGroup]) -> list[dict[str, Any]]:
    """Return the failures of a seed as rows."""
    rows = []
    for shortfall in SeedOutcome(seed, failures).shortfalls():
        known = explain(shortfall.code, shortfall.message)
        rows.append(
            {
                "pair": seed.pair.title,
                "seed_id": seed.seed_id,
                "code": shortfall.code,
                "count": shortfall.count,
                "meaning": known.meaning,
                "advice": known.advice,
                "retry": known.retry,
                "message": shortfall.message,
                "keys": list(shortfall.keys),
            }
        )
    return rows


def verify_row(title: str, result: VerifyResult) -> dict[str, Any]:
    """Return the result of a comparison as a row."""
    return {"pair": title, "verdict": str(result.verdict), **result.value()}


def set_row(replicate_set: ReplicateConfig, last: datetime | None) -> dict[str, Any]:
    """Return a set of windlass.toml as a row, with the time of its last start."""
    source = replicate_set.query or replicate_set.source or f"{len(replicate_set.pairs)} pairs"
    return {
        "set": replicate_set.name,
        "source": source,
        "destination": replicate_set.destination,
        "method": replicate_set.method,
        "interval": replicate_set.interval,
        "last_started": last,
    }
