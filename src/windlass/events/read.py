"""The reader of payloads: it removes envelopes and passes the content to its format's reader.

It never raises: every payload gives a non-empty tuple. One bad record does not affect the others.
"""

from __future__ import annotations

from typing import Any

import orjson

from windlass.events.formats import read_bridge_event, read_call, read_record
from windlass.events.model import Hop, Ignored, IgnoredBecause, Reading, Unrecognised
from windlass.events.sample import sample

__all__ = ["MAX_PAYLOAD_BYTES", "read_events"]

MAX_PAYLOAD_BYTES = 16 << 20  # Lambda's largest payload is 6 MB, a queue's message 1 MiB
_MAX_DEPTH = 8  # Pipes, SQS, SNS, EventBridge, each once as text and once parsed
_MAX_READINGS = 100_000

_Via = tuple[Hop, ...]
_SNS_QUESTIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


def read_events(payload: object) -> tuple[Reading, ...]:
    """Read everything in `payload` (text, bytes, or parsed JSON), in its order.

    Reads S3 notifications, EventBridge events, CloudTrail calls and `s3:TestEvent`, each bare or inside any nesting of
    SQS (Lambda's records, ReceiveMessage's messages, a body), SNS (as JSON, raw, Lambda's records) and Pipes (a list).
    """
    readings: list[Reading] = []
    _read(payload, (), _MAX_DEPTH, readings)
    return tuple(readings)


def _read(value: object, via: _Via, depth: int, readings: list[Reading]) -> None:
    if depth == 0:
        readings.append(Unrecognised(f"more than {_MAX_DEPTH} envelopes inside each other", sample(value), via))
    elif isinstance(value, str | bytes | bytearray | memoryview):
        _read_text(value, via, depth, readings)
    elif isinstance(value, dict):
        _read_document(value, via, depth, readings)
    elif isinstance(value, list | tuple):
        _read_all(value, via or (Hop.PIPES,), depth, readings)
    else:
        readings.append(Unrecognised(f"not JSON but a {type(value).__name__}", sample(value), via))


def _read_text(text: str | bytes | bytearray | memoryview, via: _Via, depth: int, readings: list[Reading]) -> None:
    if len(text) > MAX_PAYLOAD_BYTES:
        readings.append(Unrecognised(f"larger than {MAX_PAYLOAD_BYTES} bytes", sample(text), via))
        return
    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, ValueError, TypeError, BufferError) as problem:
        readings.append(Unrecognised(f"not JSON: {problem}", sample(text), via))
        return
    if isinstance(value, str):  # JSON in JSON, as some input transformers write
        _read(value, via, depth - 1, readings)
    else:
        _read(value, via, depth, readings)


def _read_all(records: list[Any] | tuple[Any, ...], via: _Via, depth: int, readings: list[Reading]) -> None:
    if not records:
        readings.append(Ignored(IgnoredBecause.EMPTY, via))
    for record in records:
        if len(readings) >= _MAX_READINGS:
            if len(readings) == _MAX_READINGS:  # reported once, so that nothing is dropped silently
                readings.append(Unrecognised(f"more than {_MAX_READINGS} records", sample(record), via))
            return
        if isinstance(record, dict):
            if "s3" in record:  # the common case, without a further call
                readings.append(read_record(record, via))
            else:
                _read_document(record, via, depth, readings)
        elif isinstance(record, str | bytes):
            _read(record, via, depth - 1, readings)
        else:
            readings.append(Unrecognised(f"a record that is a {type(record).__name__}", sample(record), via))


def _read_document(document: dict[Any, Any], via: _Via, depth: int, readings: list[Reading]) -> None:
    """Remove one envelope, or read a document without one."""
    get = document.get
    if depth == 0:
        readings.append(Unrecognised(f"more than {_MAX_DEPTH} envelopes inside each other", sample(document), via))
    elif isinstance(records := get("Records"), list):
        _read_all(records, via, depth - 1, readings)
    elif "detail-type" in document:
        readings.extend(read_bridge_event(document, via))
    elif "s3" in document:
        readings.append(read_record(document, via))
    elif isinstance(notice := get("Sns"), dict):
        _read(_message(notice), (*via, Hop.SNS), depth - 1, readings)
    elif "TopicArn" in document or get("Type") == "Notification":
        _read_notice(document, via, depth, readings)
    elif "body" in document or "Body" in document:
        _read(get("body", get("Body")), (*via, Hop.SQS), depth - 1, readings)
    elif isinstance(messages := get("Messages"), list):
        _read_all(messages, via, depth - 1, readings)
    else:
        _read_bare(document, via, readings)


def _read_notice(notice: dict[Any, Any], via: _Via, depth: int, readings: list[Reading]) -> None:
    """Remove the envelope that SNS adds for queues and HTTP endpoints without raw delivery."""
    if notice.get("Type") in _SNS_QUESTIONS:
        readings.append(Ignored(IgnoredBecause.SUBSCRIPTION, (*via, Hop.SNS)))
    else:
        _read(_message(notice), (*via, Hop.SNS), depth - 1, readings)


def _message(notice: dict[Any, Any]) -> object:
    return notice.get("Message")


def _read_bare(document: dict[Any, Any], via: _Via, readings: list[Reading]) -> None:
    if document.get("Event") == "s3:TestEvent":
        bucket = document.get("Bucket")
        readings.append(Ignored(IgnoredBecause.TEST, (*via, Hop.S3), bucket if isinstance(bucket, str) else ""))
    elif "requestParameters" in document and "eventName" in document:
        readings.extend(read_call(document, via))
    else:
        readings.append(Unrecognised("none of the formats of an S3 event", sample(document), via))
