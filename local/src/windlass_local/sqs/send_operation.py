"""From SendMessage's parameters to a message in the queue, with every check.

Source: API reference, SendMessage and SendMessageBatch; limits of 1 MiB since August 2025.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping
from typing import Any

from windlass_local.sqs.errors import SqsError, invalid_value, missing
from windlass_local.sqs.message import Message, md5_of_attributes, md5_of_body, size_bytes
from windlass_local.sqs.resource import SqsQueue

__all__ = ["MAX_BATCH_BYTES", "attributes_of", "send", "whole_number"]

MAX_BATCH_BYTES = 1_048_576
_MAX_ATTRIBUTES = 10
_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_WRONG_KIND = "The request include parameter that is not valid for this queue type."


def send(queue: SqsQueue, entry: Mapping[str, Any], *, sender_id: str, now_s: float) -> dict[str, Any]:
    """Check `entry` (SendMessage's parameters), send it, and respond as SendMessage does. Raises SqsError.

    A repeat within a FIFO queue's deduplication interval gets the response of the first, and is not stored.
    """
    message = _message(queue, entry, sender_id=sender_id, now_s=now_s)
    delay_s = _delay_s(queue, entry)
    by_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
    scope = (message.group_id or "") if by_group else ""
    first = queue.core.duplicate_of(message, scope, now_s)
    if first is not None:
        message.message_id, message.sequence_number = first
    else:
        queue.core.send(message, now_s, delay_s=delay_s, scope=scope)
        queue.changed(now_s, arrived=1)
    response = {"MessageId": message.message_id, "MD5OfMessageBody": message.body_md5}
    if message.attributes:
        response["MD5OfMessageAttributes"] = message.attributes_md5
    if message.system_attributes:
        response["MD5OfMessageSystemAttributes"] = md5_of_attributes(message.system_attributes)
    if message.sequence_number:
        response["SequenceNumber"] = message.sequence_number
    return response


def _message(queue: SqsQueue, entry: Mapping[str, Any], *, sender_id: str, now_s: float) -> Message:
    body = entry.get("MessageBody")
    if not body or not isinstance(body, str):
        raise missing("MessageBody")
    if _NOT_ALLOWED.search(body):
        raise SqsError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | "
            "#xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    attributes = attributes_of(entry.get("MessageAttributes") or {})
    limit = queue.seconds("MaximumMessageSize")
    if size_bytes(body, attributes) > limit:
        raise SqsError(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.",
        )
    return Message(
        message_id=str(uuid.uuid4()),
        body=body,
        body_md5=md5_of_body(body),
        sent_s=now_s,
        attributes=attributes,
        attributes_md5=md5_of_attributes(attributes),
        system_attributes=attributes_of(entry.get("MessageSystemAttributes") or {}),
        sender_id=sender_id,
        group_id=_group_id(queue, entry),
        deduplication_id=_deduplication_id(queue, entry, body),
    )


def _group_id(queue: SqsQueue, entry: Mapping[str, Any]) -> str | None:
    group_id: str | None = entry.get("MessageGroupId")
    if group_id is None and queue.fifo_queue:
        raise missing("MessageGroupId")
    if group_id is not None and not _ID.fullmatch(group_id):
        raise invalid_value(
            group_id,
            "MessageGroupId",
            "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )
    return group_id


def _deduplication_id(queue: SqsQueue, entry: Mapping[str, Any], body: str) -> str | None:
    value: str | None = entry.get("MessageDeduplicationId")
    if not queue.fifo_queue:
        if value is not None:
            raise invalid_value(value, "MessageDeduplicationId", _WRONG_KIND)
        return None
    if value is None:
        if queue.is_on("ContentBasedDeduplication"):
            return hashlib.sha256(body.encode()).hexdigest()
        raise SqsError(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly",
        )
    if not _ID.fullmatch(value):
        raise invalid_value(
            value,
            "MessageDeduplicationId",
            "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )
    return value


def _delay_s(queue: SqsQueue, entry: Mapping[str, Any]) -> int:
    delay_s = whole_number(entry, "DelaySeconds", low=0, high=900)
    if delay_s is None:
        return queue.seconds("DelaySeconds")
    if delay_s and queue.fifo_queue:
        raise invalid_value(delay_s, "DelaySeconds", _WRONG_KIND)
    return delay_s


def whole_number(parameters: Mapping[str, Any], name: str, *, low: int, high: int) -> int | None:
    """Return the parameter as an int between `low` and `high`; None when it is absent. InvalidParameterValue."""
    value = parameters.get(name)
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = low - 1
    if not low <= number <= high:
        raise invalid_value(value, name, f"Must be between {low} and {high}, if provided.")
    return number


def attributes_of(argument: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Check message attributes and return them with `BinaryValue` (base64 in, or bytes) as bytes."""
    if len(argument) > _MAX_ATTRIBUTES:
        raise SqsError(
            "InvalidParameterValue",
            f"Number of message attributes [{len(argument)}] exceeds the allowed maximum [{_MAX_ATTRIBUTES}].",
        )
    return {name: _attribute(name, value) for name, value in argument.items()}


def _attribute(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    def refused(what: str) -> SqsError:
        return SqsError("InvalidParameterValue", f"The message attribute '{name}' {what}")

    if len(name) > 256 or not _ATTRIBUTE_NAME.fullmatch(name):
        raise refused("name is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore, hyphen, and period.")
    data_type = str(value.get("DataType") or "")
    kind = data_type.partition(".")[0]
    if not data_type:
        raise refused("must contain non-empty message attribute type.")
    if kind not in ("String", "Number", "Binary"):
        raise refused(
            "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        )
    key = "BinaryValue" if kind == "Binary" else "StringValue"
    content = value.get(key)
    if not content:
        raise refused(f"must contain non-empty message attribute value for message attribute type '{data_type}'.")
    if key == "BinaryValue" and isinstance(content, str):
        try:
            content = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise refused("has a binary value that is not base64.") from None
    return {"DataType": data_type, key: content}
