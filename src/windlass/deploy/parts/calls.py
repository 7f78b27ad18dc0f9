"""What parts share: the way to ask AWS, absence as an answer, and the errors of somebody else's resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from windlass.core.errors import Conflict, NotFound
from windlass.deploy.stacks import Part

__all__ = ["Ask", "absent", "differing", "foreign", "tag_list", "tags_of"]

Ask = Callable[..., dict[str, Any]]
"""`call(service, operation, **params)` in the stack's account and region."""


def absent(call: Ask, service: str, operation: str, **params: Any) -> dict[str, Any] | None:
    """The answer, or None where there is no such thing."""
    try:
        return call(service, operation, **params)
    except NotFound:
        return None


def tags_of(tags: Any) -> dict[str, str]:
    """Tags of any service as a mapping."""
    return {one["Key"]: one["Value"] for one in tags or ()}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def differing(want: Mapping[str, Any], have: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as it should be."""
    return {key: value for key, value in want.items() if have.get(key) != value}


def foreign(part: Part) -> Conflict:
    """The error for a resource of our name that somebody else made."""
    return Conflict(
        f"there is a {part.kind} {part.name} already, which this deployment did not make",
        hint="Rename the entry in windlass.toml, or remove the other; what was not made here is never changed.",
    )
