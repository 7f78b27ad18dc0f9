"""EventBridge: moto's, with scheduled rules that fire. moto keeps their expression, and sends them every other event instead."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from moto.events.models import EventsBackend, Rule, events_backends

from windlass_local.faults import Faults
from windlass_local.schedule import next_fire
from windlass_local.workers import Workers

PRIVATE_NAMES = (
    "moto.events.models.EventsBackend.put_rule",
    "moto.events.models.EventsBackend.enable_rule",
    "moto.events.models.Rule.send_to_targets",
    "moto.events.models.events_backends",
)

_CLOCK = "windlass_clock"
_ARMED = "_windlass_armed"
_DETAIL_TYPE = "Scheduled Event"


class _Clock:
    """Fires each enabled rule at its times while a server is up; between them, one thread sleeps."""

    def __init__(self) -> None:
        self._workers = Workers("event-schedules", 1)
        self._servers = 0

    def opened(self) -> None:
        self._servers += 1
        if self._servers == 1:
            for rule in _scheduled_rules():
                self.arm(rule)

    def closed(self) -> None:
        self._servers -= 1
        if self._servers == 0:
            self._workers.forget()
            for rule in _scheduled_rules():
                rule.__dict__[_ARMED] = False

    def arm(self, rule: Any) -> None:
        """Have the rule fire at its next time."""
        due = next_fire(rule.scheduled_expression or "", datetime.now(UTC))
        if due is None or self._servers == 0 or rule.__dict__.get(_ARMED):
            return
        rule.__dict__[_ARMED] = True
        wait_s = max(0.001, (due - datetime.now(UTC)).total_seconds())
        self._workers.put(lambda: self._fire(rule), after_s=wait_s)

    def _fire(self, rule: Any) -> None:
        rule.__dict__[_ARMED] = False
        if rule.state == "DISABLED" or rule not in _scheduled_rules():
            return  # changed, deleted, of an estate that was reset; enabling it arms it again
        self.arm(rule)
        now = int(datetime.now(UTC).timestamp())
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": _DETAIL_TYPE,
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
    """Patch moto's EventBridge; a second call changes nothing."""
    if hasattr(EventsBackend, _CLOCK):
        return
    clock = _Clock()
    setattr(EventsBackend, _CLOCK, clock)
    put_rule, enable_rule, send_to_targets = EventsBackend.put_rule, EventsBackend.enable_rule, Rule.send_to_targets

    @wraps(put_rule)
    def put(backend: Any, *args: Any, **kwargs: Any) -> Any:
        rule = put_rule(backend, *args, **kwargs)
        clock.arm(rule)
        return rule

    @wraps(enable_rule)
    def enable(backend: Any, name: str, event_bus_arn: str | None) -> Any:
        answer = enable_rule(backend, name, event_bus_arn)
        rule = backend.event_buses["default"].rules.get(name)
        if rule is not None:
            clock.arm(rule)
        return answer

    @wraps(send_to_targets)
    def send(rule: Any, original_event: Any, transform_input: bool = True) -> None:
        only_scheduled = rule.scheduled_expression and not rule.event_pattern.get_pattern()
        if rule.state == "DISABLED" or (only_scheduled and original_event.get("detail-type") != _DETAIL_TYPE):
            return
        send_to_targets(rule, original_event, transform_input)

    EventsBackend.put_rule = put
    EventsBackend.enable_rule = enable
    Rule.send_to_targets = send


def opened(_url: str, _faults: Faults) -> None:
    """A server is up: rules fire."""
    getattr(EventsBackend, _CLOCK).opened()


def closed(_url: str, _faults: Faults) -> None:
    """A server is going; with the last one, no rule fires."""
    getattr(EventsBackend, _CLOCK).closed()


def _scheduled_rules() -> list[Any]:
    return [rule for rule in _rules() if rule.scheduled_expression]


def _rules() -> Iterator[Any]:
    for account in list(events_backends.values()):
        for backend in list(account.values()):
            yield from list(backend.event_buses["default"].rules.values())
