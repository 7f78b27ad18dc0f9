"""What a deployment does to AWS, as data: calls, and changes of a bucket's notification configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.deploy.stacks import Code

__all__ = ["CHECK_EVENT", "Call", "Check", "Effect", "Kept", "Notify", "Plan", "shown"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `again_on`: words of errors that pass by themselves (a role that is not everywhere yet), and are waited for.

    `done_on`: words of errors which say that what is asked for is so already.
    """

    part: str
    service: str
    operation: str
    params: Mapping[str, Any]
    why: str
    again_on: tuple[str, ...] = ()
    done_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """Have these entries, and no others of the mark, in a bucket's notification configuration: read, merge, write, check.

    `event_bridge` turns the bucket's events to EventBridge on; it is never turned off, as others may need it.
    """

    part: str
    bucket: str
    mark: str
    entries: tuple[Mapping[str, Any], ...]
    why: str
    event_bridge: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Call a function once to see that it starts: its configuration is read and its modules are imported, nothing else."""

    part: str
    function: str
    why: str


Effect = Call | Notify | Check

CHECK_EVENT = {"windlass": "check"}
"""What the function is called with; windlass/functions/parts.py answers it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a deletion leaves, and why."""

    part: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, in order, and what is left alone."""

    effects: tuple[Effect, ...]
    kept: tuple[Kept, ...] = ()


def shown(value: Any) -> Any:
    """Parameters for people and `-o json`: a zip as its size and digest."""
    match value:
        case Code():
            return f"<zip of {len(value.content):,} bytes, sha256 {value.sha256}>"
        case Mapping():
            return {key: shown(item) for key, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case _:
            return value
