"""The same handler as a Lambda function on an SQS event source, with partial batch responses.

    from windlass.queues.lambda_ import lambda_handler
    handler = lambda_handler(handle)            # set ReportBatchItemFailures on the event source mapping

A message that fails is named in `batchItemFailures` and comes again; of a FIFO group, all that follow it are named, too,
so that their order holds. A rejected message goes to `bury` where that is given, and comes again (until the queue's
redrive policy takes it) where it is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from windlass.observe.log import logger
from windlass.queues.handlers import Handler, is_async, outcome_of
from windlass.queues.model import Done, Outcome, Refuse, Retry
from windlass.queues.received import Received
from windlass.wire.sqs import Message

__all__ = ["lambda_handler"]

Bury = Callable[[Message, str], None]


def lambda_handler(
    handler: Handler, *, bury: Bury | None = None, concurrency: int = 10
) -> Callable[[Any, Any], dict[str, Any]]:
    """A Lambda entry point around a handler; coroutines of one batch run side by side, at most `concurrency` at once."""
    log = logger("queues")

    def handle(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001  Lambda's signature
        messages = [_message(record) for record in event.get("Records", ()) if isinstance(record, dict)]
        run = _run_all if is_async(handler) else _run_each
        failed = []
        for message, outcome in run(handler, messages, concurrency):
            settled = _settle(message, outcome, bury)
            if not isinstance(settled, Done):
                failed.append(message.message_id)
                log.warning("message.failed", message_id=message.message_id, reason=getattr(settled, "reason", ""))
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return handle


def _message(record: Mapping[str, Any]) -> Message:
    attributes = {
        name: {"DataType": one.get("dataType", "String")}
        | {
            key: one[small]
            for key, small in (("StringValue", "stringValue"), ("BinaryValue", "binaryValue"))
            if small in one
        }
        for name, one in (record.get("messageAttributes") or {}).items()
    }
    return Message(
        record["messageId"], record.get("receiptHandle", ""), record["body"], record.get("attributes") or {}, attributes
    )


def _run_each(handler: Handler, messages: Sequence[Message], _: int) -> list[tuple[Message, Outcome]]:
    stopped: set[str] = set()
    found: list[tuple[Message, Outcome]] = []
    for message in messages:
        found.append((message, _run_one(handler, message, stopped)))
    return found


def _run_one(handler: Handler, message: Message, stopped: set[str]) -> Outcome:
    if message.group and message.group in stopped:
        return Retry("one before it in its group failed")
    error: BaseException | None = None
    try:
        handler(Received(message, message.body))
    except Exception as raised:  # noqa: BLE001  whatever a handler raises is an outcome
        error = raised
    outcome = outcome_of(error)
    if message.group and not isinstance(outcome, Done):
        stopped.add(message.group)
    return outcome


def _run_all(handler: Handler, messages: Sequence[Message], concurrency: int) -> list[tuple[Message, Outcome]]:
    lanes: dict[str, list[Message]] = {}
    for message in messages:
        lanes.setdefault(message.group or message.message_id, []).append(message)

    async def lane(places: asyncio.Semaphore, queue: list[Message], outcomes: dict[str, Outcome]) -> None:
        async with places:
            for at, message in enumerate(queue):
                error: BaseException | None = None
                try:
                    await cast("Any", handler)(Received(message, message.body))
                except Exception as raised:  # noqa: BLE001
                    error = raised
                outcomes[message.message_id] = outcome_of(error)
                if error is not None:
                    outcomes |= {one.message_id: Retry("one before it in its group failed") for one in queue[at + 1 :]}
                    return

    async def everything() -> dict[str, Outcome]:
        places, outcomes = asyncio.Semaphore(concurrency), dict[str, Outcome]()
        await asyncio.gather(*(lane(places, queue, outcomes) for queue in lanes.values()))
        return outcomes

    outcomes = asyncio.run(everything())
    return [(message, outcomes[message.message_id]) for message in messages]


def _settle(message: Message, outcome: Outcome, bury: Bury | None) -> Outcome:
    if not isinstance(outcome, Refuse) or bury is None:
        return outcome
    try:
        bury(message, outcome.reason)
    except Exception as error:  # noqa: BLE001  it stays in the queue, and is seen there
        return Retry(f"it could not be sent to the dead-letter queue: {error}")
    return Done()
