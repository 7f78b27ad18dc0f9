"""The clock of EventBridge's scheduled rules: it fires each enabled rule at its times while a server is up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventsBackend, events_backends

from windlass_local.faults import Faults
from windlass_local.schedule import next_fire
from windlass_local.workers import Workers

PRIVATE_NAMES = ("moto.events.models.events_backends",)

_CLOCK = "windlass_clock"
_ARMED = "_windlass_armed"
DETAIL_TYPE = "Scheduled Event"


class ScheduleClock:
    """Fires each enabled rule at its times while a server is up; between them, one thread sleeps."""

    def __init__(self) -> None:
        self._workers = Workers("event-schedules", 1)
        self._servers = 0

    def server_started(self) -> None:
        """Arm every scheduled rule when the first server starts."""
        self._servers += 1
        if self._servers == 1:
            for rule in _scheduled_rules():
                self.arm(rule)

    def server_stopped(self) -> None:
        """Stop when the last server stops."""
        self._servers -= 1
        if self._servers == 0:
            self._workers.forget()
            for rule in _scheduled_rules():
                rule.__dict__[_ARMED] = False

    def arm(self, rule: Any) -> None:
        """Schedule the rule's next time."""
        due = next_fire(rule.scheduled_expression or "", datetime.now(UTC))
        if due is None or self._servers == 0 or rule.__dict__.get(_ARMED):
            return
        rule.__dict__[_ARMED] = True
        wait_s = max(0.001, (due - datetime.now(UTC)).total_seconds())
        self._workers.put(lambda: self._fire(rule), after_s=wait_s)

    def _fire(self, rule: Any) -> None:
        rule.__dict__[_ARMED] = False
        if rule.state == "DISABLED" or rule not in _scheduled_rules():
            return  # changed, deleted, or of an estate that was reset; enabling it schedules it again
        self.arm(rule)
        now = int(datetime.now(UTC).timestamp())
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": DETAIL_TYPE,
            "source": "aws.events",
            "account": rule.account_id,
            "time": now,
            "region": rule.region_name,
            "resources": [rule.arn],
            "detail": {},
            "ingestion-time": now,
        }
        rule.send_to_targets(event)


def install() -> None:
    """Create the clock; a second call changes nothing."""
    if not hasattr(EventsBackend, _CLOCK):
        setattr(EventsBackend, _CLOCK, ScheduleClock())


def shared_clock() -> ScheduleClock:
    """Return the clock of this process's estate."""
    clock: ScheduleClock = getattr(EventsBackend, _CLOCK)
    return clock


def server_started(_url: str, _faults: Faults) -> None:
    """Start the clock: a server is up."""
    shared_clock().server_started()


def server_stopped(_url: str, _faults: Faults) -> None:
    """Stop the clock when the last server stops."""
    shared_clock().server_stopped()


def _scheduled_rules() -> list[Any]:
    return [rule for rule in _rules() if rule.scheduled_expression]


def _rules() -> Iterator[Any]:
    for account in list(events_backends.values()):
        for backend in list(account.values()):
            yield from list(backend.event_buses["default"].rules.values())
