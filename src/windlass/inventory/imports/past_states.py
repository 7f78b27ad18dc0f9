"""The revisions of a resource's past states, before Windlass's own observations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.core.patch import make_patch
from windlass.inventory.model import ChangeKind, Document
from windlass.inventory.revisions import KEYFRAME_EVERY

__all__ = ["PastRevision", "PastState", "merged_states", "past_revisions"]


@dataclass(frozen=True, slots=True)
class PastState:
    """A resource's document and name from a moment on; no document: it was deleted."""

    at: str
    document: Document | None
    name: str


@dataclass(frozen=True, slots=True)
class PastRevision:
    """A revision to store. `keyframe` where one is due."""

    state: PastState
    change: ChangeKind
    patch: tuple[Mapping[str, Any], ...]
    keyframe: Document | None
    valid_to: str | None


def merged_states(known: Iterable[PastState], new: Iterable[PastState], *, before: str | None) -> tuple[PastState, ...]:
    """Return states by time, each different from the one before it, all earlier than our own first observation (`before`).

    Of two states of one moment the new one counts. A deletion of a resource that did not exist is left out.
    """
    by_time = {state.at: state for state in (*known, *new)}
    states: list[PastState] = []
    for at in sorted(by_time):
        state = by_time[at]
        previous = states[-1].document if states else None
        if (before is None or at < before) and state.document != previous:
            states.append(state)
    return tuple(states)


def past_revisions(states: tuple[PastState, ...], *, before: str | None) -> tuple[PastRevision, ...]:
    """Return the revisions of these states; the last one is valid until our own first observation (`before`)."""
    revisions = []
    for number, state in enumerate(states):
        previous = states[number - 1].document if number else None
        valid_to = states[number + 1].at if number + 1 < len(states) else before
        if state.document is None:
            revisions.append(PastRevision(state, ChangeKind.DELETED, (), None, valid_to))
        elif previous is None:
            revisions.append(PastRevision(state, ChangeKind.CREATED, (), state.document, valid_to))
        else:
            keyframe = state.document if number % KEYFRAME_EVERY == 0 else None
            patch = tuple(make_patch(previous, state.document))
            revisions.append(PastRevision(state, ChangeKind.UPDATED, patch, keyframe, valid_to))
    return tuple(revisions)
