"""Runs the coordinator on an event loop: effects become calls, handlers and timers; their results become inputs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from windlass.core.errors import AccessDenied, NotFound, WindlassError
from windlass.observe.log import logger
from windlass.queues.coordinator import Coordinator
from windlass.queues.daemon_thread import on_daemon_thread
from windlass.queues.handlers import trace_of
from windlass.queues.lease_clock import LeaseClock
from windlass.queues.metrics import Histogram
from windlass.queues.model import (
    AbortPolls,
    Cancel,
    ChangeVisibility,
    DeadLetter,
    Delete,
    DeletePayload,
    Done,
    Effect,
    Outcome,
    Poll,
    Rejected,
    Retry,
    Start,
    Stopped,
)
from windlass.queues.payloads import Pointer
from windlass.queues.runner import Runner
from windlass.queues.throttled_log import ThrottledLog
from windlass.queues.transports import Transport
from windlass.wire.sqs import Failed, Message

__all__ = ["Driver", "Watcher"]

Watcher = Callable[[Message, Outcome], None]
"""Called with every message that was not handled successfully, and its outcome."""

_ERROR_LOG_INTERVAL_S = 30.0
_PAYLOAD_THREADS = 8


class Driver:
    """One running consumer."""

    def __init__(
        self,
        coordinator: Coordinator,
        transport: Transport,
        *,
        name: str,
        watch: Watcher | None = None,
        stopping: Callable[[], None] = lambda: None,
        delete_payload: Callable[[Pointer], None] | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.coordinator = coordinator
        self.now = now or LeaseClock().now
        """The clock of leases, in seconds."""
        self.handling, self.age = Histogram(), Histogram()
        self.reached_at = 0.0
        self.complaint = ""
        self._transport = transport
        self.loop = asyncio.get_running_loop()
        self.thread_id = threading.get_ident()
        self._lock = threading.Lock()  # the coordinator's inputs come from the loop and from the watchdog's thread
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._polls: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._started: dict[int, tuple[float, Message]] = {}
        self._watch = watch
        self._stopping = stopping
        self._log = logger("queues").bind(queue=name)
        self._delete_object = delete_payload
        self._payload_slots = asyncio.Semaphore(_PAYLOAD_THREADS)
        self._payload_log = ThrottledLog(queue=name)
        self._error_logged_at = self._ticked_at = -_ERROR_LOG_INTERVAL_S
        self.runner: Runner | None = None

    async def run(self, runner: Runner) -> None:
        """Run until `stop` was called and no message is held."""
        self.runner = runner
        self._ticked_at = self.now()
        self._step()
        await self._stopped.wait()
        if self._timer is not None:
            self._timer.cancel()
        runner.close()
        for task in self._tasks:
            task.cancel()
        await self._transport.close()

    def stop(self) -> None:
        """Start a graceful shutdown. Idempotent: later calls do not shorten `drain_s`."""
        if not self.coordinator.stopping:
            self._stopping()
        self._feed(self.coordinator.stop)

    def ended(self, outcomes: Sequence[tuple[int, Outcome]]) -> None:
        """Record the outcomes of handlers, (lease, outcome) of each, and perform the effects that the coordinator asks for."""
        starts = [self._started.pop(lease, None) for lease, _ in outcomes]
        now = self._feed(self.coordinator.all_handled, outcomes)
        for start, (_, outcome) in zip(starts, outcomes, strict=True):
            if start is not None:
                started_at, message = start
                self.handling.add(max(0.0, now - started_at))
                if not isinstance(outcome, Done):
                    self._log_outcome(message, outcome)

    # Effects

    def _step(self) -> None:
        self._timer = None
        now = self.now()
        if self.coordinator.in_flight and now - self._ticked_at > self.coordinator.limits.visibility_s / 2:
            self._log.warning("consumer.suspended", duration_s=round(now - self._ticked_at, 1))
        self._ticked_at = now
        self._feed(self.coordinator.tick)

    def _feed(self, record: Callable[..., None], *arguments: Any, **options: Any) -> float:
        """Pass one input to the coordinator, perform the effects that it asks for, and return the input's time."""
        with self._lock:
            now = self.now()
            record(*arguments, now, **options)
            effects = self.coordinator.take_effects()
        for effect in effects:
            self._perform(effect, now)
        self._set_timer(now)
        return now

    def _set_timer(self, now: float) -> None:
        wake = self.coordinator.next_wake()
        if wake is None or self.coordinator.stopped:
            return
        if self._timer is not None:
            if self._timer_at <= wake:
                return
            self._timer.cancel()
        # uvloop returns a handle without `when` for a time in the past: the time is kept here.
        self._timer, self._timer_at = self.loop.call_later(max(0.0, wake - now), self._step), wake

    # Called on the watchdog's thread while the loop is blocked

    def due_extensions(self) -> list[ChangeVisibility]:
        """Return the extensions that are due now; each is answered with `extension_answered` or `extension_failed`."""
        with self._lock:
            return self.coordinator.due_extensions(self.now())

    def extension_answered(self, call: int, failed: Sequence[Failed]) -> None:
        """Record that an extension was answered."""
        with self._lock:
            self.coordinator.changed(call, failed, self.now())

    def extension_failed(self, call: int) -> None:
        """Record that an extension had no response."""
        with self._lock:
            self.coordinator.call_failed(call, self.now())

    def count_blocked(self) -> None:
        """Count that a handler blocked the loop."""
        with self._lock:
            self.coordinator.counts.blocked += 1

    def _perform(self, effect: Effect, now: float) -> None:
        match effect:
            case Start(lease, message):
                self._start(lease, message, now)
            case Poll():
                self._polls[effect.number] = self._spawn(self._poll(effect))
            case AbortPolls(numbers):
                self._abort(numbers)
            case Delete():
                self._spawn(self._delete(effect))
            case ChangeVisibility():
                self._spawn(self._change(effect))
            case DeadLetter():
                self._spawn(self._dead_letter(effect))
            case DeletePayload():
                self._spawn(self._delete_payload(effect))
            case Cancel(lease, reason):
                self._cancel(lease, reason)
            case Stopped():
                self._stopped.set()

    def _start(self, lease: int, message: Message, now: float) -> None:
        self._started[lease] = (now, message)
        if message.sent_ms:
            self.age.add(max(0.0, time.time() - message.sent_ms / 1000))
        assert self.runner is not None
        self.runner.start(lease, message)

    def _cancel(self, lease: int, reason: str) -> None:
        assert self.runner is not None
        started = self._started.get(lease)
        message_id = started[1].message_id if started else ""
        self._log.warning("handler.cancelled", reason=reason, message_id=message_id)
        self.runner.cancel(lease, reason)

    def _abort(self, polls: Sequence[int]) -> None:
        for number in polls:
            if number in self._polls:
                self._polls[number].cancel()

    def _spawn(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self.loop.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _poll(self, effect: Poll) -> None:
        try:
            messages = await self._transport.receive(effect.count, effect.wait_s, effect.attempt_id)
        except asyncio.CancelledError:  # aborted at the stop
            self._feed(self.coordinator.poll_failed, effect.number)
        except Exception as error:  # noqa: BLE001  a defect counts as a failed call: the loop continues
            self._log_error("poll.failed", error)
            self._feed(self.coordinator.poll_failed, effect.number)
        else:
            self.reached_at, self.complaint = time.monotonic(), ""
            self._feed(self.coordinator.received, effect.number, messages)
        finally:
            self._polls.pop(effect.number, None)

    async def _delete(self, effect: Delete) -> None:
        try:
            failed = await self._transport.delete([receipt for _, receipt in effect.entries])
        except Exception as error:  # noqa: BLE001  a defect counts as a failed call: the loop continues
            self._log_error("delete.failed", error)
            self._feed(self.coordinator.call_failed, effect.number)
        else:
            if failed:
                self._log.warning("delete.refused", count=len(failed), code=failed[0].code, error=failed[0].message)
            self._feed(self.coordinator.deleted, effect.number, failed)

    async def _change(self, effect: ChangeVisibility) -> None:
        try:
            failed = await self._transport.change_visibility(
                [(receipt, seconds) for _, receipt, seconds in effect.entries]
            )
        except Exception as error:  # noqa: BLE001  a defect counts as a failed call: the loop continues
            self._log_error("visibility.failed", error)
            self._feed(self.coordinator.call_failed, effect.number)
        else:
            self._feed(self.coordinator.changed, effect.number, failed)

    async def _dead_letter(self, effect: DeadLetter) -> None:
        ok = True
        try:
            await self._transport.dead_letter(effect.message, effect.reason)
        except Exception as error:  # noqa: BLE001  a defect counts as a failed call: the loop continues
            self._log_error("reject.failed", error)
            ok = False
        self._feed(self.coordinator.dead_lettered, effect.lease, ok=ok)

    async def _delete_payload(self, effect: DeletePayload) -> None:
        ok, pointer, delete = True, Pointer(effect.bucket, effect.key), self._delete_object
        assert delete is not None, "Limits.payload_bucket needs delete_payload"
        try:
            async with self._payload_slots:
                await on_daemon_thread(lambda: delete(pointer))
        except Exception as error:  # noqa: BLE001  the message is deleted already: only the object remains
            place = f"s3://{effect.bucket}/{effect.key}"
            ok = False
            self._payload_log.warning("payload.delete_failed", error, payload=place, message_id=effect.message_id)
        self._feed(self.coordinator.payload_deleted, effect.number, ok=ok)

    # Logging

    def _log_outcome(self, message: Message, outcome: Outcome) -> None:
        if isinstance(outcome, Rejected):
            self._log.warning("message.rejected", message_id=message.message_id, reason=outcome.reason)
        elif isinstance(outcome, Retry):
            self._log.warning(
                "message.failed",
                message_id=message.message_id,
                receive_count=message.receive_count,
                reason=outcome.reason,
                **trace_of(outcome.error),
            )
        if self._watch is not None:
            self._watch(message, outcome)

    def _log_error(self, event: str, error: Exception) -> None:
        """Log a failed call, at most once per 30 s, so that an hour without network does not fill the log."""
        known = isinstance(error, WindlassError)
        self.complaint = str(error) if known else f"{type(error).__name__}: {error}"
        now = time.monotonic()
        if now - self._error_logged_at >= _ERROR_LOG_INTERVAL_S:
            self._error_logged_at = now
            serious = not known or isinstance(error, (AccessDenied, NotFound))
            say = self._log.error if serious else self._log.warning
            say(event, error=self.complaint, hint=error.hint if isinstance(error, WindlassError) else "")
