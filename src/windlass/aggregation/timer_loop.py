"""The loop over the store's timers: it leases due timers, runs them, and renews their leases, as a queue does in AWS."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from windlass.aggregation.effects import DeferTimer, TimerVerdict
from windlass.aggregation.model import Timer
from windlass.aggregation.tables.sql import SqlTimers
from windlass.core.errors import WindlassError
from windlass.observe.log import logger

__all__ = ["run_timers"]

_POLL_S = 0.5
_CONCURRENCY = 8


def run_timers(
    timers: SqlTimers, on_timer: Callable[[Timer], TimerVerdict], ended: threading.Event, drain_s: float
) -> None:
    """Handle timers until `ended` is set; running ones then have `drain_s` seconds to end."""
    running: dict[Timer, Future[None]] = {}
    renewed_at, deadline = time.monotonic(), math.inf
    pool = ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="aggregation-timer")
    try:
        while True:
            stopping, now = ended.is_set(), time.monotonic()
            running = {timer: work for timer, work in running.items() if not work.done()}
            if stopping:
                deadline = min(deadline, now + drain_s)
                if not running or now >= deadline:
                    return
            if now - renewed_at > timers.leased_s / 4:
                renewed_at = now
                _renew(timers, running)
            due = [] if stopping else _take(timers, _CONCURRENCY - len(running))
            for timer in due:
                running[timer] = pool.submit(_handle, timers, on_timer, timer)
            if stopping:
                wait(running.values(), timeout=min(_POLL_S, deadline - now))
            else:
                ended.wait(0.02 if due else _POLL_S)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _renew(timers: SqlTimers, running: Iterable[Timer]) -> None:
    try:
        for timer in running:
            timers.renew(timer)
    except WindlassError as error:
        _unreachable(error)


def _take(timers: SqlTimers, most: int) -> list[Timer]:
    try:
        return timers.take(most) if most > 0 else []
    except WindlassError as error:
        _unreachable(error)
        return []


def _unreachable(error: WindlassError) -> None:
    logger("aggregation").warning("timers.unreachable", error=error.message, hint=error.hint)


def _handle(timers: SqlTimers, on_timer: Callable[[Timer], TimerVerdict], timer: Timer) -> None:
    try:
        verdict = on_timer(timer)
        if isinstance(verdict, DeferTimer):
            timers.defer(timer, verdict.after_s)
        else:
            timers.end(timer)
    except WindlassError as error:  # the timer is due again when its lease expires
        logger("aggregation").warning(
            "timer.failed", rule=timer.rule, key=timer.key, error=error.message, hint=error.hint
        )
    except BaseException:  # noqa: BLE001  a defect in one timer must not stop the others
        logger("aggregation").exception("timer.broken", rule=timer.rule, key=timer.key)
