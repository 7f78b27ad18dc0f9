"""Event loops: uvloop's where it is installed; one per caller, or one that several threads share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["SharedEventLoop", "new_loop", "run_alone"]

T = TypeVar("T")


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop that is not running."""
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def run_alone(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new loop; return its result."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


class SharedEventLoop:
    """A loop on its own thread, which lives while at least one caller runs something in it.

    Busy threads with a loop each would contend for Python's lock; within one loop there is no contention.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; it is cancelled when the wait is interrupted."""
        loop = self._enter()
        try:
            running = asyncio.run_coroutine_threadsafe(main, loop)
            try:
                return running.result()
            finally:
                running.cancel()
        finally:
            self._leave()

    def _enter(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            self._users += 1
            if self._loop is None:
                self._loop = new_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_end(loop))
    finally:
        loop.close()


async def _end(loop: asyncio.AbstractEventLoop) -> None:
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_default_executor()
