"""One SQS message and its MD5 sums (Developer Guide, "Calculating the MD5 message digest for message attributes")."""

from __future__ import annotations

import enum
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["NO_ATTRIBUTES", "Message", "State", "md5_of_attributes", "md5_of_body", "size_bytes"]

_VALUE_FIELDS = (("StringValue", b"\x01"), ("BinaryValue", b"\x02"))
NO_ATTRIBUTES: Mapping[str, Mapping[str, Any]] = {}


class State(enum.IntEnum):
    """The state of a message in its queue; GONE is deleted, expired, purged or moved away."""

    DELAYED = 0
    READY = 1
    IN_FLIGHT = 2
    GONE = 3


@dataclass(slots=True, kw_only=True)
class Message:
    """A message, and the delivery state that its queue (and only its queue) changes.

    `attributes` and `system_attributes` are in the JSON protocol's shape, `BinaryValue` as bytes. Times are epoch
    seconds. `deliveries` counts receives from this queue, `receive_count` those over every queue it was in (the API's
    ApproximateReceiveCount: "received across all queues but not deleted").
    """

    message_id: str
    body: str
    body_md5: str
    sent_s: float
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attributes_md5: str = ""
    system_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sender_id: str = ""
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None
    dead_letter_source_arn: str | None = None
    seq: int = -1
    state: State = State.READY
    due_s: float = 0.0
    deliveries: int = 0
    receive_count: int = 0
    received_s: float = 0.0
    first_received_s: float = 0.0


def md5_of_body(body: str) -> str:
    """Return the hex MD5 of the body in UTF-8."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the hex MD5 of the attributes sorted by name; "" for none."""
    if not attributes:
        return ""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        for part in (name.encode(), str(attribute["DataType"]).encode()):
            digest.update(struct.pack("!I", len(part)) + part)
        for key, marker in _VALUE_FIELDS:
            value = attribute.get(key)
            if value is not None:
                raw = value.encode() if isinstance(value, str) else bytes(value)
                digest.update(marker + struct.pack("!I", len(raw)) + raw)
    return digest.hexdigest()


def size_bytes(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size that counts against the limits: the body plus each attribute's name, type and value."""
    size = len(body.encode())
    for name, attribute in attributes.items():
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len((attribute.get("StringValue") or "").encode()) + len(attribute.get("BinaryValue") or b"")
    return size
