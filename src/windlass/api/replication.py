"""`/v1/replication`: seeds with their progress and failures. Only the command line starts and stops them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from windlass.api.routes import AppDep
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.replication import rows
from windlass.replication.model import SeedState

__all__ = ["router"]

router = APIRouter(prefix="/v1/replication")


@router.get("/seeds", summary="Seeds of bucket pairs, the newest first")
def seeds(
    app: AppDep,
    job: str = "",
    set_name: Annotated[str, Query(alias="set")] = "",
    state: Annotated[list[SeedState], Query()] = [],  # noqa: B006  FastAPI copies defaults
    limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
) -> dict[str, Any]:
    """State, progress, time left, failures by reason and result of the verification, as stored."""
    tasks = app.replication.seeds(job_id=job, set_name=set_name, states=state, limit=limit)
    failed = app.replication.failures(tasks)
    now = clock.now()
    return {"items": plain([rows.seed_row(seed, now, failed.get(seed.seed_id, ())) for seed in tasks])}


@router.get("/seeds/{seed_id}/failures", summary="Why objects of a seed failed")
def failures(app: AppDep, seed_id: str) -> dict[str, Any]:
    """Each reason with its meaning, what to do, and some of the keys."""
    tasks = app.replication.select(seed_id)
    failed = app.replication.failures(tasks)
    return {"items": plain([row for seed in tasks for row in rows.failure_rows(seed, failed.get(seed.seed_id, []))])}
