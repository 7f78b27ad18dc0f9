"""The rules of one configuration, ready to run: counting, firing, completing and sweeping. Worker and Lambda share it.

Everything here may be called from several threads at once, and in several processes: the table is what they meet in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.aggregation import protocol
from windlass.aggregation.actions import pace
from windlass.aggregation.actions.shares import gateway_roles, list_shares
from windlass.aggregation.effects import AckTimer, ActionOutcome, CommitCoverage, DeferTimer, RunAction, TimerVerdict
from windlass.aggregation.gateway import GatewayRole, written_by_gateway
from windlass.aggregation.interpreter import ProtocolHandlers, run_protocol
from windlass.aggregation.model import Timer
from windlass.aggregation.rules import AggregationRule
from windlass.aggregation.tables.base import KeyTable
from windlass.aggregation.tally import EventTally, add_events
from windlass.core.errors import WindlassError
from windlass.core.ids import new_id
from windlass.events import ObjectEvent
from windlass.observe.log import logger

__all__ = ["RuleRuntime", "WindowEngine"]

_PAUSE_S = 5.0
_ROLES_S = 300.0
_SLACK_S = 60.0


@dataclass(frozen=True, slots=True)
class RuleRuntime:
    """One rule with what it needs: its table, what sends its timers and runs its action, and AWS where the rule is."""

    rule: AggregationRule
    table: KeyTable
    send: Callable[[Timer, int], None]
    act: Callable[[RunAction], ActionOutcome]
    call: Callable[..., dict[str, Any]]
    memory: dict[str, Any]


class WindowEngine:
    """What the rules do with events, timers and completions."""

    def __init__(self, parts: Sequence[RuleRuntime], *, now: Callable[[], float] = time.time) -> None:
        self.parts: Mapping[str, RuleRuntime] = {part.rule.name: part for part in parts}
        self._now = now
        self._running: dict[str, float] = {}
        self._roles: dict[str, tuple[float, tuple[GatewayRole, ...]]] = {}
        self._lock = threading.Lock()
        self._log = logger("aggregation")

    def tally(self, tallies: dict[tuple[str, str], EventTally], message_id: str, events: Sequence[ObjectEvent]) -> int:
        """Add a message's events to the tallies; how many times one counted."""
        counted = 0
        for part in self.parts.values():
            mine = [event for event in events if not self._own_write(part, event)] if self._watches(part) else events
            counted += add_events(tallies, (part.rule,), message_id, mine)
        return counted

    def count(self, rule: str, key: str, tally: EventTally, *, since: float) -> None:
        """Count a batch's events of one key. When it returns, they are safe; when it raises, they must come again."""
        part = self.parts[rule]
        steps = protocol.count(
            part.rule.config.pace,
            rule,
            key,
            tally.ids.keys(),
            tally.events,
            tally.summary,
            since=since,
            now=self._now(),
        )
        run_protocol(steps, self._hands(part))

    def on_timer(self, timer: Timer, *, receives: int = 0) -> TimerVerdict:
        """A timer came; `receives` is how often its message was received, 0 for one of the store."""
        part = self.parts.get(timer.rule)
        if part is None:
            return DeferTimer(_PAUSE_S * 12, f"there is no rule {timer.rule} here")
        steps = protocol.on_timer(
            part.rule.config.pace, timer, lambda: new_id("attempt"), paused=self._is_paused(part), receives=receives
        )
        verdict: TimerVerdict = run_protocol(steps, self._hands(part))
        self._log.debug(
            "timer.ended" if isinstance(verdict, AckTimer) else "timer.deferred",
            rule=timer.rule,
            key=timer.key,
            reason=verdict.reason,
        )
        return verdict

    def complete(self, token: str) -> bool:
        """A completion was told. False when nothing waits for it (yet): it may come before its start was written down."""
        known = False
        for part in self.parts.values():
            known = pace.completed(part.memory, token) or known
        for table in {id(part.table): part.table for part in self.parts.values()}.values():
            known = table.knows(token) or known
            last = table.complete(token)
            if last is not None:
                item = table.read(last.rule, last.key)
                if item is not None and item.claim == last.attempt:
                    table.perform(CommitCoverage(last.rule, last.key, item.claimed, self._now()))
                    self._log.info("action.completed", rule=last.rule, key=last.key, attempt=last.attempt)
        return known

    def repair_timers(self, rule: str = "") -> int:
        """Give keys whose timers are long overdue new ones; how many."""
        repaired_timers = 0
        for name, part in self.parts.items():
            if rule in ("", name) and not self._is_paused(part):
                repaired_timers += self._repair_timers(part, slack_s=max(_SLACK_S, part.rule.config.window_s))
        return repaired_timers

    def wake(self, rule: str, key: str) -> bool:
        """Give a key a new timer that comes at once, when it has something uncovered; whether it had."""
        part = self.parts[rule]
        item = part.table.read(rule, key)
        if item is None or item.uncovered <= 0:
            return False
        steps = protocol.repair_timers(part.rule.config.pace, item, new_id("timer"), now=float("inf"), slack_s=0.0)
        run_protocol(steps, self._hands(part))
        return True

    def _repair_timers(self, part: RuleRuntime, *, slack_s: float) -> int:
        repaired_timers, config = 0, part.rule.config
        for item in part.table.items(part.rule.name):
            steps = protocol.repair_timers(config.pace, item, new_id("timer"), now=self._now(), slack_s=slack_s)
            sent: list[Timer] = []
            run_protocol(steps, self._hands(part, sent))
            if sent:
                repaired_timers += 1
                self._log.warning(
                    "timer.lost", rule=item.rule, key=item.key, uncovered=item.uncovered, detail="a new one was sent"
                )
        return repaired_timers

    def _hands(self, part: RuleRuntime, sent: list[Timer] | None = None) -> ProtocolHandlers:
        def send(timer: Timer, delay_s: int) -> None:
            part.send(timer, delay_s)
            if sent is not None:
                sent.append(timer)

        return ProtocolHandlers(part.table, send, part.act, now=self._now)

    def _is_paused(self, part: RuleRuntime) -> bool:
        """Whether it is paused: that it is not is believed for some seconds, that it is never, so that it goes on at once."""
        name, now = part.rule.name, time.monotonic()
        if now - self._running.get(name, -1e9) <= _PAUSE_S:
            return False
        paused = part.table.paused(name)
        if not paused:
            self._running[name] = now
        return paused

    # The gateway's own writes

    def _watches(self, part: RuleRuntime) -> bool:
        config = part.rule.config
        return config.ignore_gateway_writes and config.action.kind == "storage-gateway-refresh"

    def _own_write(self, part: RuleRuntime, event: ObjectEvent) -> bool:
        return bool(event.principal_id) and written_by_gateway(event.principal_id, self._roles_of(part))

    def _roles_of(self, part: RuleRuntime) -> tuple[GatewayRole, ...]:
        """The roles of the account's file shares, as they were lately; those known before when they can't be asked."""
        name, now = part.rule.name, time.monotonic()
        with self._lock:
            until, known = self._roles.get(name, (-1e9, ()))
            if now < until:
                return known
            try:
                known = gateway_roles(list_shares(part.call), part.call)
            except WindlassError as error:
                self._log.warning("shares.unknown", rule=name, error=error.message, hint=error.hint)
            self._roles[name] = (now + _ROLES_S, known)
            return known
