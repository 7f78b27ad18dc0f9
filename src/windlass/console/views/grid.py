"""Accounts by regions: what could be read where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windlass.console.views.links import Data
from windlass.inventory.model import GLOBAL, ScopeStatus

__all__ = ["STATES", "grid"]

STATES = ("failed", "timeout", "throttled", "denied", "partial", "interrupted", "unsupported", "ok")
"""From the worst to the best."""


def grid(scopes: Iterable[ScopeStatus]) -> Data:
    """Each cell: the worst state of its scopes, how many are in which state, how many resources they have."""
    cells: dict[str, dict[str, dict[str, int]]] = {}
    held: dict[tuple[str, str], int] = {}
    for one in scopes:
        account, region = one.scope.account_id, one.scope.region
        counted = cells.setdefault(account, {}).setdefault(region, {})
        counted[str(one.state)] = counted.get(str(one.state), 0) + 1
        held[account, region] = held.get((account, region), 0) + one.resources
    regions = sorted({region for found in cells.values() for region in found}, key=lambda one: (one != GLOBAL, one))
    return {
        "regions": regions,
        "accounts": [
            {
                "id": account,
                "cells": [
                    {
                        "region": region,
                        "counts": found.get(region, {}),
                        "state": _worst(found.get(region, {})),
                        "resources": held.get((account, region), 0),
                    }
                    for region in regions
                ],
            }
            for account, found in sorted(cells.items())
        ],
    }


def _worst(counts: Mapping[str, int]) -> str:
    # A service that is not in a region is no trouble; a cell of nothing else is grey.
    trouble = next((state for state in STATES if state in counts and state not in ("unsupported", "ok")), "")
    return trouble or ("ok" if "ok" in counts else "unsupported" if counts else "none")
