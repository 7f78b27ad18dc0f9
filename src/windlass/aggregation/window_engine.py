"""The engine of a configuration's rules: it counts events, runs timers, records completions and repairs timers.

Worker and Lambda share it. All methods may be called from several threads and processes: the table coordinates them.
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
    """One rule with its runtimes: table, timer sender, action runner, and AWS calls in the rule's account and region."""

    rule: AggregationRule
    table: KeyTable
    send: Callable[[Timer, int], None]
    act: Callable[[RunAction], ActionOutcome]
    call: Callable[..., dict[str, Any]]
    memory: dict[str, Any]


class WindowEngine:
    """Applies the rules to events, timers and completions."""

    def __init__(self, runtimes: Sequence[RuleRuntime], *, now: Callable[[], float] = time.time) -> None:
        self.runtimes: Mapping[str, RuleRuntime] = {runtime.rule.name: runtime for runtime in runtimes}
        self._now = now
        self._running: dict[str, float] = {}
        self._roles: dict[str, tuple[float, tuple[GatewayRole, ...]]] = {}
        self._lock = threading.Lock()
        self._log = logger("aggregation")

    def tally(self, tallies: dict[tuple[str, str], EventTally], message_id: str, events: Sequence[ObjectEvent]) -> int:
        """Add a message's events to the tallies; return the number of matches."""
        counted = 0
        for runtime in self.runtimes.values():
            foreign_events = (
                [event for event in events if not self._own_write(runtime, event)]
                if self._ignores_gateway_writes(runtime)
                else events
            )
            counted += add_events(tallies, (runtime.rule,), message_id, foreign_events)
        return counted

    def count(self, rule: str, key: str, tally: EventTally, *, since: float) -> None:
        """Count a batch's events of one key. When it returns, they are stored; when it raises, they must be redelivered."""
        runtime = self.runtimes[rule]
        steps = protocol.count(
            runtime.rule.config.pace,
            rule,
            key,
            tally.ids.keys(),
            tally.events,
            tally.summary,
            since=since,
            now=self._now(),
        )
        run_protocol(steps, self._handlers(runtime))

    def on_timer(self, timer: Timer, *, receives: int = 0) -> TimerVerdict:
        """Handle a timer; `receives` is how often its message was received, 0 for a timer of the store."""
        runtime = self.runtimes.get(timer.rule)
        if runtime is None:
            return DeferTimer(_PAUSE_S * 12, f"windlass.toml has no rule {timer.rule}")
        steps = protocol.on_timer(
            runtime.rule.config.pace,
            timer,
            lambda: new_id("attempt"),
            paused=self._is_paused(runtime),
            receives=receives,
        )
        verdict: TimerVerdict = run_protocol(steps, self._handlers(runtime))
        self._log.debug(
            "timer.ended" if isinstance(verdict, AckTimer) else "timer.deferred",
            rule=timer.rule,
            key=timer.key,
            reason=verdict.reason,
        )
        return verdict

    def complete(self, token: str) -> bool:
        """Record a completion. False when no attempt awaits it (yet): it may arrive before its start was written."""
        known = False
        for runtime in self.runtimes.values():
            known = pace.completed(runtime.memory, token) or known
        for table in {id(runtime.table): runtime.table for runtime in self.runtimes.values()}.values():
            known = table.knows(token) or known
            last = table.complete(token)
            if last is not None:
                item = table.read(last.rule, last.key)
                if item is not None and item.claim == last.attempt:
                    table.perform(CommitCoverage(last.rule, last.key, item.claimed, self._now()))
                    self._log.info("action.completed", rule=last.rule, key=last.key, attempt=last.attempt)
        return known

    def repair_timers(self, rule: str = "") -> int:
        """Replace timers that are long overdue; return how many."""
        repaired_timers = 0
        for name, runtime in self.runtimes.items():
            if rule in ("", name) and not self._is_paused(runtime):
                repaired_timers += self._repair_timers(runtime, slack_s=max(_SLACK_S, runtime.rule.config.window_s))
        return repaired_timers

    def wake(self, rule: str, key: str) -> bool:
        """Send a timer that is due at once when the key has uncovered events; return whether it has."""
        runtime = self.runtimes[rule]
        item = runtime.table.read(rule, key)
        if item is None or item.uncovered <= 0:
            return False
        steps = protocol.repair_timers(runtime.rule.config.pace, item, new_id("timer"), now=float("inf"), slack_s=0.0)
        run_protocol(steps, self._handlers(runtime))
        return True

    def _repair_timers(self, runtime: RuleRuntime, *, slack_s: float) -> int:
        repaired_timers, config = 0, runtime.rule.config
        for item in runtime.table.items(runtime.rule.name):
            steps = protocol.repair_timers(config.pace, item, new_id("timer"), now=self._now(), slack_s=slack_s)
            timers: list[Timer] = []
            run_protocol(steps, self._handlers(runtime, timers))
            if timers:
                repaired_timers += 1
                self._log.warning(
                    "timer.lost", rule=item.rule, key=item.key, uncovered=item.uncovered, detail="a new one was sent"
                )
        return repaired_timers

    def _handlers(self, runtime: RuleRuntime, timers: list[Timer] | None = None) -> ProtocolHandlers:
        def send(timer: Timer, delay_s: int) -> None:
            runtime.send(timer, delay_s)
            if timers is not None:
                timers.append(timer)

        return ProtocolHandlers(runtime.table, send, runtime.act, now=self._now)

    def _is_paused(self, runtime: RuleRuntime) -> bool:
        """Return whether the rule is paused. Only "not paused" is cached, for some seconds, so that a resume takes effect at once."""
        name, now = runtime.rule.name, time.monotonic()
        if now - self._running.get(name, -1e9) <= _PAUSE_S:
            return False
        paused = runtime.table.paused(name)
        if not paused:
            self._running[name] = now
        return paused

    # The gateway's own writes

    def _ignores_gateway_writes(self, runtime: RuleRuntime) -> bool:
        config = runtime.rule.config
        return config.ignore_gateway_writes and config.action.kind == "storage-gateway-refresh"

    def _own_write(self, runtime: RuleRuntime, event: ObjectEvent) -> bool:
        return bool(event.principal_id) and written_by_gateway(event.principal_id, self._roles_of(runtime))

    def _roles_of(self, runtime: RuleRuntime) -> tuple[GatewayRole, ...]:
        """Return the roles of the account's file shares, cached; the last known ones when they cannot be listed."""
        name, now = runtime.rule.name, time.monotonic()
        with self._lock:
            until, roles = self._roles.get(name, (-1e9, ()))
            if now < until:
                return roles
            try:
                roles = gateway_roles(list_shares(runtime.call), runtime.call)
            except WindlassError as error:
                self._log.warning("shares.unknown", rule=name, error=error.message, hint=error.hint)
            self._roles[name] = (now + _ROLES_S, roles)
            return roles
