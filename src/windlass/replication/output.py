"""Output of plans, findings, writes and seeds on stdout, and the error with which a command ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from windlass.core import clock
from windlass.core.errors import PartialFailure
from windlass.core.units import format_bytes, format_duration
from windlass.present.output import Column, Format, emit
from windlass.replication import effects, rows
from windlass.replication.methods.emr import step as emr
from windlass.replication.model import Method
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.outcome import SeedOutcome, incomplete_error
from windlass.replication.seed.task import SeedTask
from windlass.replication.service import Replication

__all__ = [
    "FOUND",
    "REASONS",
    "VERIFIED",
    "print_errors",
    "print_findings",
    "print_plan",
    "print_seeds",
    "print_writes",
    "raise_refused",
    "raise_unwell",
]

PLANNED = (
    "pair",
    Column("objects", right=True),
    Column("size", right=True),
    Column("missing", right=True),
    "method",
    "operation",
    Column("cost", right=True),
    Column("time", right=True),
    "why",
)
LISTED = (
    "seed_id",
    "pair",
    "state",
    "method",
    Column("progress", right=True),
    Column("total", right=True),
    Column("done", right=True),
    Column("failed", right=True),
    "detail",
    "created_at",
)
FOUND = ("pair", "level", "code", "where", "message", "advice")
REASONS = ("pair", "code", Column("count", right=True), "meaning", "advice", "keys")
VERIFIED = (
    "pair",
    "verdict",
    Column("objects", right=True),
    Column("missing", right=True),
    Column("different", right=True),
    Column("extra", right=True),
    Column("unknown", right=True),
)
WRITES = ("call", "on", "account_id", "region", "why")


def findings(plan: PairPlan) -> list[dict[str, Any]]:
    """Return the findings of a pair's preflight as rows."""
    findings_ = rows.finding_rows(plan.pair.title, plan.findings)
    if plan.error is not None and not any(row["level"] == "error" for row in findings_):
        row = {
            "pair": plan.pair.title,
            "level": "error",
            "code": plan.error.code,
            "where": "",
            "fix": "",
            "policy": None,
        }
        findings_.append(row | {"message": plan.error.message, "advice": plan.error.hint})
    return findings_


def print_findings(plans: Sequence[PairPlan], output: Format, *, limit: int) -> bool:
    """Print the findings of the plans; a table is followed by the fixes. True when one of them is an error."""
    finding_rows = [row for plan in plans for row in findings(plan)]
    columns = FOUND if output is Format.TABLE else (*FOUND, "fix")
    emit(finding_rows, output, columns, limit=limit, empty="No problem was found.")
    if output is Format.TABLE:
        for text in dict.fromkeys(row["fix"] for row in finding_rows if row["fix"]):
            print(f"\n{text}")
    return any(row["level"] == "error" for row in finding_rows)


def print_plan(plans: Sequence[PairPlan], output: Format) -> None:
    """Print the pairs' plans with their total."""
    pairs = [rows.plan_row(plan) for plan in plans]
    if output is not Format.TABLE:
        emit(pairs, output, list(pairs[0]) if pairs else ())
        return
    listed = [*pairs, *([rows.plan_total(pairs)] if len(pairs) > 1 else [])]
    emit([_for_people(row) for row in listed], output, PLANNED)
    for row in pairs:
        for warning in row["warnings"]:
            print(f"windlass: {warning}", file=sys.stderr)


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    seconds, usd, size = row["seconds"], row["usd"], row["size_bytes"]
    return row | {
        "size": "" if size is None else format_bytes(size),
        "cost": "" if usd is None else f"${usd:,.2f}",
        "time": "" if not seconds else format_duration(seconds),
        "why": row["problem"] or row.get("why", ""),
    }


def print_writes(
    replication: Replication, plans: Sequence[PairPlan], request: SeedRequest, set_name: str, output: Format
) -> None:
    """Print every write of the plans, in order. For EMR without a cluster or application, print the command that adds
    the step.
    """
    listed: list[dict[str, Any]] = []
    for plan in plans:
        writes = effects.rows(replication.effects(plan, request, set_name=set_name))
        listed += [{"pair": plan.pair.title, **row} for row in writes]
    emit(listed, output, WRITES if len(plans) == 1 else ("pair", *WRITES), empty="There is nothing to write.")
    for plan in plans:
        if plan.choice is not None and plan.choice.method is Method.EMR and not request.target.starts:
            print(emr.step_command(plan.pair, encrypt=bool(plan.facts and plan.facts.destination.key)))


def print_seeds(replication: Replication, seeds: Sequence[SeedTask], output: Format) -> None:
    """Print seeds as a listing."""
    failures = replication.failures(seeds)
    now = clock.now()
    listed = [rows.seed_row(seed, now, failures.get(seed.seed_id, ())) for seed in seeds]
    emit(
        listed,
        output,
        LISTED if output is Format.TABLE else list(listed[0]) if listed else LISTED,
        now=now,
        empty="No seeds yet.",
    )


def print_errors(seeds: Sequence[SeedTask]) -> None:
    """Print the error of each seed that has one, on stderr."""
    for seed in seeds:
        if seed.error:
            print(f"{seed.pair.title}: {seed.error}", file=sys.stderr)


def raise_refused(plans: Sequence[PairPlan]) -> None:
    """Raise the error of a pair that cannot be seeded; PartialFailure when it is one of several pairs."""
    bad = [plan.error for plan in plans if plan.error is not None]
    if len(plans) == 1 and bad:
        raise bad[0]
    if bad:
        raise PartialFailure(f"{len(bad)} of {len(plans)} pairs cannot be seeded: {bad[0].message}", hint=bad[0].hint)


def raise_unwell(seeds: Sequence[SeedTask]) -> None:
    """Raise PartialFailure when a seed is not complete."""
    error = incomplete_error(
        [SeedOutcome(seed) for seed in seeds],
        "`windlass replicate report` shows why; `windlass replicate seed --retry REF` copies the failed objects.",
    )
    if error is not None:
        raise error
