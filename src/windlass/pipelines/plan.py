"""What an event means for one target: the fence that lets no older result replace a newer one. Pure.

Each output carries a stamp in its metadata: of which object it was made, of which version, by which recipe, for which
event (by S3's sequencer). Metadata is the whole memory: no table, and a second reader can check it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from windlass.events import ObjectEvent, sequence_key

__all__ = ["Found", "SourceState", "Stamp", "Verdict", "compare", "stamp_of"]

_PREFIX = "windlass-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A source as a read or a look found it. `modified` is Last-Modified as ISO text."""

    version_id: str = ""
    etag: str = ""
    modified: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where an output comes from."""

    source: str  # a digest of pipeline, bucket and key: keys can be longer than metadata may be
    recipe: str  # a digest of the transform
    version_id: str = ""
    etag: str = ""
    modified: str = ""
    sequence: str = ""  # sequence_key of the event; "" when it had none (a backfill, CloudTrail)

    def to_metadata(self) -> dict[str, str]:
        """As user metadata of S3 (ASCII, some 200 bytes of the 2 KB there are)."""
        pairs = ((name, getattr(self, name)) for name in _FIELDS)
        return {_PREFIX + name.replace("_", "-"): value for name, value in pairs if value}

    @staticmethod
    def from_metadata(metadata: Mapping[str, str]) -> Stamp | None:
        """The stamp of an object; None when it has none: somebody else wrote it."""
        lower = {name.lower(): value for name, value in metadata.items()}
        found = {name: lower.get(_PREFIX + name.replace("_", "-"), "") for name in _FIELDS}
        return Stamp(**found) if found["source"] and found["recipe"] else None


_FIELDS = ("source", "recipe", "version_id", "etag", "modified", "sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A target that exists: its ETag, and its stamp where it has one."""

    etag: str
    stamp: Stamp | None


class Verdict(Enum):
    """What to do with an output for a target that exists."""

    REPLACE = "the target is older"
    DUPLICATE = "the target is just this output"
    STALE = "the target is of a later event"
    UNKNOWN = "nothing orders the two: look whether the source is still what was read"
    FOREIGN = "the target is of another source, or of nobody known: it is not overwritten"


def stamp_of(
    pipeline: str, bucket: str, key: str, recipe: str, source: SourceState, event: ObjectEvent | None
) -> Stamp:
    """The stamp of an output of what was read, for this event (None: a backfill)."""
    return Stamp(
        source=hashlib.sha256(f"{pipeline}\n{bucket}\n{key}".encode()).hexdigest()[:32],
        recipe=recipe,
        version_id=source.version_id,
        etag=source.etag,
        modified=source.modified,
        sequence=sequence_key(event.sequencer) if event is not None else "",
    )


def compare(ours: Stamp, target: Found) -> Verdict:
    """How an output with our stamp stands to the target.

    The sequencer of the event is at most that of the content that was read (the read came after), so a greater one on
    the target means that a later event was handled: its handler read this content or later. Last-Modified orders
    nothing: of a multipart upload it is the time at which that began.
    """
    theirs = target.stamp
    if theirs is None or theirs.source != ours.source:
        return Verdict.FOREIGN
    same = (theirs.version_id, theirs.etag, theirs.modified) == (ours.version_id, ours.etag, ours.modified)
    if same and theirs.recipe == ours.recipe:
        return Verdict.DUPLICATE
    if not ours.sequence or not theirs.sequence or ours.sequence == theirs.sequence:
        return Verdict.UNKNOWN
    return Verdict.REPLACE if ours.sequence > theirs.sequence else Verdict.STALE
