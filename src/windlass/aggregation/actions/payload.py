"""What an action tells others of a window: one JSON document, the same for every kind of action.

version      1; a change that breaks readers counts it up, new members don't
rule, key    which rule's which key this is
attempt      unique to this attempt: an idempotency key
account_id, region   where the rule is
bucket       the bucket; empty when a rule spans several
events       object events of the window
kinds        how many of each kind: {"created": 12, "removed": 1}
size_bytes   of what was created, together
folders      folders with events, each with its slash at the end, "" for the top; complete unless folders_cut
folders_cut  whether there were more folders than are named
first_at, last_at    S3's own times of the first and the last event, ISO 8601; empty when not told
samples      a few object keys
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from windlass.aggregation.actions.base import Context
from windlass.aggregation.model import Summary

__all__ = ["PAYLOAD_VERSION", "message_attributes", "summary_json", "summary_text", "token"]

PAYLOAD_VERSION = 1
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,80}")


def summary_json(summary: Summary, context: Context) -> dict[str, Any]:
    """The document, of JSON's own kinds only."""
    return {
        "version": PAYLOAD_VERSION,
        "rule": context.rule,
        "key": context.key,
        "attempt": context.attempt,
        "account_id": context.account_id,
        "region": context.region,
        "bucket": summary.bucket,
        "events": summary.events,
        "kinds": dict(summary.kinds),
        "size_bytes": summary.size_bytes,
        "folders": list(summary.folders),
        "folders_cut": summary.folders_cut,
        "first_at": summary.first_at,
        "last_at": summary.last_at,
        "samples": list(summary.samples),
    }


def summary_text(summary: Summary, context: Context) -> str:
    """The document as compact ASCII: object keys may hold what SQS and SNS refuse in a message, escapes never do."""
    return json.dumps(summary_json(summary, context), separators=(",", ":"))


def message_attributes(summary: Summary, context: Context) -> dict[str, dict[str, str]]:
    """What subscribers and receivers filter by without reading the document, as SNS and SQS take it; none is empty."""
    texts = {"rule": context.rule, "bucket": summary.bucket}
    found = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
    return found | {"events": {"DataType": "Number", "StringValue": str(summary.events)}}


def token(text: str) -> str:
    """`text` as AWS takes it for group ids, deduplication ids and caller references; its digest where it does not fit."""
    return text if _TOKEN.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
