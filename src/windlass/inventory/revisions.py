"""The revisions that follow from a scan, computed without a database from known resources and observations. Pure.

A deletion follows only from a complete listing of the resource's own scope. A detail that could not be read keeps its
last known value. An unchanged resource has no revision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from windlass.core.canonical import digest
from windlass.core.patch import apply_patch, make_patch
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.model import GLOBAL, ChangeEvent, ChangeKind, Document, Observation, ScopeResult
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
"""One revision in this many has the full document, so that any past state is at most this many patches away."""


@dataclass(frozen=True, slots=True)
class KnownResource:
    """A resource of the scope in the store."""

    row_id: int
    digest: str
    deleted: bool
    resource_id: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """One revision to write. `row_id` is None for a new resource; a deletion has no observation."""

    change: ChangeKind
    row_id: int | None
    observation: Observation | None = None
    document: Document | None = None
    digest: str = ""
    patch: tuple[Mapping[str, Any], ...] = ()
    events: tuple[ChangeEvent, ...] = ()  # oldest first


def match_known(known: Mapping[str, KnownResource], result: ScopeResult) -> tuple[ScopeResult, dict[str, str]]:
    """Return the observations under the keys of the store, and the keys to renew in the store, old to new.

    An item whose ARN is only in a detail has its id as key until that detail is read; it remains the same resource.
    A bucket that could not be located keeps its region.
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
    """Return the revisions of a scan. `documents_of` returns current documents by row id, and is called for changed ones."""
    if not result.state.complete:
        return ()
    created: list[NewRevision] = []
    compared: list[tuple[KnownResource, Observation]] = []
    seen: set[str] = set()
    for observation in result.observations:
        if observation.key in seen:  # the item moved between two pages of the listing
            continue
        seen.add(observation.key)
        stored = known.get(observation.key)
        if stored is None or stored.deleted:
            document = observation.document
            created.append(
                NewRevision(
                    change=ChangeKind.CREATED,
                    row_id=stored.row_id if stored else None,
                    observation=observation,
                    document=document,
                    digest=digest(document),
                    patch=({"op": "replace", "path": "", "value": document},),
                )
            )
        elif observation.unknown or digest(observation.document) != stored.digest:
            compared.append((stored, observation))
    updated = _updates(compared, documents_of([stored.row_id for stored, _ in compared]) if compared else {})
    deleted = [
        NewRevision(change=ChangeKind.DELETED, row_id=stored.row_id)
        for key, stored in known.items()
        if key not in seen and not stored.deleted
    ]
    return (*created, *updated, *deleted)


def _updates(
    compared: Iterable[tuple[KnownResource, Observation]], documents: Mapping[int, Document]
) -> list[NewRevision]:
    revisions = []
    for stored, observation in compared:
        old = documents[stored.row_id]
        new = keep_unread_values(old, observation)
        observation = _with_unread(observation, new)
        patch = make_patch(old, new)
        if patch:
            revisions.append(
                NewRevision(
                    change=ChangeKind.UPDATED,
                    row_id=stored.row_id,
                    observation=observation,
                    document=new,
                    digest=digest(new),
                    patch=tuple(patch),
                )
            )
    return revisions


def keep_unread_values(old: Document, observation: Observation) -> Document:
    """Return the observed document with the last known values of its unknown keys; `*` stands for every key that it lacks."""
    if not observation.unknown:
        return observation.document
    all_unknown = "*" in observation.unknown
    kept = {
        key: value
        for key, value in old.items()
        if key not in observation.document and (all_unknown or key in observation.unknown)
    }
    return {**observation.document, **kept}


def _with_unread(observation: Observation, document: Document) -> Observation:
    """Return the observation with the tags, relations and addresses of `document`, those in unread details included."""
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
    """Return the document after a resource's revisions, oldest first, each (keyframe or None, patch); None when deleted."""
    document: Document | None = None
    for keyframe, patch in revisions:
        if keyframe is not None:
            document = keyframe
        elif patch:
            document = apply_patch(document, [dict(operation) for operation in patch])
        else:
            document = None  # a deletion
    return document
