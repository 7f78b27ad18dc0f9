# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""Defaults of list parameters are lists.

Upstream: a CommaDelimitedList that is given is split; its default stays one text.
AWS: both are split.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.cloudformation.parsing import ResourceMap

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.cloudformation.parsing.ResourceMap.load_parameters",)


def apply() -> None:
    """Split the defaults after moto has loaded the parameters."""
    load = ResourceMap.load_parameters

    @wraps(load)
    def load_parameters(resources: Any) -> None:
        load(resources)
        for name, declared in (resources._template.get("Parameters") or {}).items():
            value = resources.resolved_parameters.get(name)
            if isinstance(value, str) and str(declared.get("Type", "")).startswith(("CommaDelimitedList", "List<")):
                split = [item.strip() for item in value.split(",")]
                resources.resolved_parameters[name] = resources._parsed_resources[name] = split

    ResourceMap.load_parameters = load_parameters
