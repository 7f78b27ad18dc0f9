"""What is deployed: a stack of parts, each with what it should be like. Built by stacks_pipeline and stacks_aggregator; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from windlass.core.arns import format_arn, partition_of
from windlass.core.canonical import digest

__all__ = ["STACK_TAG", "Code", "Found", "Kind", "Part", "PartKind", "Place", "Stack", "Via", "fitted"]

STACK_TAG = "windlass:stack"
"""The tag that makes a resource ours; its value is `pipeline/NAME` or `aggregator/NAME`."""


class Kind(StrEnum):
    """What can be deployed."""

    PIPELINE = "pipeline"
    AGGREGATOR = "aggregator"


class Via(StrEnum):
    """How a bucket's events come to the queue: S3's own notification, or EventBridge, which takes any number of consumers."""

    NOTIFICATION = "notification"
    EVENTBRIDGE = "eventbridge"


class PartKind(StrEnum):
    """What a stack is made of."""

    QUEUE = "queue"
    TABLE = "table"
    LOG_GROUP = "log-group"
    ROLE = "role"
    FUNCTION = "function"
    MAPPING = "mapping"
    RULE = "rule"
    EVENT_RULE = "event-rule"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class Place:
    """An account and region, and the names that things have there."""

    account_id: str
    region: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` …"""
        return partition_of(self.region)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource here."""
        return format_arn(service, self.region, self.account_id, resource)

    def role_arn(self, name: str) -> str:
        """The ARN of a role of this account."""
        return format_arn("iam", "", self.account_id, f"role/{name}", partition=self.partition)

    def bucket_arn(self, bucket: str) -> str:
        """A bucket's ARN."""
        return format_arn("s3", "", "", bucket, partition=self.partition)


@dataclass(frozen=True, slots=True)
class Code:
    """A function's zip, and the base64 of its SHA-256, as Lambda tells it."""

    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """One resource: what it is for, its name, and what it should be like (each part's module says which keys)."""

    purpose: str
    kind: PartKind
    name: str
    want: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything one pipeline or aggregator needs, in the order in which it is made."""

    kind: Kind
    name: str
    place: Place
    parts: tuple[Part, ...]

    @property
    def tags(self) -> dict[str, str]:
        """What marks a resource as made for this stack."""
        return {STACK_TAG: f"{self.kind}/{self.name}"}

    @property
    def mark(self) -> str:
        """What the ids of our entries in others' configurations begin with; names have no dot."""
        return f"windlass.{self.kind}.{self.name}."

    def part(self, purpose: str) -> Part:
        """The part for that purpose."""
        return next(one for one in self.parts if one.purpose == purpose)


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as it is: the id that calls need, its tags, what it is like, and what is worth showing."""

    id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    have: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def made_for(self, stack: Stack) -> bool:
        """Whether its tags say that it was made for this stack."""
        return self.tags.get(STACK_TAG) == stack.tags[STACK_TAG]


def fitted(name: str, most: int = 64) -> str:
    """The name, or where it is too long its beginning and a digest."""
    return name if len(name) <= most else f"{name[: most - 9]}-{digest(name)[:8]}"
