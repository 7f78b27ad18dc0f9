"""A loop of our own: uvloop's where it is, and an end that waits for nothing that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from windlass.wire.loops import new_loop

__all__ = ["run_to_end"]

T = TypeVar("T")
_PATIENCE_S = 0.5


def run_to_end(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and close the loop. Unlike asyncio.run, it waits neither for threads nor for tasks that won't be cancelled."""
    loop = new_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_PATIENCE_S))
        asyncio.set_event_loop(None)
        loop.close()
