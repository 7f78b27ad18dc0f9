"""The decision about each key of a page, for seeds and manifests. A HEAD is sent only when the listings do not decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windlass.replication.comparison import ContentVerdict, Criteria, KeyAction, action_for, compare_listed
from windlass.replication.direct.listing.evidence import Evidence
from windlass.wire.listing import Listed

__all__ = ["Decisions"]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decides by `criteria`; `evidence` compares objects for which the listings do not decide."""

    criteria: Criteria
    evidence: Evidence

    async def of(self, source: Sequence[Listed], destination: Mapping[str, Listed]) -> list[KeyAction]:
        """Return an action for each row of the source, in order."""
        if not destination:
            return [KeyAction.COPY] * len(source)
        criteria = self.criteria
        actions: list[KeyAction] = []
        open_: list[int] = []
        for at, row in enumerate(source):
            there = destination.get(row.key)
            verdict = ContentVerdict.UNKNOWN if there is None else compare_listed(row, there, criteria.by)
            actions.append(action_for(row, there, verdict, criteria))
            if verdict is ContentVerdict.UNKNOWN and there is not None and actions[at] is KeyAction.SKIP:
                open_.append(at)
        if open_:
            verdicts = await self.evidence.verdicts([(source[at], destination[source[at].key]) for at in open_])
            for at, verdict in zip(open_, verdicts, strict=True):
                actions[at] = action_for(source[at], destination[source[at].key], verdict, criteria)
        return actions
