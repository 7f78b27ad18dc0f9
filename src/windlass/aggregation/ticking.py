"""Timers of the store, taken when they are due and kept while they are handled: what a queue does for those of AWS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from windlass.aggregation.effects import Defer, Verdict
from windlass.aggregation.model import Timer
from windlass.aggregation.tables.sql import SqlTimers
from windlass.core.errors import WindlassError
from windlass.observe.log import logger

__all__ = ["tick_forever"]

_POLL_S = 0.5
_AT_ONCE = 8
_DRAIN_S = 25.0


def tick_forever(timers: SqlTimers, fire: Callable[[Timer], Verdict], ended: threading.Event) -> None:
    """Handle timers until `ended` is set; those under way then have a while to end."""
    log = logger("aggregation")
    running: dict[Timer, Future[None]] = {}
    renewed_at = time.monotonic()
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="aggregation-timer")
    try:
        while not ended.is_set():
            running = {timer: work for timer, work in running.items() if not work.done()}
            try:
                if time.monotonic() - renewed_at > timers.leased_s / 4:
                    renewed_at = time.monotonic()
                    for timer, work in running.items():
                        if not work.done():
                            timers.renew(timer)
                due = timers.take(_AT_ONCE - len(running)) if len(running) < _AT_ONCE else []
            except WindlassError as error:
                log.warning("timers.unreachable", said=error.message, hint=error.hint)
                due = []
            for timer in due:
                running[timer] = pool.submit(_handle, timers, fire, timer)
            ended.wait(0.02 if due else _POLL_S)
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline and not all(work.done() for work in running.values()):
            time.sleep(0.05)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _handle(timers: SqlTimers, fire: Callable[[Timer], Verdict], timer: Timer) -> None:
    try:
        verdict = fire(timer)
        if isinstance(verdict, Defer):
            timers.defer(timer, verdict.after_s)
        else:
            timers.end(timer)
    except WindlassError as error:  # it comes again when its lease is over
        logger("aggregation").warning(
            "timer.failed", rule=timer.rule, key=timer.key, said=error.message, hint=error.hint
        )
    except Exception:  # noqa: BLE001  a defect in one must not end the others
        logger("aggregation").exception("timer.broken", rule=timer.rule, key=timer.key)
