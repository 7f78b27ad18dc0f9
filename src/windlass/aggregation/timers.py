"""Timers as queue messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from windlass.aggregation.model import Timer

__all__ = ["queue_sender", "read_timer", "timer_body"]

_KIND = "windlass:aggregation-timer"


def timer_body(timer: Timer) -> str:
    """Return the message body of a timer."""
    return orjson.dumps({"kind": _KIND, "rule": timer.rule, "key": timer.key, "token": timer.token}).decode()


def read_timer(body: str) -> Timer | None:
    """Return the timer in a message body; None when the body is no timer."""
    if _KIND not in body:
        return None
    try:
        document = orjson.loads(body)
        if document["kind"] == _KIND:
            return Timer(str(document["rule"]), str(document["key"]), str(document["token"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    return None


def queue_sender(call: Callable[..., dict[str, Any]], queue_url: str) -> Callable[[Timer, int], None]:
    """Return a function that sends timers to a queue; `call(operation, **params)` calls SQS."""

    def send(timer: Timer, delay_s: int) -> None:
        call("SendMessage", QueueUrl=queue_url, MessageBody=timer_body(timer), DelaySeconds=delay_s)

    return send
