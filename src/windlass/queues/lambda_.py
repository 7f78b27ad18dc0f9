"""The same handler as a Lambda function on an SQS event source, with partial batch responses.

    from windlass.queues.lambda_ import lambda_handler
    handler = lambda_handler(handle)            # set ReportBatchItemFailures on the event source mapping

A message that fails is listed in `batchItemFailures` and delivered again, and so are all that follow it in its FIFO group,
so that their order holds. A rejected message is passed to `dead_letter`; without it, the message is delivered again until
the queue's redrive policy moves it. With `payloads`, the large payload of a handled message is deleted from S3.
RetryLater's seconds are set by `postpone`. Messages that cannot be handled in the remaining time are returned: the function ends
before Lambda ends it, so that no message is handled twice.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from windlass.observe.log import logger
from windlass.queues.event_loop import run_event_loop
from windlass.queues.handlers import Handler, await_handler, call_handler, describe, is_async, trace_of
from windlass.queues.model import Done, Outcome, Rejected, Retry
from windlass.queues.payloads import Pointer, deletable_payload
from windlass.queues.received_message import ReceivedMessage
from windlass.queues.throttled_log import ThrottledLog
from windlass.wire.sqs import Message

__all__ = ["PayloadDeletion", "Postpone", "SendDeadLetter", "lambda_handler"]

SendDeadLetter = Callable[[Message, str], None]
Postpone = Callable[[str, str, int], None]
"""`postpone(queue_arn, receipt_handle, seconds)` sets a message's visibility: ChangeMessageVisibility."""

_RESERVE_S = 3.0
_RESERVE_SHARE = 0.2  # share of a short function's time: a function with 3 s, Lambda's default, must still be able to handle messages
_PAYLOAD_RESERVE_S = 1.0
_NO_TIME = Retry("the function has no time left", 0)
_FOLLOWS = Retry("a message before it in its group failed", 0)


def lambda_handler(
    handler: Handler,
    *,
    dead_letter: SendDeadLetter | None = None,
    postpone: Postpone | None = None,
    payloads: PayloadDeletion | None = None,
    around: Callable[[Handler], Handler] | None = None,
    concurrency: int = 10,
) -> Callable[[Any, Any], dict[str, Any]]:
    """Return a Lambda entry point around a handler; coroutines of one batch run side by side, at most `concurrency` at once.

    `around` wraps the handler as a worker's settings do: `wrap_envelopes(layers, fetch)`, `once(ledger, key_of(arn))`.
    """
    wrapped = around(handler) if around is not None else handler

    def handle(event: Any, context: Any) -> dict[str, Any]:
        records = {record["messageId"]: record for record in event.get("Records", ()) if isinstance(record, dict)}
        deadline = _Deadline(context)
        run = _run_all if is_async(wrapped) else _run_each
        failed = []
        for message, outcome in run(wrapped, [_message(record) for record in records.values()], deadline, concurrency):
            settled = _settle(message, outcome, dead_letter)
            if payloads is not None and isinstance(outcome, Done):
                payloads.delete(records[message.message_id], message, deadline.context_left_s())
            if isinstance(settled, Done):
                continue
            failed.append(message.message_id)
            _log_outcome(message, settled)
            if postpone is not None and isinstance(settled, Retry) and settled.after_s is not None:
                _postpone(postpone, records[message.message_id], message, settled.after_s)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return handle


@dataclass(frozen=True, slots=True)
class PayloadDeletion:
    """The deletion of large payloads. The function deletes the message itself first, because Lambda confirms no
    deletion.

    `delete_message(queue_arn, receipt_handle)` and `delete_object(pointer)` block and raise when they fail. Neither
    failure fails the message: Lambda deletes it when the function returns, and the payload remains in S3.
    """

    bucket: str
    delete_message: Callable[[str, str], None]
    delete_object: Callable[[Pointer], None]
    throttled: ThrottledLog = field(default_factory=ThrottledLog)

    def delete(self, record: Mapping[str, Any], message: Message, left_s: float | None) -> None:
        """Delete a handled message and then its payload. Does nothing when no payload may be deleted. Raises nothing.

        With less than a second left (`left_s`) the payload remains.
        """
        pointer = deletable_payload(message, self.bucket)
        if pointer is None:
            return
        if left_s is not None and left_s < _PAYLOAD_RESERVE_S:
            return
        try:
            self.delete_message(record.get("eventSourceARN", ""), message.receipt)
            self.delete_object(pointer)
        except Exception as error:  # noqa: BLE001  the message is handled: only the object remains
            place = f"s3://{pointer.bucket}/{pointer.key}"
            self.throttled.warning("payload.delete_failed", error, payload=place, message_id=message.message_id)


class _Deadline:
    """The time until which handlers of one invocation may run: its remaining time minus a reserve for the steps after
    them.
    """

    def __init__(self, context: Any) -> None:
        remaining: Callable[[], float] | None = getattr(context, "get_remaining_time_in_millis", None)
        self._remaining = remaining
        self.known = remaining is not None
        whole_s = remaining() / 1000 if remaining is not None else 0.0
        self._at = time.monotonic() + whole_s - min(_RESERVE_S, whole_s * _RESERVE_SHARE)

    def left_s(self) -> float | None:
        """Seconds left for handlers, at least 0; None when the time is not known (outside Lambda)."""
        return max(0.0, self._at - time.monotonic()) if self.known else None

    def context_left_s(self) -> float | None:
        """Return the seconds until Lambda ends the function, None when they are not known."""
        return None if self._remaining is None else self._remaining() / 1000

    @property
    def over(self) -> bool:
        """True when no further handler may start."""
        return self.left_s() == 0.0


def _message(record: Mapping[str, Any]) -> Message:
    attributes = {name: _attribute(attribute) for name, attribute in (record.get("messageAttributes") or {}).items()}
    return Message(
        record["messageId"], record.get("receiptHandle", ""), record["body"], record.get("attributes") or {}, attributes
    )


def _attribute(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute in SQS's form; Lambda's event has binary values in base64."""
    attribute: dict[str, Any] = {"DataType": document.get("dataType", "String")}
    if document.get("stringValue") is not None:
        attribute["StringValue"] = document["stringValue"]
    if document.get("binaryValue") is not None:
        attribute["BinaryValue"] = base64.b64decode(document["binaryValue"])
    return attribute


def _run_each(
    handler: Handler, messages: Sequence[Message], deadline: _Deadline, _: int
) -> list[tuple[Message, Outcome]]:
    stopped: set[str] = set()
    outcomes: list[tuple[Message, Outcome]] = []
    for message in messages:
        if deadline.over:
            outcome: Outcome = _NO_TIME
        elif message.group and message.group in stopped:
            outcome = _FOLLOWS
        else:
            outcome = _call(handler, message, deadline)
        if message.group and not isinstance(outcome, Done):
            stopped.add(message.group)
        outcomes.append((message, outcome))
    return outcomes


def _call(handler: Handler, message: Message, deadline: _Deadline) -> Outcome:
    """Call a function. When the time is over, abandon it (`ReceivedMessage.lost` becomes true), as a worker does."""
    left_s = deadline.left_s()
    if left_s is None:
        return call_handler(handler, ReceivedMessage(message, message.body))
    lost, outcomes = threading.Event(), list[Outcome]()
    received = ReceivedMessage(message, message.body, lost)
    run = contextvars.copy_context().run
    thread = threading.Thread(target=lambda: outcomes.append(run(call_handler, handler, received)), daemon=True)
    thread.start()
    thread.join(left_s)
    if outcomes:
        return outcomes[0]
    lost.set()
    return _NO_TIME


def _run_all(
    handler: Handler, messages: Sequence[Message], deadline: _Deadline, concurrency: int
) -> list[tuple[Message, Outcome]]:
    queues: dict[str, list[Message]] = {}
    for message in messages:
        queues.setdefault(message.group or message.message_id, []).append(message)
    outcomes: dict[str, Outcome] = {}

    async def serve(places: asyncio.Semaphore, queue: list[Message]) -> None:
        async with places:
            for at, message in enumerate(queue):
                outcome = await await_handler(handler, ReceivedMessage(message, message.body))
                outcomes[message.message_id] = outcome
                if not isinstance(outcome, Done):
                    outcomes.update({follower.message_id: _FOLLOWS for follower in queue[at + 1 :]})
                    return

    async def everything() -> None:
        places = asyncio.Semaphore(concurrency)
        tasks = [asyncio.create_task(serve(places, queue)) for queue in queues.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=deadline.left_s())
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=0.5)

    run_event_loop(everything(), continues_after=lambda _: True)  # Lambda sends no signals: a handler raised it
    return [(message, _in_time(outcomes.get(message.message_id))) for message in messages]


def _in_time(outcome: Outcome | None) -> Outcome:
    """Return the outcome of a message. A handler that never started or was cancelled ran out of time."""
    cancelled = isinstance(outcome, Retry) and outcome.reason == "cancelled"
    return _NO_TIME if outcome is None or cancelled else outcome


def _settle(message: Message, outcome: Outcome, dead_letter: SendDeadLetter | None) -> Outcome:
    if not isinstance(outcome, Rejected) or dead_letter is None:
        return outcome
    try:
        dead_letter(message, outcome.reason)
    except Exception as error:  # noqa: BLE001  the message stays in the queue
        return Retry(f"the dead-letter queue did not accept the message: {describe(error)}")
    return Done()


def _log_outcome(message: Message, outcome: Outcome) -> None:
    error = outcome.error if isinstance(outcome, Retry) else None
    reason = getattr(outcome, "reason", "")
    logger("queues").warning("message.failed", message_id=message.message_id, reason=reason, **trace_of(error))


def _postpone(postpone: Postpone, record: Mapping[str, Any], message: Message, seconds: int) -> None:
    """Set when a failed message is delivered again. If that fails, it is delivered after the queue's visibility timeout."""
    try:
        postpone(record.get("eventSourceARN", ""), message.receipt, seconds)
    except Exception as error:  # noqa: BLE001  the message is delivered again in any case
        logger("queues").warning("visibility.failed", message_id=message.message_id, error=describe(error))
