"""The stamp of an output, and the fence that keeps an older result from replacing a newer one. Pure.

Each output has a stamp in its metadata: its source object and version, its recipe, and its event (by S3's sequencer). Delivery
needs no other state: it has no table, and every reader can check the stamp.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from windlass.events import ObjectEvent, sequence_key

__all__ = ["SourceState", "Stamp", "StampOrder", "TargetState", "compare", "stamp_of"]

_PREFIX = "windlass-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A source as a GET or HEAD returned it. `modified` is Last-Modified as ISO text."""

    version_id: str = ""
    etag: str = ""
    modified: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The origin of an output."""

    source: str  # a digest of pipeline, bucket and key: keys can be longer than metadata may be
    recipe: str  # a digest of the transform
    version_id: str = ""
    etag: str = ""
    modified: str = ""
    sequence: str = ""  # sequence_key of the event; "" when it had none (a backfill, CloudTrail)

    def to_metadata(self) -> dict[str, str]:
        """Return the stamp as S3 user metadata (ASCII, about 200 of the 2,048 bytes allowed)."""
        pairs = ((name, getattr(self, name)) for name in _FIELDS)
        return {_PREFIX + name.replace("_", "-"): value for name, value in pairs if value}

    @staticmethod
    def from_metadata(metadata: Mapping[str, str]) -> Stamp | None:
        """Return the stamp in an object's metadata; None when no pipeline wrote the object."""
        lower = {name.lower(): value for name, value in metadata.items()}
        fields = {name: lower.get(_PREFIX + name.replace("_", "-"), "") for name in _FIELDS}
        return Stamp(**fields) if fields["source"] and fields["recipe"] else None


_FIELDS = ("source", "recipe", "version_id", "etag", "modified", "sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """An existing target: its ETag, and its stamp if a pipeline wrote it."""

    etag: str
    stamp: Stamp | None


class StampOrder(Enum):
    """The relation of an output to an existing target."""

    REPLACE = "the target is older"
    DUPLICATE = "the target is this output"
    STALE = "the target belongs to a later event"
    UNKNOWN = "the two have no order: check whether the source has changed since it was read"
    FOREIGN = "the target belongs to another source or was not written by a pipeline: it is not overwritten"


def stamp_of(
    pipeline: str, bucket: str, key: str, recipe: str, source: SourceState, event: ObjectEvent | None
) -> Stamp:
    """Return the stamp of an output made of this source state, for this event (None: a backfill)."""
    return Stamp(
        source=hashlib.sha256(f"{pipeline}\n{bucket}\n{key}".encode()).hexdigest()[:32],
        recipe=recipe,
        version_id=source.version_id,
        etag=source.etag,
        modified=source.modified,
        sequence=sequence_key(event.sequencer) if event is not None else "",
    )


def compare(stamp: Stamp, target: TargetState) -> StampOrder:
    """Compare an output with our stamp to an existing target.

    The content was read after its event, so it is at least as new as the event's sequencer. A greater sequencer on the target
    therefore means that a later event was delivered from this content or a newer one. Last-Modified gives no order: for a
    multipart upload it is the time at which the upload began.
    """
    existing = target.stamp
    if existing is None or existing.source != stamp.source:
        return StampOrder.FOREIGN
    same = (existing.version_id, existing.etag, existing.modified) == (stamp.version_id, stamp.etag, stamp.modified)
    if same and existing.recipe == stamp.recipe:
        return StampOrder.DUPLICATE
    if not stamp.sequence or not existing.sequence or stamp.sequence == existing.sequence:
        return StampOrder.UNKNOWN
    return StampOrder.REPLACE if stamp.sequence > existing.sequence else StampOrder.STALE
