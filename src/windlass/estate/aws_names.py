"""Names from botocore's models: regions, and the members of an operation's response. No call to AWS."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "answer_of", "region_names"]

_DEPTH = 6  # deep enough for every listing's items


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation's response may hold: `members` are names of structure members, and keys of maps whose keys are an
    enumeration; `has_free_map` is true when some keys are not in the model.
    """

    members: frozenset[str]
    has_free_map: bool


@functools.cache
def region_names() -> frozenset[str]:
    """Return every region of every partition, and the partitions' `aws-global` and similar."""
    from windlass.estate.model_loader import shared_loader

    partitions = shared_loader().load_data("partitions")["partitions"]
    return frozenset(name for partition in partitions for name in partition["regions"])


@functools.cache
def answer_of(service: str, operation: str) -> Answer:
    """Return the members of an operation's response; empty for an operation without output."""
    from botocore.model import ServiceModel

    from windlass.estate.model_loader import shared_loader

    model = ServiceModel(shared_loader().load_service_model(service, "service-2"))
    members: set[str] = set()
    free = _collect(model.operation_model(operation).output_shape, members, (), _DEPTH)
    return Answer(frozenset(members), free)


def _collect(shape: Any, members: set[str], within: tuple[str, ...], depth: int) -> bool:
    if shape is None or depth == 0 or shape.name in within:
        return False
    within = (*within, shape.name)
    match shape.type_name:
        case "structure":
            members.update(shape.members)
            inner = [member for name, member in shape.members.items() if not name.lower().endswith("tags")]
            return sum(_collect(member, members, within, depth - 1) for member in inner) > 0  # walked below, too
        case "list":
            return _collect(shape.member, members, within, depth)
        case "map":
            members.update(getattr(shape.key, "enum", ()))
            below = _collect(shape.value, members, within, depth - 1)
            return below or not getattr(shape.key, "enum", ())
        case _:
            return False
