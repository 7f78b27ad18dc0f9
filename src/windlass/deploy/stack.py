"""A stack: the AWS resources of one pipeline or aggregator, each with its desired state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from windlass.core.arns import format_arn, partition_of
from windlass.core.canonical import digest

__all__ = [
    "STACK_TAG",
    "EventRoute",
    "ExistingResource",
    "FunctionCode",
    "ResourceKind",
    "Stack",
    "StackKind",
    "StackLocation",
    "StackResource",
    "shortened",
]

STACK_TAG = "windlass:stack"
"""The tag of every resource of a deployment; its value is `pipeline/NAME` or `aggregator/NAME`."""


class StackKind(StrEnum):
    """The kinds of stack."""

    PIPELINE = "pipeline"
    AGGREGATOR = "aggregator"


class EventRoute(StrEnum):
    """The route of a bucket's events to the queue: an S3 notification, or EventBridge, which allows any number of consumers."""

    NOTIFICATION = "notification"
    EVENTBRIDGE = "eventbridge"


class ResourceKind(StrEnum):
    """The kinds of resource in a stack."""

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
class StackLocation:
    """A stack's account and region, and the ARNs of resources there."""

    account_id: str
    region: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` …"""
        return partition_of(self.region)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a regional resource."""
        return format_arn(service, self.region, self.account_id, resource)

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role in this account."""
        return format_arn("iam", "", self.account_id, f"role/{name}", partition=self.partition)

    def bucket_arn(self, bucket: str) -> str:
        """Return a bucket's ARN."""
        return format_arn("s3", "", "", bucket, partition=self.partition)


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """A function's zip, and its SHA-256 in base64, as Lambda reports it."""

    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class StackResource:
    """One resource: its purpose, its name and its desired state (the module of its kind documents the keys)."""

    purpose: str
    kind: ResourceKind
    name: str
    desired: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stack:
    """The resources of one pipeline or aggregator, in the order of their creation."""

    kind: StackKind
    name: str
    place: StackLocation
    resources: tuple[StackResource, ...]

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of the resources of this stack."""
        return {STACK_TAG: f"{self.kind}/{self.name}"}

    @property
    def mark(self) -> str:
        """The prefix of our entries' ids in shared configurations. Names contain no dot, so prefixes never overlap."""
        return f"windlass.{self.kind}.{self.name}."

    def resource(self, purpose: str) -> StackResource:
        """Return the resource for that purpose."""
        return next(resource for resource in self.resources if resource.purpose == purpose)


@dataclass(frozen=True, slots=True)
class ExistingResource:
    """An existing resource: the id that calls need, its tags, its actual state, and facts to display."""

    id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    actual: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def made_for(self, stack: Stack) -> bool:
        """Return whether its tags name this stack."""
        return self.tags.get(STACK_TAG) == stack.tags[STACK_TAG]


def shortened(name: str, most: int = 64) -> str:
    """Return the name; a longer one is cut to `most` characters and ends with a digest."""
    return name if len(name) <= most else f"{name[: most - 9]}-{digest(name)[:8]}"
