"""Large payloads in S3, in the format of the SQS extended client libraries: pointers, and when a payload may be
deleted. Pure.

Source: amazon-sqs-java-extended-client-lib. The message body is a pointer; an attribute holds the payload's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from windlass.queues.model import Reject
from windlass.wire.sqs import Message

__all__ = ["DEDUPLICATION", "SIZE_ATTRIBUTES", "Pointer", "deletable_payload", "read_pointer", "write_pointer"]

DEDUPLICATION = "WindlassDeduplicationId"
"""The rejected message's first id. It is the same in all copies, even if a lost response created several."""
SIZE_ATTRIBUTES = ("ExtendedPayloadSize", "SQSLargePayloadSize")
_CLASSES = ("software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer")


@dataclass(frozen=True, slots=True)
class Pointer:
    """The S3 object that holds a payload."""

    bucket: str
    key: str


def read_pointer(body: str) -> Pointer | None:
    """Return the pointer that a body consists of, None when it is not a pointer. Reject when the pointer is malformed."""
    if not body.startswith("[") or not any(name in body[:200] for name in _CLASSES):
        return None
    try:
        name, location = orjson.loads(body)
        return Pointer(location["s3BucketName"], location["s3Key"]) if name in _CLASSES else None
    except (orjson.JSONDecodeError, ValueError, KeyError, TypeError) as error:
        raise Reject(f"the S3 pointer is malformed: {error}") from None


def write_pointer(pointer: Pointer) -> str:
    """Return the message body for a pointer, in the form that current extended client libraries read."""
    return orjson.dumps([_CLASSES[0], {"s3BucketName": pointer.bucket, "s3Key": pointer.key}]).decode()


def deletable_payload(message: Message, bucket: str) -> Pointer | None:
    """Return the payload to delete after the message's deletion is confirmed; None when there is none to delete.

    A payload is deleted only in `bucket`, only when the body itself is the pointer (one inside an SNS envelope is shared by
    all subscribers), and never for a message that came from a dead-letter queue: another copy may still need it.
    """
    attributes = message.message_attributes
    if not any(name in attributes for name in SIZE_ATTRIBUTES):
        return None
    if DEDUPLICATION in attributes or "DeadLetterQueueSourceArn" in message.attributes:
        return None
    try:
        pointer = read_pointer(message.body)
    except Reject:
        return None
    return pointer if pointer is not None and pointer.bucket == bucket else None
