"""Queue references: read a URL, an ARN or a name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from windlass.core.errors import NotFound, UsageError
from windlass.queues.hosts import region_of

__all__ = ["Queue", "Reference", "read_queue", "read_reference"]

_ARN = re.compile(r"^arn:(aws[a-z-]*):sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_.-]+)$")
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,80}(\.fifo)?$")

Call = Callable[..., dict[str, Any]]
"""`call(account_id, region, operation, **params)` of SQS."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The parts of a queue reference; parts that it does not name are empty."""

    name: str
    account_id: str = ""
    region: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: its location, and the attributes that decide how it is consumed."""

    name: str
    account_id: str
    region: str
    url: str
    arn: str
    visibility_s: int
    dead_letter_arn: str = ""
    max_receive_count: int = 0

    @property
    def fifo(self) -> bool:
        """True for a FIFO queue."""
        return self.name.endswith(".fifo")

    @property
    def dead_letter_name(self) -> str:
        """Name of its dead-letter queue; empty when it has none."""
        return self.dead_letter_arn.rpartition(":")[2]


def read_reference(text: str) -> Reference:
    """Read a URL, an ARN or a name. Raises UsageError when the text is none of them."""
    if match := _ARN.match(text):
        return Reference(match[4], match[3], match[2])
    if "://" in text:
        parts = urlsplit(text)
        pieces = [piece for piece in parts.path.split("/") if piece]
        if len(pieces) >= 2 and re.fullmatch(r"\d{12}", pieces[-2]):
            return Reference(pieces[-1], pieces[-2], region_of(parts.hostname or "", parts.path), text)
    elif _NAME.match(text):
        return Reference(text)
    raise UsageError(
        f"{text!r} is not a queue",
        hint="Give its name, its ARN, or its URL (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME).",
    )


def read_queue(reference: Reference, url: str, attributes: Mapping[str, str]) -> Queue:
    """Return the queue that GetQueueAttributes describes. Raises NotFound when it describes none."""
    arn = _ARN.match(attributes.get("QueueArn", ""))
    if arn is None:
        raise NotFound(f"{url} is not a queue", hint="`windlass queue list` shows the queues that exist.")
    redrive = _redrive(attributes.get("RedrivePolicy", ""))
    return Queue(
        name=reference.name,
        account_id=arn[3],
        region=arn[2],
        url=url,
        arn=attributes["QueueArn"],
        visibility_s=int(attributes.get("VisibilityTimeout", "30")),
        dead_letter_arn=str(redrive.get("deadLetterTargetArn", "")),
        max_receive_count=int(redrive.get("maxReceiveCount", 0) or 0),
    )


def _redrive(text: str) -> dict[str, Any]:
    try:
        policy = json.loads(text) if text else {}
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}
