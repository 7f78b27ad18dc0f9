"""The one normaliser: whatever came in, by whatever way, to typed events. It never raises.

Taken apart by what is seen, outermost first: an SQS, SNS or Lambda batch (`Records`), a list (EventBridge Pipes), an SNS
or SQS envelope around a body, an EventBridge envelope, a CloudTrail record, s3:TestEvent.
"""

from __future__ import annotations

from typing import Any

import orjson

from windlass.events.eventbridge import read_api_call, read_envelope
from windlass.events.fields import text
from windlass.events.model import Event, Ignored, Unrecognised
from windlass.events.notification import read_record

__all__ = ["MAX_BYTES", "read_events"]

MAX_BYTES = 8 * 1024 * 1024
"""A Lambda batch has at most 6 MB, a message 1 MiB: a larger payload is none of theirs."""
_MAX_DEPTH = 6
_SAMPLE = 200


def read_events(payload: object) -> tuple[Event, ...]:
    """The events in a text, in bytes, or in a document that was read already; at least one, if only Unrecognised."""
    try:
        return _read(payload, 0) or (Ignored("an empty batch"),)
    except RecursionError:
        return (Unrecognised("nested too deeply"),)


def _read(payload: Any, depth: int) -> tuple[Event, ...]:
    if depth > _MAX_DEPTH:
        return (Unrecognised("wrapped too often"),)
    if isinstance(payload, (str, bytes, bytearray, memoryview)):
        return _read_text(payload, depth)
    if isinstance(payload, dict):
        return _read_document(payload, depth)
    if isinstance(payload, list):  # EventBridge Pipes, and batches of whatever kind
        return tuple(event for one in payload for event in _read(one, depth + 1))
    return (Unrecognised(f"a {type(payload).__name__} is no event"),)


def _read_text(payload: Any, depth: int) -> tuple[Event, ...]:
    if len(payload) > MAX_BYTES:
        return (Unrecognised(f"{len(payload):,} bytes are more than any event has"),)
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return (Unrecognised(f"not JSON: {error.msg}", _sample(payload)),)
    if not isinstance(document, (dict, list)):
        return (Unrecognised("JSON, but no object", _sample(payload)),)
    return _read(document, depth + 1)


def _read_document(document: dict[str, Any], depth: int) -> tuple[Event, ...]:
    records = document.get("Records")
    if isinstance(records, list):
        return tuple(event for one in records for event in _read_item(one, depth))
    return _read_item(document, depth)


def _read_item(item: Any, depth: int) -> tuple[Event, ...]:
    if not isinstance(item, dict):
        return (Unrecognised(f"a {type(item).__name__} where an event should be"),)
    source = item.get("eventSource") or item.get("EventSource")
    if source == "aws:s3" or "s3" in item:
        return (read_record(item),)
    if isinstance(item.get("Sns"), dict):  # SNS to Lambda
        return _read(item["Sns"].get("Message"), depth + 1)
    if source == "aws:sqs" or ("messageId" in item and "body" in item):  # SQS to Lambda, and to Pipes
        return _read(item.get("body"), depth + 1)
    if "TopicArn" in item and "Message" in item:  # SNS to SQS, wrapped
        if text(item, "Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
            return (Ignored("an SNS subscription message"),)
        return _read(item["Message"], depth + 1)
    if "detail-type" in item and isinstance(item.get("detail"), dict):
        return read_envelope(item)
    if "eventName" in item and "eventSource" in item:
        return read_api_call(item)
    if text(item, "Event") == "s3:TestEvent":
        return (Ignored(f"S3's test event for {text(item, 'Bucket')[:70]}"),)
    return (Unrecognised("an object of no known shape", ", ".join(sorted(map(str, item))[:12])[:_SAMPLE]),)


def _sample(payload: Any) -> str:
    raw = payload if isinstance(payload, str) else bytes(payload[:_SAMPLE]).decode("utf-8", "replace")
    return raw[:_SAMPLE].encode("utf-8", "replace").decode()
