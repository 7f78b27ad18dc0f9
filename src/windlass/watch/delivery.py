"""Delivering batches of alerts: one attempt of one action at a time, with back-off, until the action has taken them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from windlass.aggregation.actions.base import AwsCall, Context, RetryActionLater
from windlass.aggregation.model import Summary
from windlass.core.canonical import plain
from windlass.core.clock import format_time
from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.store.engine import Store
from windlass.watch import outbox
from windlass.watch.config import WatchConfig
from windlass.watch.model import Alert, Delivery, DeliveryStatus

__all__ = ["GIVE_UP_AFTER", "Deliverer", "summary_of"]

_FIRST_RETRY_S, _LONGEST_RETRY_S = 10.0, 3600.0
GIVE_UP_AFTER = timedelta(days=3)
_MAX_TITLES = 20
_IN_AWS = ("sns-publish", "sqs-send", "lambda-invoke")
"""Actions that call AWS: only these need an account and a region."""


class Deliverer:
    """Delivers what is due. `locate` returns the account and region of a rule's actions; `call` makes their AWS calls."""

    def __init__(
        self,
        store: Store,
        rules: Sequence[WatchConfig],
        *,
        locate: Callable[[WatchConfig], tuple[str, str]],
        call: Callable[[str, str], AwsCall],
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._rules = store, {rule.name: rule for rule in rules}
        self._locate, self._call, self._now = locate, call, now
        self._memory: dict[str, Any] = {}

    def deliver_due(self) -> int:
        """Make one attempt for each delivery that is due. Return the number of those that succeeded.

        An action that took the alerts runs again when the process is killed before that is recorded: at least once.
        """
        self._store.transact(lambda connection: outbox.seal_due(connection, self._now()))
        due = self._store.fetch(lambda connection: outbox.due_deliveries(connection, self._now()))
        return sum(self._deliver(delivery) for delivery in due)

    def _deliver(self, delivery: Delivery) -> bool:
        rule = self._rules.get(delivery.rule)
        if rule is None or delivery.action >= len(rule.actions):
            self._finish(
                delivery, DeliveryStatus.FAILED, error="The rule, or this action of it, is not configured any more."
            )
            return False
        alerts = self._store.fetch(lambda connection: outbox.alerts_of(connection, delivery.batch_id))
        try:
            self._act(rule, delivery, alerts)
        except RetryActionLater as later:
            self._retry(delivery, later.reason, later.after_s)
            return False
        except WindlassError as error:
            self._retry(delivery, error.message, retry_after_s(delivery.attempts))
            return False
        except Exception as error:  # noqa: BLE001  any exception of a user's action is a failure, and is retried
            self._retry(delivery, f"{type(error).__name__}: {error}", retry_after_s(delivery.attempts))
            return False
        self._finish(delivery, DeliveryStatus.DELIVERED)
        return True

    def _act(self, rule: WatchConfig, delivery: Delivery, alerts: Sequence[Alert]) -> None:
        in_aws = delivery.kind in _IN_AWS
        account, region = self._locate(rule) if in_aws else (rule.account, rule.region)
        attempt = f"{rule.name}-{delivery.batch_id}-{delivery.action}"  # the same in each attempt: receivers recognise a repeat
        context = Context(
            self._call(account, region), rule.name, delivery.key, attempt, account, region, time.time(), self._memory
        )
        rule.actions[delivery.action].act(summary_of(alerts), context)

    def _retry(self, delivery: Delivery, reason: str, after_s: float) -> None:
        now = self._now()
        gives_up = now - delivery.due_at >= GIVE_UP_AFTER
        status = DeliveryStatus.FAILED if gives_up else DeliveryStatus.PENDING
        logger("watch").warning(
            "delivery.failed", rule=delivery.rule, kind=delivery.kind, error=reason, given_up=gives_up
        )
        self._finish(delivery, status, next_at=now + timedelta(seconds=after_s), error=reason)

    def _finish(
        self, delivery: Delivery, status: DeliveryStatus, *, next_at: datetime | None = None, error: str = ""
    ) -> None:
        now = self._now()
        self._store.transact(
            lambda connection: outbox.finish(connection, delivery, status, now=now, next_at=next_at, error=error)
        )


def retry_after_s(attempts: int) -> float:
    """Return the seconds until the next attempt: doubled after each, an hour at most."""
    return float(min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2 ** min(attempts, 20)))


def summary_of(alerts: Sequence[Alert]) -> Summary:
    """Return alerts as what actions send."""
    times = [format_time(alert.occurred_at) for alert in alerts]
    return Summary(
        events=len(alerts),
        first_at=min(times, default=""),
        last_at=max(times, default=""),
        document={"events": len(alerts), "alerts": [_alert(alert) for alert in alerts], "text": _text(alerts)},
    )


def _alert(alert: Alert) -> Mapping[str, Any]:
    document: Mapping[str, Any] = plain(
        {"occurred_at": alert.occurred_at, "title": alert.title, "facts": dict(alert.facts)}
    )
    return document


def _text(alerts: Sequence[Alert]) -> str:
    lines = [alert.title for alert in alerts[:_MAX_TITLES]]
    more = len(alerts) - len(lines)
    return "\n".join([*lines, *([f"… and {more:,} more"] if more else [])])
