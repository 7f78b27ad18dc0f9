"""Rows and columns of the listings of rules, keys, windows and simulated designs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from windlass.present.output import Column

if TYPE_CHECKING:
    from windlass.aggregation.config import AggregateConfig
    from windlass.aggregation.model import KeyState
    from windlass.aggregation.simulation import Design
    from windlass.aggregation.timeline import Window

__all__ = [
    "DESIGN_COLUMNS",
    "KEY_COLUMNS",
    "RULE_COLUMNS",
    "WINDOW_COLUMNS",
    "design_row",
    "item_row",
    "rule_row",
    "window_row",
]

KEY_COLUMNS: tuple[object, ...] = (
    "rule",
    "key",
    Column("uncovered", right=True),
    Column("events", right=True),
    "state",
    "due_at",
    "acted_at",
    Column("failures", right=True),
    "note",
)
WINDOW_COLUMNS: tuple[object, ...] = (
    Column("started_at", "STARTED"),
    "rule",
    "key",
    "outcome",
    Column("events", right=True),
    Column("waited_s", "WAITED S", right=True),
    Column("duration_s", "DURATION S", right=True),
    "reason",
)
RULE_COLUMNS: tuple[object, ...] = (
    "name",
    "queue",
    "key",
    "mode",
    Column("window_s", "WINDOW S", right=True),
    "action",
    "kept_in",
    "paused",
)
DESIGN_COLUMNS: tuple[object, ...] = (
    "design",
    Column("actions", right=True),
    Column("lambda", "LAMBDA/EVENT", right=True),
    Column("dynamodb", "DYNAMODB/EVENT", right=True),
    Column("sqs", "SQS/EVENT", right=True),
    Column("monthly", "USD/MONTH", right=True),
)


def rule_row(config: AggregateConfig, paused: bool) -> dict[str, Any]:
    """Return a rule as a row."""
    key = f"prefix of {config.depth}" if config.key == "prefix" else config.key
    return {
        "name": config.name,
        "queue": config.queue,
        "key": key,
        "mode": config.mode.value,
        "window_s": config.window_s,
        "action": config.action.kind,
        "kept_in": config.table or "store",
        "paused": paused,
    }


def item_row(item: KeyState, config: AggregateConfig) -> dict[str, Any]:
    """Return a key and its state as a row."""
    due = config.pace.due(item) if item.uncovered > 0 else 0.0
    return {
        "rule": item.rule,
        "key": item.key,
        "uncovered": item.uncovered,
        "events": item.dirty,
        "covered": item.done,
        "state": _state(item),
        "due_at": _time(due),
        "acted_at": _time(item.acted_at),
        "failures": item.failures,
        "note": item.note,
    }


def window_row(window: Window) -> dict[str, Any]:
    """Return a window as a row."""
    duration_s = round((window.ended_at - window.started_at).total_seconds(), 3) if window.ended_at else None
    return {
        "started_at": window.started_at,
        "rule": window.rule,
        "key": window.key,
        "outcome": window.outcome,
        "events": window.summary.events,
        "waited_s": round(window.waited_s, 1) if window.waited_s is not None else None,
        "duration_s": duration_s,
        "reason": window.reason,
        "kinds": dict(window.summary.kinds),
        "folders": list(window.summary.folders),
        "folders_cut": window.summary.folders_cut,
        "size_bytes": window.summary.size_bytes,
        "attempt": window.attempt,
    }


def design_row(design: Design, seconds: float) -> dict[str, Any]:
    """Return a simulated design as a row: requests per event, and the price of a month of `seconds` like these."""
    events = max(1, design.events)
    return {
        "design": design.name,
        "actions": design.actions,
        "lambda": round(design.lambda_invokes / events, 5),
        "dynamodb": round(design.dynamodb_writes / events, 5),
        "sqs": round(design.sqs_requests / events, 4),
        "monthly": round(design.monthly(seconds), 2),
    }


def _state(item: KeyState) -> str:
    if item.paused:
        return "paused"
    if item.pending:
        return "awaiting completion"
    if item.failures:
        return "retrying"
    return "waiting" if item.uncovered > 0 else "covered"


def _time(epoch_s: float) -> datetime | None:
    return datetime.fromtimestamp(epoch_s, UTC) if epoch_s > 0 else None
