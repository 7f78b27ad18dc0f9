"""Queue attributes: names, valid values and defaults.

Values are kept as the text that was given, so a policy comes back byte for byte (Terraform's next plan is empty).
Source: API reference, CreateQueue and SetQueueAttributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass_local.sqs.errors import SqsError
from windlass_local.sqs.queue import Counters

__all__ = ["RedrivePolicy", "check", "check_name", "defaults", "parse_redrive_policy", "render", "same_value"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")

_RANGES: Mapping[str, tuple[int, int]] = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "SqsManagedSseEnabled": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_DOCUMENTS = ("Policy", "RedrivePolicy", "RedriveAllowPolicy")
_FIFO_ONLY = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
_COMPUTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
_SETTABLE = frozenset((*_RANGES, *_CHOICES, *_DOCUMENTS, "KmsMasterKeyId"))
_KNOWN = _SETTABLE | frozenset(_COMPUTED)


@dataclass(frozen=True, slots=True)
class RedrivePolicy:
    """The queue for messages after `max_receive_count` deliveries."""

    target_arn: str
    max_receive_count: int


def check_name(name: str, *, fifo: bool) -> None:
    """Raise InvalidParameterValue unless `name` is a valid name for a queue of this kind."""
    if fifo and not name.endswith(".fifo"):
        raise SqsError("InvalidParameterValue", "The name of a FIFO queue can only end in '.fifo'.")
    if not (_FIFO_NAME if fifo else _NAME).fullmatch(name):
        raise SqsError(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )


def defaults(*, fifo: bool) -> dict[str, str]:
    """Return the attributes of a queue that was created without any."""
    common = {
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }
    if fifo:
        common |= {
            "FifoQueue": "true",
            "ContentBasedDeduplication": "false",
            "DeduplicationScope": "queue",
            "FifoThroughputLimit": "perQueue",
        }
    return common


def check(argument: Mapping[str, str], *, fifo: bool) -> None:
    """Raise InvalidAttributeName or InvalidAttributeValue unless each of `given` may be set on such a queue."""
    for name, value in argument.items():
        if name not in _SETTABLE or (name in _FIFO_ONLY and not fifo and value != "false"):
            raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if not _is_valid(name, value, fifo=fifo):
            raise SqsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _is_valid(name: str, value: str, *, fifo: bool) -> bool:
    if name in _RANGES:
        low, high = _RANGES[name]
        return value.isdecimal() and low <= int(value) <= high
    if name == "FifoQueue":
        return value == str(fifo).lower()
    if name in _CHOICES:
        return value in _CHOICES[name]
    return name not in _DOCUMENTS or not value or _object(value) is not None


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def parse_redrive_policy(text: str) -> RedrivePolicy | None:
    """Parse a redrive policy; None for an empty text. InvalidParameterValue."""
    document = (_object(text) if text else {}) or {}
    if not document:
        return None
    refusal = f"Value {text} for parameter RedrivePolicy is invalid. Reason: "
    target_arn = document.get("deadLetterTargetArn")
    if not isinstance(target_arn, str):
        raise SqsError(
            "InvalidParameterValue",
            refusal + "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        )
    count = str(document.get("maxReceiveCount", 10))
    if not count.isdecimal() or not 1 <= int(count) <= 1000:
        raise SqsError("InvalidParameterValue", refusal + f"Invalid value for maxReceiveCount: {count}.")
    return RedrivePolicy(target_arn, int(count))


def same_value(name: str, left: str, right: str) -> bool:
    """True when two values of an attribute are equal (documents are compared by content)."""
    if name in _DOCUMENTS and left and right:
        return _object(left) == _object(right)
    return left == right


def render(
    names: Iterable[str], stored: Mapping[str, str], *, counters: Counters, computed: Mapping[str, str]
) -> dict[str, str]:
    """Return GetQueueAttributes' response for `names` ("All" is every attribute of the queue)."""
    values = {
        **stored,
        **computed,
        "ApproximateNumberOfMessages": str(counters.visible),
        "ApproximateNumberOfMessagesNotVisible": str(counters.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(counters.delayed),
    }
    requested = list(names)
    for name in requested:
        if name != "All" and name not in _KNOWN:
            raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    return values if "All" in requested else {name: values[name] for name in requested if name in values}
