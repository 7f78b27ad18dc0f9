"""The summary document that actions send: one JSON format for every kind of action.

version      1; raised by a change that breaks readers, not by new members
rule, key    the rule and the key
attempt      unique to this attempt: an idempotency key
account_id, region   the rule's account and region
bucket       the bucket; empty when a rule spans several
events       number of object events in the window
kinds        number of events by kind: {"created": 12, "removed": 1}
size_bytes   total size of the created objects
folders      folders with events, each with a slash at its end, "" for the top; complete unless folders_cut
folders_cut  true when there were more folders than listed
first_at, last_at    S3's times of the first and the last event, ISO 8601; empty when unknown
samples      a few object keys

Alerts (`[[watch]]`) have these members in place of `bucket` and those below it:
alerts       the alerts of the delivery, oldest first: occurred_at, title, and facts (resource, account, owner, actor …)
text         the titles, one in each line
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
    """Return the document as JSON types only."""
    about = {
        "version": PAYLOAD_VERSION,
        "rule": context.rule,
        "key": context.key,
        "attempt": context.attempt,
        "account_id": context.account_id,
        "region": context.region,
    }
    if summary.document:
        return about | dict(summary.document)
    return about | {
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
    """Return the document as compact ASCII: SQS and SNS reject some characters of object keys, and accept escapes."""
    return json.dumps(summary_json(summary, context), separators=(",", ":"))


def message_attributes(summary: Summary, context: Context) -> dict[str, dict[str, str]]:
    """Return the attributes by which subscribers and receivers filter, in the form of SNS and SQS; no value is empty."""
    texts = {"rule": context.rule, "bucket": summary.bucket}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
    return attributes | {"events": {"DataType": "Number", "StringValue": str(summary.events)}}


def token(text: str) -> str:
    """Return `text` as a valid group id, deduplication id or caller reference; its digest when it is not valid."""
    return text if _TOKEN.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
