"""SQS's calls that run all day, in the AWS JSON 1.0 protocol: pure requests and readers.

Source: SQS API reference. A batch has at most ten entries; its response has a `Failed` list that must be checked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

import orjson

from windlass.core.aws_errors import THROTTLE_CODES
from windlass.core.errors import UsageError
from windlass.wire.errors import BadResponse, sensible
from windlass.wire.model import IDEMPOTENT, POLL, SEND, Call, Request, Response, RetryPolicy

__all__ = [
    "BATCH",
    "Entry",
    "Failed",
    "Message",
    "change_visibility",
    "delete",
    "get_attributes",
    "get_url",
    "read_failure",
    "receive",
    "send",
]

BATCH = 10
"""Entries per batch call, and messages per receive."""

_TYPE = ("content-type", "application/x-amz-json-1.0")
_POLL_MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """A message as received. `attributes` are the system's (ApproximateReceiveCount …), `message_attributes` the sender's.

    Those are in SQS's own form, `{"name": {"DataType": …, "StringValue": … or "BinaryValue": …}}`; a BinaryValue is bytes.
    """

    message_id: str
    receipt: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def receive_count(self) -> int:
        """How often it was received, this time included; 1 when the queue did not say."""
        return int(self.attributes.get("ApproximateReceiveCount", "1"))

    @property
    def group(self) -> str:
        """The FIFO group; empty on a standard queue."""
        return self.attributes.get("MessageGroupId", "")

    @property
    def sent_ms(self) -> int:
        """When it was sent, in epoch milliseconds; 0 when the queue did not say."""
        return int(self.attributes.get("SentTimestamp", "0"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A message to send."""

    body: str
    delay_s: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    deduplication_id: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An entry of a batch that failed: its index in the batch, and why."""

    index: int
    code: str
    message: str
    is_sender_fault: bool
    """True when the request is at fault: the same entry will fail again."""


def receive(
    queue_url: str,
    *,
    wait_s: int = 20,
    count: int = BATCH,
    visibility_s: int | None = None,
    attributes: bool = True,
    attempt_id: str = "",
) -> Call[list[Message]]:
    """ReceiveMessage: up to `count` messages within `wait_s`. It is not retried after a lost response.

    `attempt_id` is for FIFO queues: with the same id, SQS returns the same messages within 5 minutes.
    """
    body: dict[str, Any] = {"QueueUrl": queue_url, "MaxNumberOfMessages": count, "WaitTimeSeconds": wait_s}
    if visibility_s is not None:
        body["VisibilityTimeout"] = visibility_s
    if attempt_id:
        body["ReceiveRequestAttemptId"] = attempt_id
    if attributes:
        body["MessageSystemAttributeNames"] = ["All"]
        body["MessageAttributeNames"] = ["All"]
    return _call("ReceiveMessage", body, _read_messages, POLL, read_timeout_s=wait_s + _POLL_MARGIN_S)


def delete(queue_url: str, receipts: Sequence[str]) -> Call[list[Failed]]:
    """DeleteMessageBatch: the entries that were *not* deleted."""
    entries = [{"Id": str(index), "ReceiptHandle": receipt} for index, receipt in enumerate(receipts)]
    return _call("DeleteMessageBatch", {"QueueUrl": queue_url, "Entries": entries}, _read_failed)


def change_visibility(queue_url: str, changes: Sequence[tuple[str, int]]) -> Call[list[Failed]]:
    """ChangeMessageVisibilityBatch of (receipt, seconds from now): the entries that were *not* changed."""
    entries = [
        {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
        for index, (receipt, seconds) in enumerate(changes)
    ]
    return _call("ChangeMessageVisibilityBatch", {"QueueUrl": queue_url, "Entries": entries}, _read_failed)


def send(queue_url: str, entries: Sequence[Entry]) -> Call[list[Failed]]:
    """SendMessageBatch: the entries that were *not* sent."""
    rows = []
    for index, entry in enumerate(entries):
        row: dict[str, Any] = {"Id": str(index), "MessageBody": entry.body}
        if entry.delay_s:
            row["DelaySeconds"] = entry.delay_s
        if entry.attributes:
            row["MessageAttributes"] = {name: _encoded(value) for name, value in entry.attributes.items()}
        if entry.group:
            row["MessageGroupId"] = entry.group
        if entry.deduplication_id:
            row["MessageDeduplicationId"] = entry.deduplication_id
        rows.append(row)
    return _call("SendMessageBatch", {"QueueUrl": queue_url, "Entries": rows}, _read_failed, SEND)


def get_attributes(queue_url: str, names: Sequence[str] = ("All",)) -> Call[dict[str, str]]:
    """GetQueueAttributes."""
    body = {"QueueUrl": queue_url, "AttributeNames": list(names)}
    return _call("GetQueueAttributes", body, _read_attributes)


def get_url(name: str) -> Call[str]:
    """GetQueueUrl by name, in the caller's account."""
    return _call("GetQueueUrl", {"QueueName": name}, _read_url)


def _call(
    name: str, body: dict[str, Any], read: Any, retry_policy: RetryPolicy = IDEMPOTENT, *, read_timeout_s: float = 0.0
) -> Call[Any]:
    headers = (_TYPE, ("x-amz-target", f"AmazonSQS.{name}"))
    try:
        document = orjson.dumps(body)
    except TypeError as error:  # half of a surrogate pair, for example
        raise UsageError(f"sqs {name}: the message can't be written as JSON ({error})") from None
    return Call(name, Request("POST", headers=headers, body=document), read, retry_policy, read_timeout_s)


def _json(response: Response) -> dict[str, Any]:
    try:
        document = orjson.loads(response.body)  # without messages it is `{}`: an empty body is not a response
    except orjson.JSONDecodeError as error:
        raise BadResponse(f"the response is not JSON ({error})", hint="Is a proxy answering in SQS's place?") from None
    if not isinstance(document, dict):
        raise BadResponse("the response is not an object", hint="Is a proxy answering in SQS's place?")
    return document


@sensible
def _read_messages(response: Response) -> list[Message]:
    messages = []
    for entry in _json(response).get("Messages") or ():
        body = str(entry["Body"])
        body_md5 = entry.get("MD5OfBody")
        if body_md5 and md5(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest() != body_md5:
            raise BadResponse(
                f"message {entry['MessageId']} arrived damaged (its MD5 differs)", hint="SQS delivers it again."
            )
        messages.append(
            Message(
                str(entry["MessageId"]),
                str(entry["ReceiptHandle"]),
                body,
                dict(entry.get("Attributes") or {}),
                {name: _decoded(value) for name, value in (entry.get("MessageAttributes") or {}).items()},
            )
        )
    return messages


def _encoded(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute as JSON has it: binary values in base64."""
    value = attribute.get("BinaryValue")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {**attribute, "BinaryValue": base64.b64encode(value).decode()}
    return dict(attribute)


def _decoded(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute as boto3 does: binary values as bytes. BadResponse when they are not base64."""
    value = attribute.get("BinaryValue")
    if not isinstance(value, str):
        return dict(attribute)
    try:
        return {**attribute, "BinaryValue": base64.b64decode(value, validate=True)}
    except binascii.Error as error:
        raise BadResponse(
            f"a message attribute is not base64 ({error})", hint="Is a proxy answering in SQS's place?"
        ) from None


@sensible
def _read_failed(response: Response) -> list[Failed]:
    return [read_failure(entry) for entry in _json(response).get("Failed") or ()]


def read_failure(entry: Mapping[str, Any]) -> Failed:
    """Read an entry of a `Failed` list. Throttling is not the request's fault, though SQS marks it as the sender's."""
    code = str(entry.get("Code", ""))
    is_sender_fault = bool(entry.get("SenderFault", False)) and code not in THROTTLE_CODES
    return Failed(int(entry["Id"]), code, str(entry.get("Message", "")), is_sender_fault)


@sensible
def _read_attributes(response: Response) -> dict[str, str]:
    return dict(_json(response).get("Attributes") or {})


@sensible
def _read_url(response: Response) -> str:
    return str(_json(response)["QueueUrl"])
