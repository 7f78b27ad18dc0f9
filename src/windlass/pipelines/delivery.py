"""One object's event, handled so that each output appears exactly once whatever is delivered, repeated, reordered,
overwritten or killed in between. Sans-IO: a generator yields the calls to make and is sent their answers.

    gen = deliver(task)
    effect = next(gen)
    while True:
        effect = gen.send(perform(effect))     # StopIteration.value is the Outcome

The idea: an event is a hint that a key changed. What counts is the source *now* (or, where each version has targets of
its own, that version): read it, make the outputs, write each with a condition, and where a condition alone can't tell
(two different results may have one ETag, and S3 compares nothing else), look at the source once more. Only a handler
whose last look agrees with its last write ends; all others go round again. A crash loses nothing: the event is
acknowledged after the end only.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from windlass.events import ObjectEvent
from windlass.pipelines.stamp import SourceState, Stamp, TargetState, Verdict, compare, stamp_of

__all__ = [
    "Delete",
    "DeliveryTask",
    "Effect",
    "LookAtSource",
    "LookAtTarget",
    "NextOutput",
    "Outcome",
    "Put",
    "PutAnswer",
    "ReadSource",
    "deliver",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTask:
    """What is to be settled. `targets` are known without reading only where deletes are mirrored: exactly one, then."""

    pipeline: str
    recipe: str
    bucket: str
    key: str
    event: ObjectEvent | None = None  # None: a backfill
    per_version: bool = False  # each version has targets of its own
    mirror_target: str = ""  # the target's key, when removals are mirrored
    look_first: bool = False  # a retry: look before a body is sent that may be refused
    large_bytes: int = 0  # the same for sources larger than this; 0: for none
    attempts: int = 8


@dataclass(frozen=True, slots=True)
class ReadSource:
    """Open the source (this version, or the current one when ""). Answer: SourceState, or None when it is gone."""

    version_id: str


@dataclass(frozen=True, slots=True)
class LookAtSource:
    """Head of the current source. Answer: SourceState or None."""


@dataclass(frozen=True, slots=True)
class NextOutput:
    """Run the transform on to its next output. Answer: its target's key, or None when there are no more."""


@dataclass(frozen=True, slots=True)
class LookAtTarget:
    """Head of a target. Answer: TargetState or None."""

    key: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write the current output. `if_match` "" means If-None-Match: *. Answer: PutAnswer.

    S3 refuses with 412, with 409 when another write of the key is under way, and with 404 for If-Match on no object.
    """

    key: str
    stamp: Stamp
    if_match: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a target with If-Match. Answer: whether the condition held: 204 and 404 True, 412 and 409 False.

    AWS docs, "How to perform conditional deletes": general purpose buckets have it; it needs s3:GetObject, too.
    """

    key: str
    if_match: str


Effect: TypeAlias = ReadSource | LookAtSource | NextOutput | LookAtTarget | Put | Delete


class PutAnswer(Enum):
    """How a Put ended."""

    WRITTEN = "written"
    REFUSED = "the condition didn't hold; the output can be sent again"
    REFUSED_AND_SPENT = "the condition didn't hold, and the output's bytes are gone"


class Outcome(Enum):
    """How an event ended; all but CONTENDED may be acknowledged."""

    WRITTEN = "written"
    DUPLICATE = "its outputs were there"
    STALE = "a later event was handled before"
    GONE = "the source was deleted"
    DELETED = "the target was deleted with its source"
    COLLISION = "a target belongs to another source"
    NOTHING = "the transform made no output"
    CONTENDED = "others kept changing source or target: try again later"


_Delivering: TypeAlias = Generator[Effect, Any, Outcome]


class _Restart(Enum):
    """Go round again: from the source."""

    RESTART = 0


RESTART = _Restart.RESTART


def deliver(task: DeliveryTask) -> _Delivering:
    """The calls for one event, and how it ended."""
    if task.event is not None and task.event.removes and not task.mirror_target:
        return Outcome.GONE
    look_first = task.look_first
    for _ in range(task.attempts):
        outcome = yield from _attempt(task, look_first)
        if not isinstance(outcome, _Restart):
            return outcome
        look_first = True
    return Outcome.CONTENDED


def _attempt(task: DeliveryTask, look_first: bool) -> Generator[Effect, Any, Outcome | _Restart]:
    version_id = task.event.version_id if task.per_version and task.event is not None else ""
    if task.event is not None and task.event.removes:
        # A removal that finds its object there again is a change like any other.
        if (yield LookAtSource()) is None:
            return (yield from _remove(task))
        version_id = ""
    source: SourceState | None = yield ReadSource(version_id)
    if source is None:
        return (yield from _remove(task)) if task.mirror_target else Outcome.GONE
    look_first = look_first or 0 < task.large_bytes < source.size_bytes
    stamp = stamp_of(task.pipeline, task.bucket, task.key, task.recipe, source, task.event)
    outcome, check = Outcome.NOTHING, bool(task.mirror_target)
    while (key := (yield NextOutput())) is not None:
        placed, risky = yield from _write_output(task, key, stamp, source, look_first)
        if isinstance(placed, _Restart) or placed is Outcome.COLLISION:
            return placed
        check = check or risky
        if outcome is not Outcome.WRITTEN:
            outcome = placed
    if check and not task.per_version:
        now: SourceState | None = yield LookAtSource()
        if now != source:
            return RESTART
    return outcome


def _write_output(
    task: DeliveryTask, key: str, stamp: Stamp, source: SourceState, look_first: bool
) -> Generator[Effect, Any, tuple[Outcome | _Restart, bool]]:
    """Write one output, or find that it needn't be. True: an overwrite, after which the source is to be looked at."""
    if not look_first:
        answer: PutAnswer = yield Put(key, stamp)
        if answer is PutAnswer.WRITTEN:
            return Outcome.WRITTEN, False
        if answer is PutAnswer.REFUSED_AND_SPENT:
            return RESTART, False
    for _ in range(task.attempts):
        target: TargetState | None = yield LookAtTarget(key)
        verdict = Verdict.REPLACE if target is None else compare(stamp, target)
        if verdict is Verdict.UNKNOWN and not task.per_version:
            now: SourceState | None = yield LookAtSource()
            if now != source:
                return RESTART, False
        elif verdict is not Verdict.REPLACE and verdict is not Verdict.UNKNOWN:
            return _VERDICT_OUTCOMES[verdict], False
        answer = yield Put(key, stamp, target.etag if target is not None else "")
        if answer is PutAnswer.WRITTEN:
            return Outcome.WRITTEN, target is not None
        if answer is PutAnswer.REFUSED_AND_SPENT:
            return RESTART, False
    return RESTART, False


_VERDICT_OUTCOMES = {
    Verdict.DUPLICATE: Outcome.DUPLICATE,
    Verdict.STALE: Outcome.STALE,
    Verdict.FOREIGN: Outcome.COLLISION,
}


def _remove(task: DeliveryTask) -> Generator[Effect, Any, Outcome | _Restart]:
    """The source is gone, so its target goes, if it is ours."""
    target: TargetState | None = yield LookAtTarget(task.mirror_target)
    ours = stamp_of(task.pipeline, task.bucket, task.key, task.recipe, SourceState(), task.event)
    if target is None or target.stamp is None or target.stamp.source != ours.source:
        return Outcome.GONE
    if not (yield Delete(task.mirror_target, target.etag)):
        return RESTART
    # The source may be back, and its new target, equal in every byte to the old one, may be what was just deleted.
    return Outcome.DELETED if (yield LookAtSource()) is None else RESTART
