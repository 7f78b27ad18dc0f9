"""The watchdog of the consumer's event loop: a thread that keeps leases alive while an async handler blocks the loop.

A handler that calls `time.sleep`, a synchronous client or a long computation stops the loop, and with it every
visibility extension. The watchdog logs the frame that blocks, counts it, and extends the leases over its own connection
until the loop continues. It needs Python to switch threads, so an extension module that keeps the interpreter's lock
stops the watchdog, too.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType

from windlass.observe.log import logger
from windlass.queues.driver import Driver
from windlass.queues.handlers import describe
from windlass.queues.model import ChangeVisibility
from windlass.queues.transports import Transport
from windlass.wire.event_loops import new_loop
from windlass.wire.sqs import Failed

__all__ = ["Watchdog"]

_BLOCKED_S = 5.0
_STACK_LINES = 12


class Watchdog:
    """Watches one driver. `transport` makes a transport within a running loop, because the driver's own is stuck with
    its loop.
    """

    def __init__(self, driver: Driver, transport: Callable[[], Transport], *, name: str) -> None:
        visibility_s = driver.coordinator.limits.visibility_s
        self.blocked_after_s = min(_BLOCKED_S, visibility_s / 6)
        self._interval_s = min(1.0, visibility_s / 12)
        self._driver = driver
        self._make_transport = transport
        self._log = logger("queues").bind(queue=name)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._answered = True
        self._asked_at = 0.0
        self._reported = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: Transport | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and close its connections. Idempotent."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def check(self) -> None:
        """Check once whether the loop runs. While it does not, report it once and extend the leases that are due."""
        now = self._driver.now()
        if self._answered:
            if self._reported:
                self._log.warning("loop.nacked", blocked_s=round(now - self._asked_at, 1))
            self._answered = self._reported = False
            self._asked_at = now
            self._driver.loop.call_soon_threadsafe(self._answer)
            return
        blocked_s = now - self._asked_at
        if blocked_s < self.blocked_after_s:
            return
        if not self._reported:
            self._reported = True
            self._report(blocked_s)
        for change in self._driver.due_extensions():
            self._extend(change)

    def _answer(self) -> None:
        self._answered = True

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._interval_s):
                try:
                    self.check()
                except RuntimeError:  # the driver's loop was closed
                    return
        finally:
            self._release()

    def _report(self, blocked_s: float) -> None:
        self._driver.count_blocked()
        frame = sys._current_frames().get(self._driver.thread_id)  # noqa: SLF001  documented for this use
        self._log.error(
            "loop.blocked",
            blocked_s=round(blocked_s, 1),
            frame=_place(frame),
            stack="".join(traceback.format_stack(frame)[-_STACK_LINES:]) if frame is not None else "",
            hint="An async handler must not block: await, use asyncio.to_thread, or write the handler with `def`.",
        )

    def _extend(self, change: ChangeVisibility) -> None:
        entries = [(receipt, seconds) for _, receipt, seconds in change.entries]
        try:
            failed = self._own_loop().run_until_complete(self._change(entries))
        except Exception as error:  # noqa: BLE001  a call without a response, whatever the reason
            self._log.warning("visibility.failed", error=describe(error))
            self._driver.extension_failed(change.number)
        else:
            self._driver.extension_answered(change.number, failed)

    async def _change(self, entries: list[tuple[str, int]]) -> list[Failed]:
        if self._transport is None:
            self._transport = self._make_transport()
        return list(await self._transport.change_visibility(entries))

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = new_loop()
        return self._loop

    def _release(self) -> None:
        if self._loop is not None:
            if self._transport is not None:
                self._loop.run_until_complete(self._transport.close())
            self._loop.close()


def _place(frame: FrameType | None) -> str:
    """Return `file:line in function` of the innermost frame; empty when there is none."""
    if frame is None:
        return ""
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
