"""The outbox: alerts that are recorded in the transaction of what they are about, and delivered afterwards.

Alerts of one rule and key join the batch that is still open. A batch that is due is sealed, and then delivered to each action
of the rule, until the action has taken it: at least once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.watch.config import WatchConfig
from windlass.watch.model import Alert, Delivery, DeliveryStatus, Occurrence
from windlass.watch.tables import alert, alert_batch, alert_delivery

__all__ = [
    "alerts_of",
    "due_deliveries",
    "finish",
    "lock_outbox",
    "recent_alerts",
    "recent_deliveries",
    "record",
    "retry_failed",
    "seal_due",
]


def lock_outbox(connection: Connection) -> None:
    """Let no other process record or seal until the transaction ends. SQLite has one writer at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('windlass alerts', 0))"))


def record(connection: Connection, rule: WatchConfig, key: str, occurrence: Occurrence, *, now: datetime) -> None:
    """Record an alert of a rule, in the open batch of its key, or in a new one."""
    moment = format_time(now)
    opened = select(alert_batch.c.batch_id).where(
        alert_batch.c.rule == rule.name, alert_batch.c.key == key, alert_batch.c.sealed.is_(False)
    )
    batch_id = connection.execute(opened).scalar()
    if batch_id is None:
        batch_id = _open_batch(connection, rule, key, now)
    connection.execute(
        insert(alert).values(
            rule=rule.name,
            key=key,
            occurred_at=format_time(occurrence.occurred_at),
            recorded_at=moment,
            title=occurrence.title,
            facts=canonical_json(dict(occurrence.facts)),
            batch_id=batch_id,
        )
    )
    ours = update(alert_batch).where(alert_batch.c.batch_id == batch_id)
    connection.execute(ours.values(alerts=alert_batch.c.alerts + 1))


def _open_batch(connection: Connection, rule: WatchConfig, key: str, now: datetime) -> int:
    due_at = format_time(now + timedelta(seconds=rule.window_s))
    values = {
        "rule": rule.name,
        "key": key,
        "opened_at": format_time(now),
        "due_at": due_at,
        "sealed": False,
        "alerts": 0,
    }
    statement = insert(alert_batch).values(values).returning(alert_batch.c.batch_id)
    batch_id: int = connection.execute(statement).scalar_one()
    connection.execute(
        insert(alert_delivery),
        [
            {
                "batch_id": batch_id,
                "action": number,
                "kind": action.kind,
                "status": str(DeliveryStatus.PENDING),
                "attempts": 0,
                "next_at": due_at,
                "finished_at": None,
                "error": "",
            }
            for number, action in enumerate(rule.actions)
        ],
    )
    return batch_id


def seal_due(connection: Connection, now: datetime) -> None:
    """Seal the batches whose time has come: they take no more alerts."""
    lock_outbox(connection)
    due = update(alert_batch).where(alert_batch.c.sealed.is_(False), alert_batch.c.due_at <= format_time(now))
    connection.execute(due.values(sealed=True))


def due_deliveries(connection: Connection, now: datetime, *, limit: int = 100) -> list[Delivery]:
    """Return deliveries of sealed batches that are due, the longest waiting first."""
    statement = _deliveries().where(
        alert_delivery.c.status == str(DeliveryStatus.PENDING),
        alert_delivery.c.next_at <= format_time(now),
        alert_batch.c.sealed.is_(True),
    )
    rows = connection.execute(statement.order_by(alert_delivery.c.next_at, alert_delivery.c.batch_id).limit(limit))
    return [_delivery(row) for row in rows]


def recent_deliveries(
    connection: Connection, *, rule: str = "", status: DeliveryStatus | None = None, limit: int
) -> list[Delivery]:
    """Return deliveries, the newest first."""
    statement = _deliveries()
    if rule:
        statement = statement.where(alert_batch.c.rule == rule)
    if status is not None:
        statement = statement.where(alert_delivery.c.status == str(status))
    order = (alert_delivery.c.batch_id.desc(), alert_delivery.c.action)
    return [_delivery(row) for row in connection.execute(statement.order_by(*order).limit(limit))]


def alerts_of(connection: Connection, batch_id: int) -> list[Alert]:
    """Return the alerts of a batch, oldest first."""
    statement = select(alert).where(alert.c.batch_id == batch_id).order_by(alert.c.occurred_at, alert.c.alert_id)
    return [_alert(row) for row in connection.execute(statement)]


def recent_alerts(connection: Connection, *, rule: str = "", limit: int) -> list[Alert]:
    """Return alerts, the newest first."""
    statement = select(alert).order_by(alert.c.alert_id.desc()).limit(limit)
    if rule:
        statement = statement.where(alert.c.rule == rule)
    return [_alert(row) for row in connection.execute(statement)]


def finish(
    connection: Connection,
    delivery: Delivery,
    status: DeliveryStatus,
    *,
    now: datetime,
    next_at: datetime | None = None,
    error: str = "",
) -> None:
    """Record the outcome of an attempt: `next_at` is the time of the next one, when there is one."""
    ours = (alert_delivery.c.batch_id == delivery.batch_id) & (alert_delivery.c.action == delivery.action)
    ended = status is not DeliveryStatus.PENDING
    connection.execute(
        update(alert_delivery)
        .where(ours)
        .values(
            status=str(status),
            attempts=alert_delivery.c.attempts + 1,
            next_at=format_time(next_at or now),
            finished_at=format_time(now) if ended else None,
            error=error,
        )
    )


def retry_failed(connection: Connection, *, rule: str, now: datetime) -> int:
    """Make the deliveries of a rule that were given up pending again. Return their number."""
    of_rule = select(alert_batch.c.batch_id).where(alert_batch.c.rule == rule)
    statement = update(alert_delivery).where(
        alert_delivery.c.status == str(DeliveryStatus.FAILED), alert_delivery.c.batch_id.in_(of_rule)
    )
    values = {"status": str(DeliveryStatus.PENDING), "attempts": 0, "next_at": format_time(now), "finished_at": None}
    return connection.execute(statement.values(values)).rowcount


def _deliveries() -> Any:
    columns: Sequence[Any] = [alert_batch.c[name] for name in ("rule", "key", "due_at", "alerts")]
    joined = alert_delivery.join(alert_batch, alert_batch.c.batch_id == alert_delivery.c.batch_id)
    return select(alert_delivery, *columns).select_from(joined)


def _delivery(row: Any) -> Delivery:
    return Delivery(
        batch_id=row.batch_id,
        action=row.action,
        rule=row.rule,
        key=row.key,
        kind=row.kind,
        status=DeliveryStatus(row.status),
        alerts=row.alerts,
        due_at=parse_time(row.due_at),
        attempts=row.attempts,
        next_at=parse_time(row.next_at),
        finished_at=parse_time(row.finished_at) if row.finished_at else None,
        error=row.error,
    )


def _alert(row: Any) -> Alert:
    return Alert(
        alert_id=row.alert_id,
        rule=row.rule,
        key=row.key,
        occurred_at=parse_time(row.occurred_at),
        recorded_at=parse_time(row.recorded_at),
        title=row.title,
        facts=json.loads(row.facts),
        batch_id=row.batch_id,
    )
