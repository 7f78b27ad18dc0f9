"""What a visit changes, decided without a database: known rows and observations in, effects out.

A deletion follows only from a complete listing of the resource's own scope. What could not be read keeps its last
known value. An unchanged resource has no effect at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from windlass.core.canonical import digest
from windlass.core.patch import apply_patch, make_patch
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.model import GLOBAL, ChangeKind, Document, Observation, ScopeResult
from windlass.inventory.observations import addresses_of, edges_of, name_of

__all__ = [
    "KEYFRAME_EVERY",
    "KnownResource",
    "NewRevision",
    "diff_scope",
    "keep_unread_values",
    "match_known",
    "replay",
]

KEYFRAME_EVERY = 16
"""Every so many revisions one carries the whole document, so that any past state is at most this many patches away."""


@dataclass(frozen=True, slots=True)
class KnownResource:
    """A resource of the scope as the store has it."""

    row_id: int
    digest: str
    deleted: bool
    resource_id: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """One revision to write. `row_id` is None for a resource never seen before; a deletion has no observation."""

    change: ChangeKind
    row_id: int | None
    observation: Observation | None = None
    document: Document | None = None
    digest: str = ""
    patch: tuple[Mapping[str, Any], ...] = ()


def match_known(known: Mapping[str, KnownResource], result: ScopeResult) -> tuple[ScopeResult, dict[str, str]]:
    """Observations under the keys the store has, and the keys to renew there, old to new.

    An item whose ARN only a detail tells is known by its id while that detail can't be read: it is the same resource
    before and after. A bucket that could not be located stays in the region where it was.
    """
    by_id = {row.resource_id: key for key, row in known.items() if not row.deleted}
    renewed: dict[str, str] = {}
    observations = []
    for observation in result.observations:
        if observation.key not in known:
            fallback = replace(observation, arn="").key
            earlier = by_id.get(observation.resource_id, "")
            if observation.arn and fallback in known:
                renewed[fallback] = observation.key
            elif not observation.arn and observation.unknown and earlier.startswith("arn:"):
                observation = replace(observation, arn=earlier)
        row = known.get(observation.key)
        if row is not None and observation.region == GLOBAL and "Region" in observation.unknown:
            observation = replace(observation, region=row.region)
        observations.append(observation)
    return replace(result, observations=tuple(observations)), renewed


def diff_scope(
    known: Mapping[str, KnownResource],
    result: ScopeResult,
    documents_of: Callable[[Sequence[int]], Mapping[int, Document]],
) -> tuple[NewRevision, ...]:
    """The revisions a visit brings. `documents_of` gives current documents by row_id; only changed ones are asked for."""
    if not result.state.complete:
        return ()
    fresh: list[NewRevision] = []
    doubtful: list[tuple[KnownResource, Observation]] = []
    seen: set[str] = set()
    for observation in result.observations:
        if observation.key in seen:  # a resource moved between two pages of the listing
            continue
        seen.add(observation.key)
        have = known.get(observation.key)
        if have is None or have.deleted:
            document = observation.document
            fresh.append(
                NewRevision(
                    change=ChangeKind.CREATED,
                    row_id=have.row_id if have else None,
                    observation=observation,
                    document=document,
                    digest=digest(document),
                    patch=({"op": "replace", "path": "", "value": document},),
                )
            )
        elif observation.unknown or digest(observation.document) != have.digest:
            doubtful.append((have, observation))
    updated = _updates(doubtful, documents_of([have.row_id for have, _ in doubtful]) if doubtful else {})
    gone = [
        NewRevision(change=ChangeKind.DELETED, row_id=have.row_id)
        for key, have in known.items()
        if key not in seen and not have.deleted
    ]
    return (*fresh, *updated, *gone)


def _updates(
    doubtful: Iterable[tuple[KnownResource, Observation]], documents: Mapping[int, Document]
) -> list[NewRevision]:
    effects = []
    for have, observation in doubtful:
        old = documents[have.row_id]
        new = keep_unread_values(old, observation)
        observation = _whole(observation, new)
        patch = make_patch(old, new)
        if patch:
            effects.append(
                NewRevision(
                    change=ChangeKind.UPDATED,
                    row_id=have.row_id,
                    observation=observation,
                    document=new,
                    digest=digest(new),
                    patch=tuple(patch),
                )
            )
    return effects


def keep_unread_values(old: Document, observation: Observation) -> Document:
    """The observed document, its unknown keys as they were last known; `*` is every key that was not seen now."""
    if not observation.unknown:
        return observation.document
    everything = "*" in observation.unknown
    kept = {
        key: value
        for key, value in old.items()
        if key not in observation.document and (everything or key in observation.unknown)
    }
    return {**observation.document, **kept}


def _whole(observation: Observation, document: Document) -> Observation:
    """The observation with tags, relations and addresses of the whole document: an unread detail must not take them away."""
    kind = BY_NAME.get(observation.type)
    if not observation.unknown or kind is None:
        return observation
    tags = document.get("Tags")
    tags = tags if isinstance(tags, dict) else {}
    return replace(
        observation,
        name=name_of(kind, document, tags, observation.resource_id),
        tags=tags,
        edges=edges_of(kind, document),
        addresses=addresses_of(kind, document),
    )


def replay(revisions: Iterable[tuple[Document | None, Sequence[Mapping[str, Any]]]]) -> Document | None:
    """The document after a resource's revisions, oldest first, each (keyframe or None, patch); None when deleted."""
    document: Document | None = None
    for keyframe, patch in revisions:
        if keyframe is not None:
            document = keyframe
        elif patch:
            document = apply_patch(document, [dict(operation) for operation in patch])
        else:
            document = None  # a deletion
    return document
