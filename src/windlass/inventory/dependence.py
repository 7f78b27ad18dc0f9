"""What a relation says about dependence: which of its two ends breaks when the other one is gone. Pure."""

from __future__ import annotations

from enum import StrEnum

from windlass.inventory.mentions import MENTIONS

__all__ = ["Dependence", "dependence_of", "kinds_of"]


class Dependence(StrEnum):
    """Which end of a relation needs the other."""

    SOURCE = "source"  # the source needs the target: a function and its role
    TARGET = "target"  # the target needs the source: a subnet and the route table that routes it
    NONE = "none"  # neither: a snapshot outlives its volume
    POSSIBLE = "possible"  # the source has the target's name somewhere, and nothing says what for


_EXCEPTIONS = {
    MENTIONS: Dependence.POSSIBLE,
    # The source is a part of the target, or serves it.
    "attached-to": Dependence.TARGET,
    "guards": Dependence.TARGET,
    "routes": Dependence.TARGET,
    "used-by": Dependence.TARGET,
    # The copy, or the replacement, does without the original.
    "snapshot-of": Dependence.NONE,
    "has-instance": Dependence.NONE,
    "shared-with": Dependence.NONE,
}


def dependence_of(kind: str) -> Dependence:
    """Return the dependence that a relation of this kind means: a type declares what its resources refer to and need."""
    return _EXCEPTIONS.get(kind, Dependence.SOURCE)


def kinds_of(dependence: Dependence) -> set[str]:
    """Return the kinds with a dependence other than `SOURCE`, which all others have."""
    return {kind for kind, meaning in _EXCEPTIONS.items() if meaning is dependence}
