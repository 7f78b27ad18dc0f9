"""Threads that run jobs now or later, outside of the call that requested them. No thread exists while there is no job."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Workers", "done_by"]

log = logging.getLogger(__name__)

_LINGER_S = 10.0
Job = Callable[[], None]
T = TypeVar("T")


class Workers:
    """At most `count` daemon threads over one queue of jobs. With one thread, jobs are done in their order.

    Threads start when jobs wait for one, and end when they were idle for ten seconds.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name, self._count = name, count
        self._changed = threading.Condition()
        self._jobs: list[tuple[float, int, Job]] = []
        self._numbers = itertools.count()
        self._threads = self._waiting = 0

    def put(self, job: Job, *, after_s: float = 0.0) -> None:
        """Run `job` soon, or `after_s` from now."""
        due_s = time.monotonic() + after_s if after_s > 0 else 0.0
        with self._changed:
            heapq.heappush(self._jobs, (due_s, next(self._numbers), job))
            if self._waiting:
                self._changed.notify()
            if self._threads < self._count and self._waiting < min(len(self._jobs), self._count):
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()

    def forget(self) -> None:
        """Drop the jobs that have not started."""
        with self._changed:
            self._jobs.clear()
            self._changed.notify_all()

    def count(self) -> int:
        """Count the jobs that have not started."""
        with self._changed:
            return len(self._jobs)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:  # a deleted target must not stop the others, as in AWS
                log.debug("%s: a job failed", self._name, exc_info=True)

    def _next(self) -> Job | None:
        """Return the next job that is due; None when this thread is no longer needed."""
        with self._changed:
            while True:
                now_s = time.monotonic()
                if self._jobs and self._jobs[0][0] <= now_s:
                    return heapq.heappop(self._jobs)[2]
                wait_s = self._jobs[0][0] - now_s if self._jobs else _LINGER_S
                self._waiting += 1
                try:
                    woken = self._changed.wait(wait_s)
                finally:
                    self._waiting -= 1
                if not woken and not self._jobs:
                    self._threads -= 1
                    return None


async def done_by(workers: Workers, work: Callable[[], T]) -> T:
    """Run a job on one of `workers` while the event loop continues. Its exceptions are raised here."""
    loop = asyncio.get_running_loop()
    response: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if response.cancelled():
            return
        if error is not None:
            response.set_exception(error)
        else:
            response.set_result(result)  # type: ignore[arg-type]  # it is a T where there is no error

    def job() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001  it is the awaiting caller's
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop of a server that has been stopped
            loop.call_soon_threadsafe(settle, result, error)

    workers.put(job)
    return await response
