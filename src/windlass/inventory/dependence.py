"""Dependence: which end of a relation breaks when the other end is gone. Pure."""

from __future__ import annotations

from enum import StrEnum

from windlass.inventory.mentions import MENTIONS

__all__ = ["Dependence", "dependence_of", "kinds_of"]


class Dependence(StrEnum):
    """Which end of a relation needs the other."""

    SOURCE = "source"  # the source needs the target: a function and its role
    TARGET = "target"  # the target needs the source: a subnet and the route table that routes it
    NONE = "none"  # neither needs the other: a snapshot outlives its volume
    POSSIBLE = "possible"  # the source contains the target's name for an unknown purpose


_EXCEPTIONS = {
    MENTIONS: Dependence.POSSIBLE,
    # The source is a part of the target, or serves it.
    "attached-to": Dependence.TARGET,
    "guards": Dependence.TARGET,
    "routes": Dependence.TARGET,
    "used-by": Dependence.TARGET,
    # A copy or a replacement works without the original.
    "snapshot-of": Dependence.NONE,
    "has-instance": Dependence.NONE,
    "shared-with": Dependence.NONE,
}


def dependence_of(kind: str) -> Dependence:
    """Return the dependence of relations of this kind; `SOURCE` for every kind without an exception."""
    return _EXCEPTIONS.get(kind, Dependence.SOURCE)


def kinds_of(dependence: Dependence) -> set[str]:
    """Return the kinds with a dependence other than `SOURCE`, which all others have."""
    return {kind for kind, meaning in _EXCEPTIONS.items() if meaning is dependence}
