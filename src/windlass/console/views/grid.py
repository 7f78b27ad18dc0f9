"""The coverage grid: accounts by regions, each cell with the states of its scopes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windlass.console.views.links import Data
from windlass.inventory.model import GLOBAL, ScopeStatus

__all__ = ["STATES", "grid"]

STATES = ("failed", "timeout", "throttled", "denied", "partial", "interrupted", "unsupported", "ok")
"""From the worst to the best."""


def grid(scopes: Iterable[ScopeStatus]) -> Data:
    """Return regions and accounts. A cell has the worst state, the number of scopes by state, and the resources."""
    cells: dict[str, dict[str, dict[str, int]]] = {}
    resources: dict[tuple[str, str], int] = {}
    for status in scopes:
        account, region = status.scope.account_id, status.scope.region
        counts = cells.setdefault(account, {}).setdefault(region, {})
        counts[str(status.state)] = counts.get(str(status.state), 0) + 1
        resources[account, region] = resources.get((account, region), 0) + status.resources
    names = {region for by_region in cells.values() for region in by_region}
    regions = sorted(names, key=lambda name: (name != GLOBAL, name))
    return {
        "regions": regions,
        "accounts": [
            {
                "id": account,
                "cells": [
                    {
                        "region": region,
                        "counts": by_region.get(region, {}),
                        "state": _worst(by_region.get(region, {})),
                        "resources": resources.get((account, region), 0),
                    }
                    for region in regions
                ],
            }
            for account, by_region in sorted(cells.items())
        ],
    }


def _worst(counts: Mapping[str, int]) -> str:
    # A service that is not available in a region is not a failure; a cell with nothing else is grey.
    worst = next((state for state in STATES if state in counts and state not in ("unsupported", "ok")), "")
    return worst or ("ok" if "ok" in counts else "unsupported" if counts else "none")
