"""Running handlers: coroutines as tasks of the loop, functions on threads of their own.

A function that does not return can't be stopped from outside: its message is fenced (`ReceivedMessage.lost`), its thread is
left alone, and because the threads are daemons, it holds up no exit.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from windlass.queues.handlers import Handler, await_handler, call_handler, is_async, outcome_of
from windlass.queues.model import Outcome, Retry
from windlass.queues.received_message import ReceivedMessage
from windlass.wire.sqs import Message

__all__ = ["Ended", "Runner", "make_runner"]

Ended = Callable[[int, Outcome], None]
"""Told on the loop's thread how the handler of a lease ended."""
Prepare = Callable[[Message], Awaitable[str]]


class Runner(Protocol):
    """What starts handlers and tells them to stop."""

    def start(self, lease: int, message: Message) -> None:
        """Run the handler on a message; `ended` is called when it has come to something."""
        ...

    def cancel(self, lease: int, reason: str) -> None:
        """Tell the handler that its message is no longer its own."""
        ...

    def close(self) -> None:
        """Start no more; what runs is left alone."""
        ...


def make_runner(
    handler: Handler, ended: Ended, *, threads: int, around: Callable[[Handler], Handler] | None = None
) -> Runner:
    """The runner for this kind of handler; `around` wraps it (wrap_envelopes, idempotency)."""
    wrapped = around(handler) if around is not None else handler
    return _Tasks(wrapped, ended) if is_async(wrapped) else _Threads(wrapped, ended, threads)


class _Tasks:
    """Coroutines on the loop."""

    def __init__(self, handler: Handler, ended: Ended) -> None:
        self._handler = handler
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}
        self._lost: set[int] = set()

    def start(self, lease: int, message: Message) -> None:
        """A task for one message."""
        received = ReceivedMessage(message, message.body, lambda: lease in self._lost)
        task = self._tasks[lease] = self._loop.create_task(await_handler(self._handler, received))
        # A callback, and not the coroutine's last line: a task that is cancelled before its first step runs none of it.
        task.add_done_callback(lambda task: self._conclude(lease, task))

    def _conclude(self, lease: int, task: asyncio.Task[Outcome]) -> None:
        self._tasks.pop(lease, None)
        self._lost.discard(lease)
        self._ended(lease, Retry("cancelled") if task.cancelled() else task.result())

    def cancel(self, lease: int, reason: str) -> None:
        """CancelledError inside the coroutine."""
        task = self._tasks.get(lease)
        if task is not None:
            self._lost.add(lease)
            task.cancel(reason)

    def close(self) -> None:
        """Cancel what is left."""
        for task in list(self._tasks.values()):
            task.cancel("the consumer stops")


class _Threads:
    """Functions on threads, as many as may run at once, started when they are needed."""

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
            except BaseException as error:  # noqa: BLE001  PyThreadState_SetAsyncExc can strike after the handler's end
                if item is not None:
                    self._conclude(item[0], outcome_of(error))

    def _conclude(self, lease: int, outcome: Outcome) -> None:
        """Hand an outcome to the loop. Idempotent: the first outcome of a lease counts."""
        self._over.append((lease, outcome))
        # Waking the loop costs more than the rest: one wake-up serves all that ended until it runs.
        if not self._called and not self._closed:
            self._called = True
            self._loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        self._called = False
        while self._over:
            lease, outcome = self._over.popleft()
            if self._lost.pop(lease, None) is not None:
                self._ended(lease, outcome)

    def cancel(self, lease: int, reason: str) -> None:  # noqa: ARG002  a function can only look
        """Set what `ReceivedMessage.lost` reads."""
        lost = self._lost.get(lease)
        if lost is not None:
            lost.set()

    def close(self) -> None:
        """Let the threads that are idle end."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)
