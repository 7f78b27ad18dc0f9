"""Long polls: coroutines that wait for a message, woken by the thread that sends one."""

from __future__ import annotations

import asyncio
import contextlib
import math

__all__ = ["LongPolls"]

_SLACK_S = 0.001  # an alarm that fires a moment early would only cause another check
Ticket = asyncio.Future[None]


class LongPolls:
    """The long polls of one queue, first come first served, and one alarm for the end of a delay or a visibility timeout.

    No thread is held while one waits. `join`, `wake` and `watch` are called under the region's lock, so that no message
    arrives between the check of the queue and the joining.
    """

    def __init__(self) -> None:
        self._waiting: dict[Ticket, asyncio.AbstractEventLoop] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_s = math.inf

    def join(self) -> Ticket:
        """Return a ticket for the running event loop; pass it to `wait`."""
        loop = asyncio.get_running_loop()
        ticket = loop.create_future()
        self._waiting[ticket] = loop
        return ticket

    async def wait(self, ticket: Ticket, timeout_s: float) -> None:
        """Wait until woken, or for `timeout_s`."""
        timer = asyncio.get_running_loop().call_later(timeout_s, _release, ticket)
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket not in self._waiting:  # it was woken for a message that it will not take: wake the next
                self.wake(1)
            raise
        finally:
            timer.cancel()
            self._waiting.pop(ticket, None)

    def wake(self, count: int) -> None:
        """Wake the first `count` polls, from any thread."""
        while count > 0 and self._waiting:
            try:
                ticket = next(iter(self._waiting))
                loop = self._waiting.pop(ticket)
            except (StopIteration, KeyError, RuntimeError):
                continue  # a poll on the loop's thread timed out while this thread checked
            with contextlib.suppress(RuntimeError):  # the loop of a server that has been stopped
                loop.call_soon_threadsafe(_release, ticket)
            count -= 1

    def wake_all(self) -> None:
        """Wake every poll: the queue is deleted."""
        self.wake(len(self._waiting))

    def watch(self, change_s: float | None, now_s: float) -> None:
        """Wake a poll at `change_s`, when a delay or a visibility timeout ends; from any thread.

        The poll that is woken checks the queue and schedules the next change.
        """
        if change_s is None or change_s >= self._alarm_s:
            return
        with contextlib.suppress(StopIteration, RuntimeError):  # no poll waits, or only on a server that has stopped
            loop = next(iter(self._waiting.values()))
            loop.call_soon_threadsafe(self._set_alarm, loop, max(0.0, change_s - now_s) + _SLACK_S)
            self._alarm_s = change_s

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = loop.call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_s = None, math.inf
        self.wake(1)


def _release(ticket: Ticket) -> None:
    if not ticket.done():
        ticket.set_result(None)
