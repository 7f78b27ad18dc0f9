"""The effects of a deployment as data: API calls, and changes of a bucket's notification configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.deploy.stack import FunctionCode

__all__ = [
    "CHECK_EVENT",
    "ApiCall",
    "DeploymentEffect",
    "DeploymentPlan",
    "KeptResource",
    "NotificationChange",
    "StartCheck",
    "printable",
]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One API call. `retry_on`: texts of transient errors (such as a role that is not visible yet), after which it is retried.

    `success_on`: texts of errors that mean the desired state exists already.
    """

    resource: str
    service: str
    operation: str
    params: Mapping[str, Any]
    why: str
    retry_on: tuple[str, ...] = ()
    success_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotificationChange:
    """Make these the only entries with our id prefix in a bucket's notification configuration: read, merge, write, verify.

    `event_bridge` enables the bucket's events to EventBridge. It is never disabled, because others may use it.
    """

    resource: str
    bucket: str
    mark: str
    entries: tuple[Mapping[str, Any], ...]
    why: str
    event_bridge: bool = False


@dataclass(frozen=True, slots=True)
class StartCheck:
    """Invoke a function once to verify that it starts: it reads its configuration and imports its modules, nothing else."""

    resource: str
    function: str
    why: str


DeploymentEffect = ApiCall | NotificationChange | StartCheck

CHECK_EVENT = {"windlass": "check"}
"""The payload of a start check; windlass/functions/runtime.py answers it."""


@dataclass(frozen=True, slots=True)
class KeptResource:
    """A resource that a deletion keeps, and the reason."""

    resource: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """The effects in order, and the resources that are kept."""

    effects: tuple[DeploymentEffect, ...]
    kept: tuple[KeptResource, ...] = ()


def printable(value: Any) -> Any:
    """Return parameters for output: a zip is shown as its size and digest."""
    match value:
        case FunctionCode():
            return f"<zip of {len(value.content):,} bytes, sha256 {value.sha256}>"
        case Mapping():
            return {key: printable(item) for key, item in value.items()}
        case list() | tuple():
            return [printable(item) for item in value]
        case _:
            return value
