"""The interpreter of the protocol: it performs each effect and returns the result to the generator."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from windlass.aggregation.effects import ActionOutcome, ActionTooLate, ReadClock, RunAction, SendTimer
from windlass.aggregation.model import Timer
from windlass.aggregation.protocol import Firing, Steps
from windlass.aggregation.tables.base import KeyTable

__all__ = ["PROMPT_S", "ProtocolHandlers", "run_protocol"]

PROMPT_S = 2.0
"""An action starts within this time (plus the claim's slack) of the clock reading of its claim, or the claim is renewed first.
Only the pace needs it: a claim covers the right events however late the action starts."""


@dataclass(frozen=True, slots=True)
class ProtocolHandlers:
    """The handlers of effects: the table, the sender of timers, the runner of actions, the clocks (epoch and monotonic seconds)."""

    table: KeyTable
    send: Callable[[Timer, int], None]
    act: Callable[[RunAction], ActionOutcome]
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def run_protocol(steps: Steps | Firing, handlers: ProtocolHandlers) -> Any:
    """Run the protocol to its end and return its verdict. An error of a handler is raised: the message is then redelivered."""
    read_at = handlers.monotonic()
    result: Any = None
    while True:
        try:
            effect = steps.send(result)
        except StopIteration as stop:
            return stop.value
        match effect:
            case ReadClock():
                read_at, result = handlers.monotonic(), handlers.now()
            case SendTimer(timer, delay_s):
                handlers.send(timer, delay_s)
                result = None
            case RunAction():
                late_s = handlers.monotonic() - read_at
                result = ActionTooLate(late_s) if late_s > PROMPT_S + effect.slack_s else handlers.act(effect)
            case _:
                result = handlers.table.perform(effect)
