"""The operations on messages: send, receive (with long polls), delete, change visibility, one by one and in batches."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from windlass_local.sqs.call import SqsCall, required
from windlass_local.sqs.consumption import delete, receive, system_attributes
from windlass_local.sqs.errors import SqsError, invalid_value, shape_of
from windlass_local.sqs.message import md5_of_attributes, size_bytes
from windlass_local.sqs.queue import IN_FLIGHT_LIMIT, MAX_VISIBILITY_S, Receipt, Received, Refusal
from windlass_local.sqs.receipts import decode, encode
from windlass_local.sqs.region_queues import RegionQueues
from windlass_local.sqs.resource import SqsQueue
from windlass_local.sqs.send_operation import MAX_BATCH_BYTES, attributes_of, send, whole_number

__all__ = [
    "change_message_visibility",
    "change_message_visibility_batch",
    "delete_message",
    "delete_message_batch",
    "receive_message",
    "send_message",
    "send_message_batch",
]

_MAX_ENTRIES = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
Answer = dict[str, Any]


def send_message(call: SqsCall) -> Answer:
    """Answer SendMessage."""
    region, queue = call.locate()
    with region.lock:
        return send(queue, call.parameters, sender_id=_sender_id(call), now_s=call.now_s)


def send_message_batch(call: SqsCall) -> Answer:
    """Answer SendMessageBatch: entries that cannot be sent are in Failed, the others are sent."""
    region, queue = call.locate()
    entries = _entries(call, "SendMessageBatchRequestEntry")
    total = sum(
        size_bytes(str(entry.get("MessageBody") or ""), _lenient(entry.get("MessageAttributes"))) for entry in entries
    )
    if total > MAX_BATCH_BYTES:
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes. You have sent {total} bytes.",
        )
    sender_id = _sender_id(call)
    with region.lock:
        return _each(entries, lambda entry: send(queue, entry, sender_id=sender_id, now_s=call.now_s))


def _lenient(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return an entry's attributes for measuring; an invalid one is reported with its entry, later."""
    try:
        return attributes_of(value or {})
    except SqsError:
        return {}


def _sender_id(call: SqsCall) -> str:
    return call.access_key if call.access_key.startswith("A") else f"AIDA{call.account_id}LOCAL"


async def receive_message(call: SqsCall) -> Answer:
    """Answer ReceiveMessage. A long poll holds no thread and ends when a message arrives."""
    region, queue = call.locate()
    limit = whole_number(call.parameters, "MaxNumberOfMessages", low=1, high=_MAX_ENTRIES) or 1
    wait_s = whole_number(call.parameters, "WaitTimeSeconds", low=0, high=20)
    visibility_s = whole_number(call.parameters, "VisibilityTimeout", low=0, high=MAX_VISIBILITY_S)
    deadline_s = call.now_s + (queue.seconds("ReceiveMessageWaitTimeSeconds") if wait_s is None else wait_s)
    now_s = call.now_s
    while True:
        with region.lock:
            if queue.is_deleted:
                raise SqsError("QueueDoesNotExist", "The specified queue does not exist.")
            received = _receive(region, queue, limit, visibility_s, now_s, call)
            if received or now_s >= deadline_s:
                return (
                    {"Messages": [_rendered(queue, delivery, call.parameters) for delivery in received]}
                    if received
                    else {}
                )
            ticket = queue.waiters.join()
            queue.changed(now_s)
        await queue.waiters.wait(ticket, deadline_s - now_s)
        now_s = time.time()


def _receive(
    region: RegionQueues, queue: SqsQueue, limit: int, visibility_s: int | None, now_s: float, call: SqsCall
) -> list[Received]:
    if visibility_s is None:
        visibility_s = queue.seconds("VisibilityTimeout")
    attempt_id = str(call.parameters.get("ReceiveRequestAttemptId") or "") if queue.fifo_queue else ""
    try:
        return receive(region, queue, limit, visibility_s, now_s, attempt_id=attempt_id)
    except Refusal:
        raise SqsError("OverLimit", f"Too many messages in flight: the limit is {IN_FLIGHT_LIMIT}.") from None


def _rendered(queue: SqsQueue, received: Received, parameters: Mapping[str, Any]) -> Answer:
    message = received.message
    rendered: Answer = {
        "MessageId": message.message_id,
        "ReceiptHandle": encode(queue.mark, received.receipt),
        "MD5OfBody": message.body_md5,
        "Body": message.body,
    }
    names = [*(parameters.get("AttributeNames") or ()), *(parameters.get("MessageSystemAttributeNames") or ())]
    if names:
        attributes = system_attributes(message)
        rendered["Attributes"] = (
            attributes if "All" in names else {key: value for key, value in attributes.items() if key in names}
        )
    requested = parameters.get("MessageAttributeNames")
    if requested and message.attributes:
        chosen = {name: value for name, value in message.attributes.items() if _is_wanted(name, requested)}
        if chosen:
            whole = len(chosen) == len(message.attributes)
            rendered["MD5OfMessageAttributes"] = message.attributes_md5 if whole else md5_of_attributes(chosen)
            rendered["MessageAttributes"] = {name: _on_the_wire(value) for name, value in chosen.items()}
    return rendered


def _is_wanted(name: str, requested: Iterable[str]) -> bool:
    return any(
        entry in ("All", name) or (entry.endswith(".*") and (entry == ".*" or name.startswith(entry[:-1])))
        for entry in requested
    )


def _on_the_wire(attribute: Mapping[str, Any]) -> dict[str, Any]:
    if "BinaryValue" not in attribute:
        return dict(attribute)
    return {**attribute, "BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}


def delete_message(call: SqsCall) -> Answer:
    """Answer DeleteMessage."""
    region, queue = call.locate()
    with region.lock:
        _delete(queue, required(call.parameters, "ReceiptHandle"), call.now_s)
    return {}


def delete_message_batch(call: SqsCall) -> Answer:
    """Answer DeleteMessageBatch."""
    region, queue = call.locate()
    entries = _entries(call, "DeleteMessageBatchRequestEntry")

    def delete_one(entry: Mapping[str, Any]) -> Answer:
        try:
            _delete(queue, required(entry, "ReceiptHandle"), call.now_s)
        except SqsError as error:  # a batch entry reports some errors with another code
            raise SqsError("ReceiptHandleIsInvalid", error.message.rpartition("Reason: ")[2]) from None
        return {}

    with region.lock:
        return _each(entries, delete_one)


def _delete(queue: SqsQueue, handle: str, now_s: float) -> None:
    receipt = _receipt(queue, handle)
    try:
        delete(queue, receipt, now_s)
    except Refusal:
        raise invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.") from None


def change_message_visibility(call: SqsCall) -> Answer:
    """Answer ChangeMessageVisibility."""
    region, queue = call.locate()
    with region.lock:
        _change_visibility(queue, call.parameters, call.now_s)
    return {}


def change_message_visibility_batch(call: SqsCall) -> Answer:
    """Answer ChangeMessageVisibilityBatch."""
    region, queue = call.locate()
    entries = _entries(call, "ChangeMessageVisibilityBatchRequestEntry")

    def change(entry: Mapping[str, Any]) -> Answer:
        _change_visibility(queue, entry, call.now_s)
        return {}

    with region.lock:
        return _each(entries, change)


def _change_visibility(queue: SqsQueue, entry: Mapping[str, Any], now_s: float) -> None:
    handle = required(entry, "ReceiptHandle")
    required(entry, "VisibilityTimeout")
    visibility_s = whole_number(entry, "VisibilityTimeout", low=0, high=MAX_VISIBILITY_S) or 0
    receipt = _receipt(queue, handle)
    try:
        queue.core.change_visibility(receipt, visibility_s, now_s)
    except Refusal as refusal:
        raise _visibility_error(refusal, handle, visibility_s) from None
    queue.changed(now_s, arrived=0 if visibility_s else 1)


def _visibility_error(refusal: Refusal, handle: str, visibility_s: int) -> SqsError:
    if refusal.reason == "not_in_flight":
        return SqsError("MessageNotInflight", "The specified message isn't in flight.")
    if refusal.reason == "too_long":
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_S} seconds]"
        return invalid_value(visibility_s, "VisibilityTimeout", reason)
    reason = "Message does not exist or is not available for visibility timeout change."
    return invalid_value(handle, "ReceiptHandle", reason)


def _receipt(queue: SqsQueue, handle: str) -> Receipt:
    receipt = decode(queue.mark, handle)
    if receipt is None:
        raise SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')
    return receipt


def _entries(call: SqsCall, shape: str) -> Sequence[Mapping[str, Any]]:
    """Return the batch's entries. SqsError for none, more than ten, and repeated or invalid ids."""
    entries: Sequence[Mapping[str, Any]] = call.parameters.get("Entries") or ()
    if not entries:
        raise SqsError("EmptyBatchRequest", f"There should be at least one {shape} in the request.")
    if len(entries) > _MAX_ENTRIES:
        raise SqsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {_MAX_ENTRIES}. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        entry_id = str(entry.get("Id") or "")
        if not _ENTRY_ID.fullmatch(entry_id):
            raise SqsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long.",
            )
        if entry_id in seen:
            raise SqsError("BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")
        seen.add(entry_id)
    return entries


def _each(entries: Sequence[Mapping[str, Any]], act: Callable[[Mapping[str, Any]], Answer]) -> Answer:
    """Return a batch's response: Successful and Failed, in the entries' order."""
    done: list[Answer] = []
    failed: list[Answer] = []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **act(entry)})
        except SqsError as error:
            code = shape_of(error.name).query_code
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": error.message})
    return {"Successful": done, "Failed": failed} if failed else {"Successful": done}
