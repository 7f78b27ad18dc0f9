"""A timer as a message, and what sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from windlass.aggregation.model import Timer

__all__ = ["queue_sender", "read_timer", "timer_body"]

_KIND = "windlass:aggregation-timer"


def timer_body(timer: Timer) -> str:
    """The message."""
    return orjson.dumps({"kind": _KIND, "rule": timer.rule, "key": timer.key, "token": timer.token}).decode()


def read_timer(body: str) -> Timer | None:
    """The timer in a message; None when it is none."""
    if _KIND not in body:
        return None
    try:
        found = orjson.loads(body)
        if found["kind"] == _KIND:
            return Timer(str(found["rule"]), str(found["key"]), str(found["token"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    return None


def queue_sender(call: Callable[..., dict[str, Any]], queue_url: str) -> Callable[[Timer, int], None]:
    """What sends timers to a queue; `call(operation, **params)` is SQS there."""

    def send(timer: Timer, delay_s: int) -> None:
        call("SendMessage", QueueUrl=queue_url, MessageBody=timer_body(timer), DelaySeconds=delay_s)

    return send
