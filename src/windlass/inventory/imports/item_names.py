"""Config's spelling of members (`instanceId`) as the service's own (`InstanceId`), by AWS's models."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from windlass.aws.service_models import ServiceModels

__all__ = ["member_names", "renamed"]


@functools.cache
def member_names(service: str) -> Mapping[str, str]:
    """Return the members of a service's structures by their names in lower case.

    Of two that differ in case alone (`State` and `state`), the one with a capital wins where the service uses capitals.
    """
    model = ServiceModels().service(service).model
    names: dict[str, str] = {}
    for shape_name in model.shape_names:
        shape = model.shape_for(shape_name)
        for member in getattr(shape, "members", None) or ():
            known = names.get(member.lower())
            if known is None or (known[:1].islower() and member[:1].isupper()):
                names[member.lower()] = member
    return names


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a configuration with the service's spelling of members; a name that no structure has stays."""
    if isinstance(value, Mapping):
        return {names.get(str(key).lower(), str(key)): renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    return value
