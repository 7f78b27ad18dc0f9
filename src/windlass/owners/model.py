"""What ownership is decided from, and the decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["NOBODY", "OwnedResource", "Ownership", "Source"]


class Source(StrEnum):
    """What names an owner."""

    TAG = "tag"
    FILE = "file"
    STACK = "stack"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedResource:
    """A resource as the rules see it. `stack_tags` and `account_tags` are the tags of its CloudFormation stack and account."""

    type: str
    account_id: str
    region: str
    resource_id: str
    name: str
    arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stack_tags: Mapping[str, str] = field(default_factory=dict)
    account_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ownership:
    """An owner, the source that named it, and why: `tag team=web`, `OWNERS line 3: s3.bucket/logs-*`."""

    owner: str
    source: Source | None = None
    why: str = ""


NOBODY = Ownership("", None, "no source names an owner")
"""The ownership of a resource without an owner."""
