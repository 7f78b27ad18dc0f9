"""Batches of SQS messages: their form in events, their split by size, and which of them a response reports as failed. Pure.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS" and "Implementing partial batch responses": a response that
is malformed fails the complete batch, an empty list is success.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from windlass_local.sqs.consumption import system_attributes
from windlass_local.sqs.message import Message

__all__ = ["MAX_EVENT_BYTES", "failed_ids", "record_of", "split"]

MAX_EVENT_BYTES = 6_291_456
_ENVELOPE_BYTES = 64
Record = Mapping[str, Any]


def record_of(message: Message, handle: str, queue_arn: str, region: str) -> dict[str, Any]:
    """Return one message as functions get it."""
    record = {
        "messageId": message.message_id,
        "receiptHandle": handle,
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": {name: _attribute(value) for name, value in message.attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }
    if message.attributes_md5:
        record["md5OfMessageAttributes"] = message.attributes_md5
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "BinaryValue" in value:
        return {"binaryValue": base64.b64encode(value["BinaryValue"]).decode(), **result}
    return {"stringValue": value["StringValue"], **result}


def split(records: Iterable[Record], max_bytes: int = MAX_EVENT_BYTES) -> list[tuple[list[Record], bytes]]:
    """Split records, in order, into events of at most `max_bytes`: (records, event as JSON)."""
    pieces: list[tuple[list[Record], bytes]] = []
    group: list[Record] = []
    texts: list[str] = []
    size = _ENVELOPE_BYTES
    for record in records:
        text = json.dumps(record)
        if group and size + len(text) > max_bytes:
            pieces.append((group, _event(texts)))
            group, texts, size = [], [], _ENVELOPE_BYTES
        group.append(record)
        texts.append(text)
        size += len(text) + 2
    if group:
        pieces.append((group, _event(texts)))
    return pieces


def _event(texts: Sequence[str]) -> bytes:
    return f'{{"Records": [{", ".join(texts)}]}}'.encode()


def failed_ids(payload: bytes, ids: Collection[str], *, failed: bool, partial: bool) -> frozenset[str]:
    """Return the ids of the messages that stay in the queue, after a run that `failed` or answered `payload`.

    `partial` is true when the mapping reads responses (ReportBatchItemFailures).
    """
    everything = frozenset(ids)
    if failed:
        return everything
    if not partial:
        return frozenset()
    try:
        response = json.loads(payload)
    except ValueError:
        return everything
    if response is None:
        return frozenset()
    if not isinstance(response, dict):
        return everything
    items = response.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return everything
    named = frozenset(str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in items)
    return named if named <= everything else everything
