"""The Replication page with the latest seed of every pair, and the page of one seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from windlass.api.routes import job_json
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first, one_of
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.errors import NotFound
from windlass.replication import rows
from windlass.replication.model import FailureGroup, SeedState
from windlass.replication.seed.job import KIND
from windlass.replication.seed.task import SeedTask
from windlass.replication.service import latest

__all__ = ["replication", "seed"]

MAX_PAIRS = 300
_NOT_SAME = ("missing", "different", "unknown")
_UNCOMPARED = {"error": "", "objects": 0, "missing": 0, "different": 0, "extra": 0, "unknown": 0, "examples": {}}
_ORDER = (
    SeedState.FAILED,
    SeedState.INCOMPLETE,
    SeedState.WAITING,
    SeedState.COPYING,
    SeedState.VERIFYING,
    SeedState.PREPARING,
    SeedState.QUEUED,
    SeedState.CANCELLED,
    SeedState.DONE,
)
_STEPS = (
    ("replication on", "cutoff_at"),
    ("role", "role"),
    ("manifest", "manifests"),
    ("batch job", "jobs_created"),
    ("EMR", "step"),
)


def replication(context: PageContext, params: Params) -> Data:
    """Return the latest seed of every pair, failed ones first; of one set when the URL names it."""
    now = clock.now()
    sets = context.replication.sets
    tasks = latest(context.replication.seeds(limit=5000))
    names = sorted({seed.set_name for seed in tasks if seed.set_name})
    chosen = one_of(params, "set", {*names, *(replication_set.name for replication_set in sets)})
    seeds = [seed for seed in tasks if not chosen or seed.set_name == chosen]
    seeds.sort(key=lambda seed: (_ORDER.index(seed.state), seed.pair.title))
    failures = context.replication.failures(seeds[:MAX_PAIRS])
    items = [_row(seed, now, failures.get(seed.seed_id, ())) for seed in seeds[:MAX_PAIRS]]
    return {
        "items": items,
        "more": max(0, len(seeds) - MAX_PAIRS),
        "set": chosen,
        "set_names": names,
        "total": _total(seeds, now),
        "reasons": _reasons(seeds, failures),
        "states": dict(Counter(str(seed.state) for seed in seeds)),
        "sets": [
            plain(rows.set_row(replication_set, context.replication.last_started(replication_set.name)))
            for replication_set in sets
        ],
        "jobs": [job_json(job) for job in context.jobs.list(kind=KIND, limit=5)],
        "aliases": context.aliases(),
        "cli": f"windlass replicate status{f' {chosen}' if chosen else ''}",
    }


def seed(context: PageContext, params: Params) -> Data:
    """Return one seed with its steps, batch jobs and failures by reason. NotFound for an unknown seed."""
    seed_id = first(params, "seed_id")
    task = next((seed for seed in context.replication.select(seed_id) if seed.seed_id == seed_id), None)
    if task is None:
        raise NotFound(f"there is no seed {seed_id!r}", hint="The Replication page lists all seeds.")
    failures = context.replication.failures([task]).get(seed_id, [])
    return {
        "row": _row(task, clock.now(), failures),
        "reasons": plain(rows.failure_rows(task, failures)),
        "steps": _steps(task),
        "cutoff_at": task.checkpoint.document().get("cutoff_at", ""),
        "service_role": getattr(task.checkpoint, "role", ""),
        "manifests": task.checkpoint.document().get("manifests", []),
        "aliases": context.aliases(),
        "source": _place(task.pair.source),
        "destination": _place(task.pair.destination),
        "cli": f"windlass replicate report {seed_id}",
        "retry": f"windlass replicate seed --retry {seed_id}",
    }


def _row(task: SeedTask, now: datetime, failures: Sequence[FailureGroup]) -> Data:
    """A seed as on the command line. `verified` always has every count; `compared` is True when it was verified."""
    row: Data = plain(rows.seed_row(task, now, failures))
    compared = bool(row["verified"]) and "error" not in row["verified"]
    return row | {"verified": {**_UNCOMPARED, **row["verified"], "compared": compared}}


def _place(place: Any) -> Data:
    return {"bucket": place.name, "service": place.service, "account_id": place.account_id, "region": place.region}


def _steps(task: SeedTask) -> list[Data]:
    """The steps of a seed in order, done or not."""
    steps = [{"name": name, "done": True} for name, key in _STEPS if getattr(task.checkpoint, key, None)]
    steps.append({"name": "copied", "done": task.state in (SeedState.VERIFYING, SeedState.DONE, SeedState.INCOMPLETE)})
    steps.append({"name": "verified", "done": bool(task.verified) and "error" not in task.verified})
    return steps


def _total(seeds: Sequence[SeedTask], now: datetime) -> Data:
    """The sums over all pairs; the time left is that of the slowest pair."""
    left = [eta for seed in seeds if (eta := seed.eta_s(now)) is not None]
    verified = [seed for seed in seeds if seed.verified and "error" not in seed.verified]
    return {
        "pairs": len(seeds),
        "done_pairs": sum(seed.state is SeedState.DONE for seed in seeds),
        "live_pairs": sum(not seed.state.ended for seed in seeds),
        "bad_pairs": sum(seed.state in (SeedState.FAILED, SeedState.INCOMPLETE) for seed in seeds),
        "total": sum(seed.total for seed in seeds),
        "done": sum(seed.done for seed in seeds),
        "failed": sum(seed.failed for seed in seeds),
        "size_bytes": sum(seed.size_bytes for seed in seeds),
        "eta_s": max(left, default=None),
        "verified": len(verified),
        "complete": sum(not any(seed.verified.get(kind) for kind in _NOT_SAME) for seed in verified),
        "missing": sum(seed.verified["missing"] for seed in verified),
        "different": sum(seed.verified["different"] for seed in verified),
    }


def _reasons(seeds: Sequence[SeedTask], failures: dict[str, list[FailureGroup]]) -> list[Data]:
    """Failures by reason over all pairs, the most frequent reason first."""
    counts: Counter[str] = Counter()
    pairs: dict[str, list[str]] = {}
    first_row: dict[str, Data] = {}
    for seed in seeds:
        for row in rows.failure_rows(seed, failures.get(seed.seed_id, [])):
            counts[row["code"]] += row["count"]
            pairs.setdefault(row["code"], []).append(seed.pair.title)
            first_row.setdefault(row["code"], row)
    return [
        {
            "code": code,
            "count": number,
            "meaning": first_row[code]["meaning"],
            "advice": first_row[code]["advice"],
            "retry": first_row[code]["retry"],
            "pairs": pairs[code],
        }
        for code, number in counts.most_common()
    ]
