"""Run a coroutine on a new event loop (uvloop when installed) whose close does not wait for anything that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from windlass.wire.event_loops import new_loop

__all__ = ["run_event_loop"]

T = TypeVar("T")
_CLOSE_TIMEOUT_S = 0.5


def run_event_loop(
    main: Coroutine[Any, Any, T], *, continues_after: Callable[[BaseException], bool] = lambda _: False
) -> T:
    """Run a coroutine, close the loop, and return the result. Unlike asyncio.run, it does not wait for threads or uncancellable tasks.

    A SystemExit or KeyboardInterrupt of another task or callback leaves the loop; the loop continues when
    `continues_after(error)` is true. Raises what `main` raises.
    """
    loop = new_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main)
    try:
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                if task.done() or not continues_after(error):
                    raise
    finally:
        left = asyncio.all_tasks(loop)
        for task_left in left:
            task_left.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_CLOSE_TIMEOUT_S))
        asyncio.set_event_loop(None)
        loop.close()
