"""When a scope without resources is asked again: the longer it has been empty, the later. Pure.

A curated type is asked again after an eighth of the time that it has been empty, at most a day: a collection every few
minutes sees a new resource minutes after the first one in a scope, hours after it in a scope that was empty for weeks.
Automatic types are twenty times as many, and mostly unused: half of the time, at least an hour, at most a week.
"""

from __future__ import annotations

from dataclasses import dataclass

from windlass.inventory.model import ScopeState

__all__ = ["EmptyState", "next_ask_s"]

_HOUR_S, _DAY_S, _WEEK_S = 3_600, 86_400, 604_800
_CURATED_FRACTION = 1 / 8
_AUTOMATIC_FRACTION = 1 / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyState:
    """A scope without resources. Times are seconds since 1970: `since` when it became so, `asked` its last listing."""

    state: ScopeState
    since: int
    asked: int
    error_code: str = ""
    error: str = ""


def next_ask_s(scope: EmptyState, *, automatic: bool, refusal_s: float) -> float:
    """Return when the scope is asked again, in seconds since 1970. `refusal_s` is how long a refusal is believed."""
    quiet_s = scope.asked - scope.since
    if automatic and scope.state is ScopeState.UNSUPPORTED:
        return scope.asked + refusal_s
    if automatic and scope.state is ScopeState.OK:
        return scope.asked + min(_WEEK_S, max(_HOUR_S, quiet_s * _AUTOMATIC_FRACTION))
    if automatic:  # denied or unreachable: a fault that somebody may mend
        return scope.asked + min(_DAY_S, quiet_s * _AUTOMATIC_FRACTION)
    return scope.asked + min(_DAY_S, quiet_s * _CURATED_FRACTION)
