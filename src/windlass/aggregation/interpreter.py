"""Carrying a conversation of the protocol out: each effect is done, its answer goes back in."""

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
"""An action starts within this time (and the claim's slack) of the clock's reading that its claim was made with, or the claim
is renewed first. Only the pace needs it: what a claim covers is right however late the action starts."""


@dataclass(frozen=True, slots=True)
class ProtocolHandlers:
    """Who does what: the table, what sends timers, what runs actions, the clocks (epoch and monotonic seconds)."""

    table: KeyTable
    send: Callable[[Timer, int], None]
    act: Callable[[RunAction], ActionOutcome]
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def run_protocol(steps: Steps | Firing, hands: ProtocolHandlers) -> Any:
    """Until its end; the conversation's verdict. What fails is raised: the message that began it comes again."""
    read_at = hands.monotonic()
    answer: Any = None
    while True:
        try:
            effect = steps.send(answer)
        except StopIteration as stop:
            return stop.value
        match effect:
            case ReadClock():
                read_at, answer = hands.monotonic(), hands.now()
            case SendTimer(timer, delay_s):
                hands.send(timer, delay_s)
                answer = None
            case RunAction():
                late_s = hands.monotonic() - read_at
                answer = ActionTooLate(late_s) if late_s > PROMPT_S + effect.slack_s else hands.act(effect)
            case _:
                answer = hands.table.perform(effect)
