"""The monthly cost of nodes, from a dated list of on-demand prices. Pure except for reading that list."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

__all__ = ["HOURS_PER_MONTH", "Price", "price_of"]

HOURS_PER_MONTH = 730
"""The length of a month in AWS's pricing calculator."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD per node and hour, and its source; `exact` when it is a listed price of that region."""

    hourly: float
    source: str
    exact: bool

    def monthly(self, nodes: int) -> float:
        """Return the USD per month of this many nodes."""
        return self.hourly * HOURS_PER_MONTH * nodes


def price_of(node_type: str, region: str, own: Mapping[str, float]) -> Price | None:
    """Return the price of a node type, `own` prices first; None when it has no known price."""
    if node_type in own:
        return Price(own[node_type], "memcached.hourly_prices", True)
    listed = _list()
    hourly = listed["hourly"].get(node_type.removeprefix("cache."))
    if hourly is None:
        return None
    source = f"on-demand list of {listed['as_of']}"
    if region == listed["region"]:
        return Price(hourly, source, True)
    factor = listed["factors"].get(region)
    return None if factor is None else Price(hourly * factor, f"{source}, scaled to {region}", False)


@functools.cache
def _list() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("prices.toml").read_text("utf-8")
    return tomllib.loads(text)
