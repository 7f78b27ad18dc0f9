"""Judging documents by checks. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.checks.condition import ALL_UNREAD, Condition, parse_condition
from windlass.checks.functions import NOTHING_KNOWN, OtherResources
from windlass.checks.model import Check, Status

__all__ = ["CompiledCheck", "Evaluator", "Subject"]

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """A resource as conditions see it: its document, with `@account`, `@region`, `@name` and `@tags` beside the members."""

    account_id: str
    region: str
    name: str
    tags: Mapping[str, str]
    document: Mapping[str, Any]
    unread: frozenset[str] = _NOTHING

    def members(self) -> dict[str, Any]:
        """Return the document and the members that begin with `@`."""
        return {
            **self.document,
            "@account": self.account_id,
            "@region": self.region,
            "@name": self.name,
            "@tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class CompiledCheck:
    """A check with its conditions parsed."""

    check: Check
    passes: Condition
    applies: Condition | None

    @property
    def timed(self) -> bool:
        """True when its result may change with time alone."""
        return any(condition.changes is not None for condition in self._conditions)

    @property
    def reads_others(self) -> bool:
        """True when its result depends on other resources than the one that it judges."""
        return any(condition.reads_others for condition in self._conditions)

    @property
    def functions(self) -> frozenset[str]:
        """The functions that its conditions call."""
        return frozenset().union(*(condition.functions for condition in self._conditions))

    def next_change(self, now: datetime) -> datetime | None:
        """Return when the result of what was just judged may change with time alone; None when it never does."""
        times = [each.changes.next_after(now) for each in self._conditions if each.changes is not None]
        return min((time for time in times if time is not None), default=None)

    @property
    def _conditions(self) -> tuple[Condition, ...]:
        return (self.passes, self.applies) if self.applies is not None else (self.passes,)

    def judge(self, members: Mapping[str, Any], unread: AbstractSet[str]) -> Status | None:
        """Return the result, None when the check does not apply."""
        if self.applies is not None:
            applies = self.applies.evaluate(members, unread)
            if applies is None:
                return Status.UNKNOWN
            if not applies:
                return None
        passes = self.passes.evaluate(members, unread)
        if passes is None:
            return Status.UNKNOWN
        return Status.PASS if passes else Status.FAIL

    def needs(self, unread: AbstractSet[str]) -> tuple[str, ...]:
        """Return the unread members that the check needs, in order."""
        members = self.passes.members | (self.applies.members if self.applies is not None else _NOTHING)
        return tuple(sorted(unread)) if ALL_UNREAD in unread else tuple(sorted(members & unread))


class Evaluator:
    """All checks, by the type that they judge."""

    def __init__(
        self, checks: Iterable[Check], moment: Callable[[], datetime], others: OtherResources = NOTHING_KNOWN
    ) -> None:
        self._by_type: dict[str, list[CompiledCheck]] = defaultdict(list)
        for check in checks:
            if check.sql:
                continue
            applies = parse_condition(check.applies, moment, others) if check.applies else None
            passes = parse_condition(check.passes, moment, others)
            self._by_type[check.type].append(CompiledCheck(check, passes, applies))

    @property
    def types(self) -> tuple[str, ...]:
        """The types that at least one check judges, in order."""
        return tuple(sorted(self._by_type))

    def checks_of(self, kind: str) -> Sequence[CompiledCheck]:
        """Return the checks of a type."""
        return self._by_type.get(kind, ())

    def judge(self, kind: str, subject: Subject) -> dict[str, Status]:
        """Return the result of every check that applies to a resource, by the check's id."""
        members, results = subject.members(), {}
        for compiled in self.checks_of(kind):
            status = compiled.judge(members, subject.unread)
            if status is not None:
                results[compiled.check.id] = status
        return results
