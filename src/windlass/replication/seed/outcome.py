"""The outcome of a seed. Its final state, summary line, exit code and report follow from the counts here. Pure.

The status "Complete" of a job means only that S3 processed its list. The comparison shows whether the destination has
every object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from windlass.core.errors import PartialFailure
from windlass.replication.model import FailureGroup, SeedState
from windlass.replication.seed.task import SeedTask

__all__ = [
    "DIFFERENT",
    "MISSING",
    "NOT_VERIFIED",
    "NO_TASKS",
    "VERIFY_FAILED",
    "SeedOutcome",
    "incomplete_error",
    "summary",
]

MISSING, DIFFERENT = "DstObjectMissing", "DstObjectDifferent"
NOT_VERIFIED, VERIFY_FAILED = "NotVerified", "VerifyFailed"
NEWER = "DstObjectNewer"
NO_TASKS = "nothing to do: no object was eligible"

_WORDS = {
    SeedState.DONE: "Complete",
    SeedState.INCOMPLETE: "Incomplete",
    SeedState.FAILED: "Failed",
    SeedState.CANCELLED: "Cancelled",
    SeedState.WAITING: "Suspended",
    SeedState.COPYING: "Active",
    SeedState.VERIFYING: "Active",
    SeedState.PREPARING: "Preparing",
    SeedState.QUEUED: "New",
}
_BAD = (SeedState.FAILED, SeedState.INCOMPLETE, SeedState.CANCELLED)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class SeedOutcome:
    """The outcome of a seed, final or so far. `failures` are the failures of its copies."""

    seed: SeedTask
    failures: Sequence[FailureGroup] = ()

    @property
    def incomplete(self) -> bool:
        """True when the seed has ended and the destination is missing objects, or may be."""
        return self.seed.state in _BAD

    def state_after(self, status: str, *, strict: bool = False) -> SeedState:
        """Return a seed's final state from the `status` of its job. With `strict`, objects that could not be compared count."""
        if status == "Cancelled":
            return SeedState.CANCELLED
        if status == "Failed":
            return SeedState.FAILED
        short = self._count("missing") or self._count("different") or self.seed.verified.get("error")
        short = short or (strict and self._count("unknown"))
        return SeedState.INCOMPLETE if self.seed.failed or short else SeedState.DONE

    @property
    def line(self) -> str:
        """Return the summary line, `State: Complete, Total: 836, Success: 836, Failed 0`, with the result of the
        comparison.
        """
        seed = self.seed
        word = _WORDS[seed.state] if seed.state.ended else seed.checkpoint.status or _WORDS[seed.state]
        text = f"State: {word}, Total: {seed.total}, Success: {seed.done}, Failed {seed.failed}"
        return ", ".join([text, *self._verified_words()])

    @property
    def reason(self) -> str:
        """Return why the seed is not complete, with some of the keys; empty when it is complete."""
        if not self.incomplete:
            return ""
        words = [f"{self.seed.failed:,} failed"] if self.seed.failed else []
        words += [word.lower() if word[0].isupper() else word for word in self._verified_words()]
        return ", ".join(words) or self.seed.error or str(self.seed.state)

    def shortfalls(self) -> tuple[FailureGroup, ...]:
        """Return the reasons for the report: failures of copies, then objects that only the comparison found. Each
        object is in one reason.
        """
        verified = self.seed.verified
        newer = sum(group.count for group in self.failures if group.code == NEWER)
        failed = sum(group.count for group in self.failures) - newer
        named = {key for group in self.failures for key in group.keys}
        shortfalls: list[FailureGroup] = list(self.failures)
        for code, kind, known in (
            (MISSING, "missing", failed),
            (DIFFERENT, "different", newer),
            (NOT_VERIFIED, "unknown", 0),
        ):
            if (count := self._count(kind) - known) > 0:
                keys = [key for key in self._keys(kind) if key not in named]
                shortfalls.append(FailureGroup(code=code, count=count, keys=tuple(keys)))
        if verified.get("error"):
            shortfalls.append(FailureGroup(code=VERIFY_FAILED, count=1, message=str(verified["error"])))
        return tuple(shortfalls)

    def _verified_words(self) -> list[str]:
        if self.seed.verified.get("error"):
            return ["Not verified"]
        words = []
        if self._count("missing") + self._count("different") > self.seed.failed:
            words += [self._named(word, kind) for word, kind in (("Missing", "missing"), ("Different", "different"))]
        words.append(f"Not verified {self._count('unknown')}" if self._count("unknown") else "")
        return [word for word in words if word]

    def _named(self, word: str, kind: str) -> str:
        count, keys = self._count(kind), self._keys(kind)
        more = ", …" if count > len(keys[:_NAMED]) else ""
        return f"{word} {count} ({', '.join(keys[:_NAMED])}{more})" if count else ""

    def _count(self, kind: str) -> int:
        return int(self.seed.verified.get(kind) or 0)

    def _keys(self, kind: str) -> list[str]:
        examples: Any = self.seed.verified.get("examples") or {}
        return list(examples.get(kind, ()))


def incomplete_error(outcomes: Sequence[SeedOutcome], hint: str) -> PartialFailure | None:
    """Return the error that a command ends with when seeds are not complete; it names the pairs and why. None when all are."""
    bad = [outcome for outcome in outcomes if outcome.incomplete]
    if not bad:
        return None
    named = "; ".join(f"{outcome.seed.pair.title}: {outcome.reason}" for outcome in bad[:_NAMED])
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    verb = "is" if len(bad) == 1 else "are"
    return PartialFailure(f"{len(bad)} of {len(outcomes)} seeds {verb} not complete: {named}{more}", hint=hint)


def summary(task: SeedTask) -> str:
    """Return one sentence about a finished seed: objects done, and what the comparison found."""
    verified = task.verified
    parts = [f"{task.done:,} of {task.total:,}" if task.total else NO_TASKS]
    if verified.get("error"):
        parts.append(f"not verified: {verified['error']}")
    elif verified:
        parts.append(
            f"verified: {verified['missing']:,} missing, {verified['different']:,} different, {verified['extra']:,} extra, "
            f"{verified.get('unknown', 0):,} not comparable"
        )
    return "; ".join(parts)
