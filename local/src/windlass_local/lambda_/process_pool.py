"""The warm pool: which runtime process takes an event, how many run at once, and when an idle one is closed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from windlass_local.lambda_.deployment import Deployment
from windlass_local.lambda_.outcome import Invocation, RunOutcome, Throttled
from windlass_local.lambda_.process import RuntimeProcess

__all__ = ["ProcessPool"]

_RUNNING_LIMIT = 32
"""Concurrent executions of all functions; an account has 1,000, a laptop has less."""
_IDLE_LIMIT = 12
_IDLE_S = 120.0
Start = Callable[[], RuntimeProcess]


@dataclass(slots=True, eq=False)
class _Member:
    """One process of the pool; `process` is None while it starts."""

    deployment: Deployment
    process: RuntimeProcess | None = None
    unwanted: bool = False
    idle_since_s: float = field(default=0.0)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.is_alive


class ProcessPool:
    """The runtime processes of all functions. A warm one is used again; the others wait, up to twelve, for two minutes."""

    def __init__(
        self, *, running_limit: int = _RUNNING_LIMIT, idle_limit: int = _IDLE_LIMIT, idle_s: float = _IDLE_S
    ) -> None:
        self._running_limit, self._idle_limit, self._idle_s = running_limit, idle_limit, idle_s
        self._lock = threading.Lock()
        self._returned = threading.Condition(self._lock)
        self._idle: list[_Member] = []  # the most recently used last
        self._busy: set[_Member] = set()
        self._running: Counter[tuple[str, str, str]] = Counter()
        self._reaper: threading.Timer | None = None

    def run(
        self, deployment: Deployment, start: Start, invocation: Invocation, *, reserved: int | None
    ) -> tuple[RunOutcome, str]:
        """Run the event; the outcome, and the log stream of the process that ran it. Throttled at a limit."""
        member = self._take(deployment, reserved)
        try:
            if member.process is None:
                process = start()
                with self._lock:
                    member.process = process
                    unwanted = member.unwanted
                if unwanted:
                    process.kill()
            assert member.process is not None
            return member.process.run(invocation), member.process.stream
        finally:
            self._give_back(member)

    def _take(self, deployment: Deployment, reserved: int | None) -> _Member:
        """Return the warm process that was used last, or a slot for a new one; close stale ones."""
        with self._lock:
            if reserved is not None and self._running[deployment.function] >= reserved:
                raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
            if len(self._busy) >= self._running_limit:
                raise Throttled("ConcurrentInvocationLimitExceeded")
            warm = [idle for idle in self._idle if idle.deployment == deployment]
            useless = [idle for idle in warm if not idle.is_alive] + [
                idle for idle in self._idle if idle.deployment.is_replaced_by(deployment)
            ]
            self._idle = [idle for idle in self._idle if idle not in useless]
            member = next((idle for idle in reversed(warm) if idle not in useless), None)
            if member is None:
                member = _Member(deployment)
            else:
                self._idle.remove(member)
            self._busy.add(member)
            self._running[deployment.function] += 1
        _close(useless)
        return member

    def _give_back(self, member: _Member) -> None:
        if member.unwanted or not member.is_alive:
            _close([member])
        removed: list[_Member] = []
        with self._lock:
            self._busy.discard(member)
            self._returned.notify_all()
            self._running[member.deployment.function] -= 1
            if not self._running[member.deployment.function]:
                del self._running[member.deployment.function]
            if member.unwanted or member.process is None or member.process.is_closed:
                removed.append(member)
            else:
                member.idle_since_s = time.monotonic()
                self._idle.append(member)
                while len(self._idle) > self._idle_limit:
                    removed.append(self._idle.pop(0))
                self._watch()
        _close(removed)

    def _watch(self) -> None:
        """Schedule a check for when the process that has been idle longest expires. No timer when none is idle."""
        if self._reaper is None and self._idle:
            wait_s = max(0.05, self._idle[0].idle_since_s + self._idle_s - time.monotonic())
            self._reaper = threading.Timer(wait_s, self._reap)
            self._reaper.name, self._reaper.daemon = "lambda-idle", True
            self._reaper.start()

    def _reap(self) -> None:
        before = time.monotonic() - self._idle_s
        with self._lock:
            self._reaper = None
            old = [idle for idle in self._idle if idle.idle_since_s <= before]
            self._idle = [idle for idle in self._idle if idle.idle_since_s > before]
            self._watch()
        _close(old)

    def drop(self, is_meant: Callable[[Deployment], bool], *, wait_s: float = 0.0) -> None:
        """Kill the processes of these deployments, busy ones too.

        Waits up to `wait_s` for the users of busy ones to notice and clean up.
        """
        with self._lock:
            removed = [idle for idle in self._idle if is_meant(idle.deployment)]
            self._idle = [idle for idle in self._idle if not is_meant(idle.deployment)]
            for member in self._busy:
                if is_meant(member.deployment):
                    member.unwanted = True
                    if member.process is not None:
                        member.process.kill()
            if not self._idle and self._reaper is not None:
                self._reaper.cancel()
                self._reaper = None
        _close(removed)
        with self._lock:
            self._returned.wait_for(lambda: not any(is_meant(busy.deployment) for busy in self._busy), wait_s)

    def retire(self, is_meant: Callable[[Deployment], bool]) -> None:
        """Close the idle processes of these deployments; busy ones finish their event first."""
        with self._lock:
            removed = [idle for idle in self._idle if is_meant(idle.deployment)]
            self._idle = [idle for idle in self._idle if not is_meant(idle.deployment)]
            for member in self._busy:
                member.unwanted = member.unwanted or is_meant(member.deployment)
        _close(removed)

    def code_in_use(self) -> frozenset[str]:
        """Return the digests of all zips that a process imports from."""
        with self._lock:
            members = [*self._idle, *self._busy]
        return frozenset(digest for member in members for digest in (member.deployment.code, *member.deployment.layers))

    def describe(self) -> list[dict[str, Any]]:
        """Return one row per process."""
        with self._lock:
            members = [(idle, False) for idle in self._idle] + [(busy, True) for busy in self._busy]
        return [
            {
                "account_id": each.deployment.account_id,
                "region": each.deployment.region,
                "function": each.deployment.name,
                "version": each.deployment.version,
                "pid": each.process.pid,
                "runs": each.process.runs,
                "peak_mb": each.process.peak_mb(),
                "busy": busy,
            }
            for each, busy in members
            if each.process is not None
        ]


def _close(members: list[_Member]) -> None:
    for member in members:
        if member.process is not None:
            member.process.close()
