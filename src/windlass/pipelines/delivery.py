"""Delivery of one object: each output appears exactly once, despite repeated or reordered events, overwrites and crashes.

Sans-IO: a generator yields the calls to make and receives their results.

    gen = deliver(task)
    effect = next(gen)
    while True:
        effect = gen.send(interpret(effect))     # StopIteration.value is the DeliveryOutcome

An event is a hint that a key changed. The result depends on the source *now* (or on that version, where each version has its
own targets): read the source, make the outputs, and write each with a condition. Two different results can have the same ETag,
and S3 compares nothing else; where the condition is not enough, read the source's head once more. A delivery ends only when
that head agrees with what it wrote; otherwise it starts over. A crash loses nothing, because the event is acknowledged last.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from windlass.events import ObjectEvent
from windlass.pipelines.stamp import SourceState, Stamp, StampOrder, TargetState, compare, stamp_of

__all__ = [
    "DeleteTarget",
    "DeliveryOutcome",
    "DeliveryTask",
    "Effect",
    "HeadSource",
    "HeadTarget",
    "NextOutput",
    "PutResult",
    "PutTarget",
    "ReadSource",
    "deliver",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTask:
    """One object to deliver. Where deletions are mirrored, the object has exactly one target, known without reading it."""

    pipeline: str
    recipe: str
    bucket: str
    key: str
    event: ObjectEvent | None = None  # None: a backfill
    per_version: bool = False  # each version has its own targets
    mirror_target: str = ""  # the target's key, when removals are mirrored
    head_first: bool = False  # a retry: read the target's head before sending a body that may be refused
    large_bytes: int = 0  # read the target's head first for sources larger than this; 0: never
    attempts: int = 8


@dataclass(frozen=True, slots=True)
class ReadSource:
    """Open the source (this version, or the current one when ""). Result: SourceState, or None when it does not exist."""

    version_id: str


@dataclass(frozen=True, slots=True)
class HeadSource:
    """Read the head of the current source. Result: SourceState or None."""


@dataclass(frozen=True, slots=True)
class NextOutput:
    """Run the transform up to its next output. Result: the output's target key, or None after the last."""


@dataclass(frozen=True, slots=True)
class HeadTarget:
    """Read the head of a target. Result: TargetState or None."""

    key: str


@dataclass(frozen=True, slots=True)
class PutTarget:
    """Write the current output. `if_match` "" means If-None-Match: *. Result: PutResult.

    S3 refuses with 412, with 409 during another write of the key, and with 404 for If-Match without an object.
    """

    key: str
    stamp: Stamp
    if_match: str = ""


@dataclass(frozen=True, slots=True)
class DeleteTarget:
    """Delete a target with If-Match. Result: True for 204 and 404, False for 412 and 409 (the condition did not hold).

    AWS docs, "How to perform conditional deletes": general purpose buckets support it; it needs s3:GetObject as well.
    """

    key: str
    if_match: str


Effect: TypeAlias = ReadSource | HeadSource | NextOutput | HeadTarget | PutTarget | DeleteTarget


class PutResult(Enum):
    """The result of a PutTarget."""

    WRITTEN = "written"
    REFUSED = "the condition did not hold; the output can be sent again"
    REFUSED_AND_SPENT = "the condition did not hold, and the output's bytes are used up"


class DeliveryOutcome(Enum):
    """The result of a delivery. All but CONTENDED may be acknowledged."""

    WRITTEN = "written"
    DUPLICATE = "its outputs already existed"
    STALE = "a later event was delivered first"
    GONE = "the source was deleted"
    DELETED = "the target was deleted with its source"
    COLLISION = "a target belongs to another source"
    NOTHING = "the transform made no output"
    CONTENDED = "the source or target kept changing: try again later"


_Delivering: TypeAlias = Generator[Effect, Any, DeliveryOutcome]


class _Restart(Enum):
    """Start over from the source."""

    RESTART = 0


RESTART = _Restart.RESTART


def deliver(task: DeliveryTask) -> _Delivering:
    """Yield the calls for one object and return its outcome."""
    if task.event is not None and task.event.removes and not task.mirror_target:
        return DeliveryOutcome.GONE
    head_first = task.head_first
    for _ in range(task.attempts):
        outcome = yield from _attempt(task, head_first)
        if not isinstance(outcome, _Restart):
            return outcome
        head_first = True
    return DeliveryOutcome.CONTENDED


def _attempt(task: DeliveryTask, head_first: bool) -> Generator[Effect, Any, DeliveryOutcome | _Restart]:
    version_id = task.event.version_id if task.per_version and task.event is not None else ""
    if task.event is not None and task.event.removes:
        # The object exists again: the removal is handled like any other change.
        if (yield HeadSource()) is None:
            return (yield from _remove(task))
        version_id = ""
    source: SourceState | None = yield ReadSource(version_id)
    if source is None:
        return (yield from _remove(task)) if task.mirror_target else DeliveryOutcome.GONE
    head_first = head_first or 0 < task.large_bytes < source.size_bytes
    stamp = stamp_of(task.pipeline, task.bucket, task.key, task.recipe, source, task.event)
    outcome, check = DeliveryOutcome.NOTHING, bool(task.mirror_target)
    while (key := (yield NextOutput())) is not None:
        placed, risky = yield from _write_output(task, key, stamp, source, head_first)
        if isinstance(placed, _Restart) or placed is DeliveryOutcome.COLLISION:
            return placed
        check = check or risky
        if outcome is not DeliveryOutcome.WRITTEN:
            outcome = placed
    if check and not task.per_version:
        now: SourceState | None = yield HeadSource()
        if now != source:
            return RESTART
    return outcome


def _write_output(
    task: DeliveryTask, key: str, stamp: Stamp, source: SourceState, head_first: bool
) -> Generator[Effect, Any, tuple[DeliveryOutcome | _Restart, bool]]:
    """Write one output unless it exists already. True: it replaced an object, so the source must be checked afterwards."""
    if not head_first:
        result: PutResult = yield PutTarget(key, stamp)
        if result is PutResult.WRITTEN:
            return DeliveryOutcome.WRITTEN, False
        if result is PutResult.REFUSED_AND_SPENT:
            return RESTART, False
    for _ in range(task.attempts):
        target: TargetState | None = yield HeadTarget(key)
        verdict = StampOrder.REPLACE if target is None else compare(stamp, target)
        if verdict is StampOrder.UNKNOWN and not task.per_version:
            now: SourceState | None = yield HeadSource()
            if now != source:
                return RESTART, False
        elif verdict is not StampOrder.REPLACE and verdict is not StampOrder.UNKNOWN:
            return _OUTCOME_OF_ORDER[verdict], False
        result = yield PutTarget(key, stamp, target.etag if target is not None else "")
        if result is PutResult.WRITTEN:
            return DeliveryOutcome.WRITTEN, target is not None
        if result is PutResult.REFUSED_AND_SPENT:
            return RESTART, False
    return RESTART, False


_OUTCOME_OF_ORDER = {
    StampOrder.DUPLICATE: DeliveryOutcome.DUPLICATE,
    StampOrder.STALE: DeliveryOutcome.STALE,
    StampOrder.FOREIGN: DeliveryOutcome.COLLISION,
}


def _remove(task: DeliveryTask) -> Generator[Effect, Any, DeliveryOutcome | _Restart]:
    """Delete the target of a deleted source, if this pipeline made it."""
    target: TargetState | None = yield HeadTarget(task.mirror_target)
    expected = stamp_of(task.pipeline, task.bucket, task.key, task.recipe, SourceState(), task.event)
    if target is None or target.stamp is None or target.stamp.source != expected.source:
        return DeliveryOutcome.GONE
    if not (yield DeleteTarget(task.mirror_target, target.etag)):
        return RESTART
    # The source may exist again, and the deleted object may have been its new target, equal in every byte to the old one.
    return DeliveryOutcome.DELETED if (yield HeadSource()) is None else RESTART
