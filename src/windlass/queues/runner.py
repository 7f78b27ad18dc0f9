"""Runners of handlers: coroutines as tasks of the loop, functions on daemon threads.

A function that does not return cannot be stopped: `ReceivedMessage.lost` becomes true, its outcome is ignored, and its
thread is abandoned. Daemon threads do not delay the exit.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from windlass.queues.handlers import Handler, await_handler, call_handler, is_async, outcome_of
from windlass.queues.model import Outcome, Retry
from windlass.queues.received_message import ReceivedMessage
from windlass.wire.sqs import Message

__all__ = ["Ended", "Runner", "make_runner"]

Ended = Callable[[Sequence[tuple[int, Outcome]]], None]
"""Called on the loop's thread with the (lease, outcome) of every handler that ended since the last call."""
Prepare = Callable[[Message], Awaitable[str]]


class Runner(Protocol):
    """Starts and cancels handlers."""

    def start(self, lease: int, message: Message) -> None:
        """Run the handler on a message; `ended` is called with its outcome, and those of others that end with it."""
        ...

    def cancel(self, lease: int, reason: str) -> None:
        """Cancel the handler of a lease. Does nothing when it has ended."""
        ...

    def close(self) -> None:
        """Start no more handlers."""
        ...


def make_runner(
    handler: Handler, ended: Ended, *, threads: int, around: Callable[[Handler], Handler] | None = None
) -> Runner:
    """Return the runner for this kind of handler; `around` wraps it (envelopes, idempotency)."""
    wrapped = around(handler) if around is not None else handler
    return _Tasks(wrapped, ended) if is_async(wrapped) else _Threads(wrapped, ended, threads)


class _Tasks:
    """Runs coroutines on the loop."""

    def __init__(self, handler: Handler, ended: Ended) -> None:
        self._handler = handler
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        self._lost: set[int] = set()
        self._outcomes: list[tuple[int, Outcome]] = []

    def start(self, lease: int, message: Message) -> None:
        """Start a task for one message."""
        received = ReceivedMessage(message, message.body, lambda: lease in self._lost)
        task = self._tasks[lease] = self._loop.create_task(await_handler(self._handler, received))
        # A callback, because a task that is cancelled before its first step runs no line of the coroutine.
        task.add_done_callback(lambda task: self._conclude(lease, task))

    def _conclude(self, lease: int, task: asyncio.Task[Outcome]) -> None:
        self._tasks.pop(lease, None)
        self._lost.discard(lease)
        self._outcomes.append((lease, Retry("cancelled") if task.cancelled() else task.result()))
        # Ten messages of a receive often end together: reporting them at once costs a third per message.
        if len(self._outcomes) == 1:
            self._loop.call_soon(self._report)

    def _report(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._ended(outcomes)

    def cancel(self, lease: int, reason: str) -> None:
        """Raise CancelledError inside the coroutine."""
        task = self._tasks.get(lease)
        if task is not None:
            self._lost.add(lease)
            task.cancel(reason)

    def close(self) -> None:
        """Cancel the tasks that still run."""
        for task in list(self._tasks.values()):
            task.cancel("the consumer stops")


class _Threads:
    """Runs functions on at most `threads` threads, which are started on demand."""

    def __init__(self, handler: Handler, ended: Ended, threads: int) -> None:
        self._handler = handler
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._most = threads
        self._work: queue.SimpleQueue[tuple[int, Message, threading.Event] | None] = queue.SimpleQueue()
        self._lost: dict[int, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._over: deque[tuple[int, Outcome]] = deque()
        self._called = False
        self._closed = False

    def start(self, lease: int, message: Message) -> None:
        """Hand one message to a thread."""
        lost = self._lost[lease] = threading.Event()
        if len(self._lost) > len(self._threads) < self._most:
            thread = threading.Thread(target=self._serve, name=f"handler-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put((lease, message, lost))

    def _serve(self) -> None:
        item: tuple[int, Message, threading.Event] | None = None
        while True:
            try:
                item = self._work.get()
                if item is None:
                    return
                lease, message, lost = item
                self._conclude(lease, call_handler(self._handler, ReceivedMessage(message, message.body, lost)))
            except BaseException as error:  # noqa: BLE001  PyThreadState_SetAsyncExc can raise after the handler has ended
                if item is not None:
                    self._conclude(item[0], outcome_of(error))

    def _conclude(self, lease: int, outcome: Outcome) -> None:
        """Hand an outcome to the loop. Idempotent: the first outcome of a lease counts."""
        self._over.append((lease, outcome))
        # Waking the loop is the largest cost, so one wake-up serves all handlers that end until the loop runs.
        if not self._called and not self._closed:
            self._called = True
            self._loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        self._called = False
        outcomes = []
        while self._over:
            lease, outcome = self._over.popleft()
            if self._lost.pop(lease, None) is not None:
                outcomes.append((lease, outcome))
        if outcomes:
            self._ended(outcomes)

    def cancel(self, lease: int, reason: str) -> None:  # noqa: ARG002  a function learns of it only by `lost`
        """Make `ReceivedMessage.lost` true."""
        lost = self._lost.get(lease)
        if lost is not None:
            lost.set()

    def close(self) -> None:
        """End the idle threads."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)
