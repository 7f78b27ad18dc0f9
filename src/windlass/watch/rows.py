"""Rules, alerts and deliveries as rows for tables, JSON and the API."""

from __future__ import annotations

from collections import Counter
from typing import Any

from windlass.core.suggest import unknown_word
from windlass.present.output import Column
from windlass.watch.config import WatchConfig
from windlass.watch.model import Alert, Delivery, DeliveryStatus
from windlass.watch.service import Preview, Watch

__all__ = [
    "DELIVERY_COLUMNS",
    "PREVIEW_COLUMNS",
    "RULE_COLUMNS",
    "alert_row",
    "delivery_row",
    "preview_row",
    "rule_rows",
    "status_of",
]

RULE_COLUMNS: tuple[object, ...] = (
    "name",
    "on",
    "watches",
    "key",
    "actions",
    Column("pending", right=True),
    Column("delivered", right=True),
    Column("failed", right=True),
)
DELIVERY_COLUMNS: tuple[object, ...] = (
    "rule",
    "key",
    "kind",
    "status",
    Column("alerts", right=True),
    Column("attempts", right=True),
    "due_at",
    "finished_at",
    "error",
)
PREVIEW_COLUMNS: tuple[object, ...] = ("occurred_at", "key", "title")
_COUNTED = 100_000
_SHOWN = (
    "where",
    "kinds",
    "paths",
    "actors",
    "checks",
    "severity",
    "owner",
    "statuses",
    "unread_s",
    "types",
    "accounts",
    "jobs",
)


def status_of(name: str) -> DeliveryStatus:
    """Return the status of this name. UsageError, with the nearest one, when there is none."""
    known = [str(status) for status in DeliveryStatus]
    if name not in known:
        raise unknown_word("status", name, known)
    return DeliveryStatus(name)


def rule_rows(watch: Watch) -> list[dict[str, Any]]:
    """Return the rules with the numbers of their deliveries by status."""
    counts = Counter((delivery.rule, delivery.status) for delivery in watch.deliveries(limit=_COUNTED))
    return [
        _rule_row(rule) | {str(status): counts[rule.name, status] for status in DeliveryStatus} for rule in watch.rules
    ]


def _rule_row(rule: WatchConfig) -> dict[str, Any]:
    options = {name: getattr(rule, name) for name in _SHOWN if name in rule.model_fields_set}
    return {
        "name": rule.name,
        "on": rule.on,
        "watches": {
            name: [str(item) for item in value] if isinstance(value, list) else value for name, value in options.items()
        },
        "key": rule.key,
        "window_s": rule.window_s,
        "actions": [action.kind for action in rule.actions],
    }


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery with its outcome."""
    return {
        "batch_id": delivery.batch_id,
        "rule": delivery.rule,
        "key": delivery.key,
        "kind": delivery.kind,
        "status": str(delivery.status),
        "alerts": delivery.alerts,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "next_at": delivery.next_at if delivery.status is DeliveryStatus.PENDING else None,
        "finished_at": delivery.finished_at,
        "error": delivery.error,
    }


def alert_row(alert: Alert) -> dict[str, Any]:
    """Return an alert with what is known about it."""
    return {
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "key": alert.key,
        "occurred_at": alert.occurred_at,
        "recorded_at": alert.recorded_at,
        "title": alert.title,
        "facts": dict(alert.facts),
        "batch_id": alert.batch_id,
    }


def preview_row(preview: Preview) -> dict[str, Any]:
    """Return an alert that would have been recorded."""
    return {
        "occurred_at": preview.occurrence.occurred_at,
        "key": preview.key,
        "title": preview.occurrence.title,
        "facts": dict(preview.occurrence.facts),
    }
