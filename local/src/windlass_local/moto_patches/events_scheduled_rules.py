"""Scheduled rules of EventBridge fire.

Upstream: the schedule expression is stored; the rule receives every other event of the bus instead.
AWS: a rule with a rate or cron expression sends a Scheduled Event to its targets at those times; a disabled rule
sends nothing.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.events.models import EventsBackend, Rule

from windlass_local.services.events import DETAIL_TYPE, shared_clock

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.events.models.EventsBackend.put_rule",
    "moto.events.models.EventsBackend.enable_rule",
    "moto.events.models.Rule.send_to_targets",
)


def apply() -> None:
    """Start the clock of a rule when it is put or enabled, and keep other events from it."""
    clock = shared_clock()
    put_rule, enable_rule, send_to_targets = EventsBackend.put_rule, EventsBackend.enable_rule, Rule.send_to_targets

    @wraps(put_rule)
    def put(backend: Any, *args: Any, **kwargs: Any) -> Any:
        rule = put_rule(backend, *args, **kwargs)
        clock.arm(rule)
        return rule

    @wraps(enable_rule)
    def enable(backend: Any, name: str, event_bus_arn: str | None) -> Any:
        response = enable_rule(backend, name, event_bus_arn)
        rule = backend.event_buses["default"].rules.get(name)
        if rule is not None:
            clock.arm(rule)
        return response

    @wraps(send_to_targets)
    def send(rule: Any, original_event: Any, transform_input: bool = True) -> None:
        only_scheduled = rule.scheduled_expression and not rule.event_pattern.get_pattern()
        if rule.state == "DISABLED" or (only_scheduled and original_event.get("detail-type") != DETAIL_TYPE):
            return
        send_to_targets(rule, original_event, transform_input)

    EventsBackend.put_rule = put
    EventsBackend.enable_rule = enable
    Rule.send_to_targets = send
