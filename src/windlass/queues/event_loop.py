"""A loop of our own: uvloop's where it is, and an end that waits for nothing that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from windlass.wire.event_loops import new_loop

__all__ = ["run_event_loop"]

T = TypeVar("T")
_PATIENCE_S = 0.5


def run_event_loop(main: Coroutine[Any, Any, T], *, goes_on: Callable[[BaseException], bool] = lambda _: False) -> T:
    """Run a coroutine and close the loop. Unlike asyncio.run, it waits neither for threads nor for tasks that won't be cancelled.

    A SystemExit or KeyboardInterrupt of some other task or callback breaks out of the loop; the loop is entered again
    when `goes_on(error)` is true. What `main` itself raises is raised.
    """
    loop = new_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main)
    try:
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                if task.done() or not goes_on(error):
                    raise
    finally:
        left = asyncio.all_tasks(loop)
        for task_left in left:
            task_left.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_PATIENCE_S))
        asyncio.set_event_loop(None)
        loop.close()
