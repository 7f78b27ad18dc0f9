"""Repeated readings of a queue's depth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from windlass.core import clock
from windlass.queues.address import Queue
from windlass.queues.report import Depth

__all__ = ["readings"]


def readings(queue: Queue, read: Callable[[], Depth], *, interval_s: float, times: int) -> Iterator[dict[str, Any]]:
    """Yield the depth every `interval_s` seconds, with its change per second since the last reading; `times` rows, 0
    without end.
    """
    before: Depth | None = None
    read_at = 0.0
    count = 0
    while True:
        moment, depth = time.monotonic(), read()
        change = round((depth.total - before.total) / (moment - read_at), 2) if before is not None else None
        yield {
            "at": clock.format_time(clock.now())[:19] + "Z",
            "queue": queue.name,
            "visible": depth.visible,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "change_per_s": change,
        }
        before, read_at, count = depth, moment, count + 1
        if times and count >= times:
            return
        time.sleep(interval_s)
