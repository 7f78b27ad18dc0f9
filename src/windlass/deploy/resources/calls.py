"""Calls of the resource modules: AWS, missing resources, tags, and the error for a resource of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from windlass.core.errors import Conflict, NotFound
from windlass.deploy.stack import StackResource

__all__ = ["AwsCall", "differences", "find", "name_conflict", "tag_list", "tags_of"]

AwsCall = Callable[..., dict[str, Any]]
"""`call(service, operation, **params)` in the stack's account and region."""


def find(call: AwsCall, service: str, operation: str, **params: Any) -> dict[str, Any] | None:
    """Return the response, or None when the resource does not exist."""
    try:
        return call(service, operation, **params)
    except NotFound:
        return None


def tags_of(tags: Any) -> dict[str, str]:
    """Return a service's tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in the list form of most services."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def differences(desired: Mapping[str, Any], actual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the desired values that differ from the actual ones."""
    return {key: value for key, value in desired.items() if actual.get(key) != value}


def name_conflict(resource: StackResource) -> Conflict:
    """Return the error for an existing resource of others with our name."""
    return Conflict(
        f"a {resource.kind} named {resource.name} already exists and was not made by this deployment",
        hint="Rename the entry in windlass.toml, or remove the existing resource; Windlass never changes it.",
    )
