"""Pipelines, refused objects and steps as rows of listings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windlass.core.units import format_bytes
from windlass.present.output import Column

if TYPE_CHECKING:
    from windlass.pipelines.counters import RefusedObject
    from windlass.pipelines.pipeline import Pipeline

__all__ = ["FAILURE_COLUMNS", "PIPELINE_COLUMNS", "failure_row", "pipeline_row", "step_row"]

PIPELINE_COLUMNS: tuple[object, ...] = (
    "name",
    "source",
    "transform",
    "target",
    Column("written", right=True),
    Column("existing", "EXISTING", right=True),
    Column("refused", right=True),
    Column("read", right=True),
)
FAILURE_COLUMNS: tuple[object, ...] = (
    Column("at", "WHEN"),
    "pipeline",
    "key",
    "reason",
    "message",
    "kept_at",
    "retried_at",
)


def pipeline_row(pipeline: Pipeline, counts: dict[str, int]) -> dict[str, Any]:
    """Return a pipeline and its counts of the last day as a row."""
    return {
        "name": pipeline.name,
        "source": pipeline.config.source,
        "transform": " | ".join(bound.step.name for bound in pipeline.transform.steps),
        "target": pipeline.config.target,
        "written": counts.get("written", 0),
        "existing": counts.get("duplicate", 0) + counts.get("stale", 0),
        "refused": counts.get("refused", 0),
        "gone": counts.get("gone", 0),
        "deleted": counts.get("deleted", 0),
        "read": format_bytes(counts.get("read_bytes", 0)),
        "queue": pipeline.config.queue,
    }


def failure_row(failure: RefusedObject) -> dict[str, Any]:
    """Return a refused object as a row."""
    return {
        "at": failure.at,
        "pipeline": failure.pipeline,
        "bucket": failure.bucket,
        "key": failure.key,
        "version_id": failure.version_id,
        "reason": failure.reason,
        "message": failure.message,
        "kept_at": failure.kept_at,
        "retried_at": failure.retried_at,
    }


def step_row(step: Any) -> dict[str, Any]:
    """Return a built-in step and its options as a row."""
    options = ", ".join(
        f"{option.name}={option.default}" if option.default is not None else option.name for option in step.options
    )
    return {"step": step.name, "summary": step.summary, "options": options, "needs": step.extra}
