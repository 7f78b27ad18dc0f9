"""Blocking calls on daemon threads: a call that hangs holds up neither the loop nor the exit."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["on_daemon_thread"]

T = TypeVar("T")


async def on_daemon_thread(work: Callable[[], T], unwanted: Callable[[T], None] | None = None) -> T:
    """Run blocking work on a new daemon thread and return its result. Raises what the work raises.

    When the caller is cancelled, the thread continues and passes its result to `unwanted`. It never delays the exit.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def resolve(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
            if future.cancelled() and unwanted is not None:
                unwanted(result)
        except BaseException as raised:  # noqa: BLE001  raised where it is awaited
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(resolve, result, error)

    threading.Thread(target=run, name="blocking-call", daemon=True).start()
    return await future
