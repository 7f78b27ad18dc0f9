"""Replication: the pairs being seeded with their progress, what failed and why, what was verified; and one seed by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from windlass.api.routes import job_value
from windlass.console.desk import Desk
from windlass.console.views.links import Data, Params, first, one_of
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.errors import NotFound
from windlass.replication import rows
from windlass.replication.model import FailureGroup, State
from windlass.replication.seed.job import KIND
from windlass.replication.seed.task import SeedTask
from windlass.replication.service import latest

__all__ = ["replication", "seed"]

_SHOWN = 300
_NOT_SAME = ("missing", "different", "unknown")
_UNCOMPARED = {"error": "", "objects": 0, "missing": 0, "different": 0, "extra": 0, "unknown": 0, "examples": {}}
_ORDER = (
    State.FAILED,
    State.INCOMPLETE,
    State.WAITING,
    State.COPYING,
    State.VERIFYING,
    State.PREPARING,
    State.QUEUED,
    State.CANCELLED,
    State.DONE,
)
_STEPS = (
    ("replication on", "cutoff_at"),
    ("role", "role"),
    ("manifest", "manifests"),
    ("batch job", "jobs_created"),
    ("EMR", "step"),
)


def replication(desk: Desk, params: Params) -> Data:
    """The last seed of every pair, trouble first; of one set when the address names it."""
    now = clock.now()
    found = latest(desk.replication.seeds(limit=5000))
    names = sorted({one.set_name for one in found if one.set_name})
    chosen = one_of(params, "set", {*names, *(one.name for one in desk.replication.sets)})
    seeds = [one for one in found if not chosen or one.set_name == chosen]
    seeds.sort(key=lambda one: (_ORDER.index(one.state), one.pair.title))
    failures = desk.replication.failures(seeds[:_SHOWN])
    items = [_row(one, now, failures.get(one.seed_id, ())) for one in seeds[:_SHOWN]]
    return {
        "items": items,
        "more": max(0, len(seeds) - _SHOWN),
        "set": chosen,
        "set_names": names,
        "total": _total(seeds, now),
        "reasons": _reasons(seeds, failures),
        "states": dict(Counter(str(one.state) for one in seeds)),
        "sets": [plain(rows.set_row(one, desk.replication.last_started(one.name))) for one in desk.replication.sets],
        "jobs": [job_value(one) for one in desk.jobs.list(kind=KIND, limit=5)],
        "aliases": desk.aliases(),
        "cli": f"windlass replicate status{f' {chosen}' if chosen else ''}",
    }


def seed(desk: Desk, params: Params) -> Data:
    """One seed with its steps, its batch jobs and every reason with some keys."""
    seed_id = first(params, "seed_id")
    found = next((one for one in desk.replication.select(seed_id) if one.seed_id == seed_id), None)
    if found is None:
        raise NotFound(f"there is no seed {seed_id!r}", hint="The page Replication lists them.")
    failures = desk.replication.failures([found]).get(seed_id, [])
    return {
        "row": _row(found, clock.now(), failures),
        "reasons": plain(rows.failure_rows(found, failures)),
        "steps": _steps(found),
        "cutoff_at": found.checkpoint.document().get("cutoff_at", ""),
        "service_role": getattr(found.checkpoint, "role", ""),
        "manifests": found.checkpoint.document().get("manifests", []),
        "aliases": desk.aliases(),
        "source": _place(found.pair.source),
        "destination": _place(found.pair.destination),
        "cli": f"windlass replicate report {seed_id}",
        "retry": f"windlass replicate seed --retry {seed_id}",
    }


def _row(found: SeedTask, now: datetime, failures: Sequence[FailureGroup]) -> Data:
    """A seed as the command line has it; what was verified has every key, `compared` tells whether it was."""
    row: Data = plain(rows.seed_row(found, now, failures))
    compared = bool(row["verified"]) and "error" not in row["verified"]
    return row | {"verified": {**_UNCOMPARED, **row["verified"], "compared": compared}}


def _place(place: Any) -> Data:
    return {"bucket": place.name, "service": place.service, "account_id": place.account_id, "region": place.region}


def _steps(found: SeedTask) -> list[Data]:
    """What is behind a seed and what lies before it, in order."""
    steps = [{"name": name, "done": True} for name, key in _STEPS if getattr(found.checkpoint, key, None)]
    steps.append({"name": "copied", "done": found.state in (State.VERIFYING, State.DONE, State.INCOMPLETE)})
    steps.append({"name": "verified", "done": bool(found.verified) and "error" not in found.verified})
    return steps


def _total(seeds: Sequence[SeedTask], now: datetime) -> Data:
    """All pairs together; the time left is that of the slowest."""
    left = [eta for one in seeds if (eta := one.eta_s(now)) is not None]
    verified = [one for one in seeds if one.verified and "error" not in one.verified]
    return {
        "pairs": len(seeds),
        "done_pairs": sum(one.state is State.DONE for one in seeds),
        "live_pairs": sum(not one.state.ended for one in seeds),
        "bad_pairs": sum(one.state in (State.FAILED, State.INCOMPLETE) for one in seeds),
        "total": sum(one.total for one in seeds),
        "done": sum(one.done for one in seeds),
        "failed": sum(one.failed for one in seeds),
        "size_bytes": sum(one.size_bytes for one in seeds),
        "eta_s": max(left, default=None),
        "verified": len(verified),
        "whole": sum(not any(one.verified.get(kind) for kind in _NOT_SAME) for one in verified),
        "missing": sum(one.verified["missing"] for one in verified),
        "different": sum(one.verified["different"] for one in verified),
    }


def _reasons(seeds: Sequence[SeedTask], failures: dict[str, list[FailureGroup]]) -> list[Data]:
    """Failures by reason over all pairs, the most frequent first."""
    counts: Counter[str] = Counter()
    pairs: dict[str, list[str]] = {}
    told: dict[str, Data] = {}
    for one in seeds:
        for row in rows.failure_rows(one, failures.get(one.seed_id, [])):
            counts[row["code"]] += row["count"]
            pairs.setdefault(row["code"], []).append(one.pair.title)
            told.setdefault(row["code"], row)
    return [
        {
            "code": code,
            "count": number,
            "meaning": told[code]["meaning"],
            "advice": told[code]["advice"],
            "retry": told[code]["retry"],
            "pairs": pairs[code],
        }
        for code, number in counts.most_common()
    ]
