"""The back-off of scopes without resources: the longer one has been empty, the later it is scanned again. Pure.

A curated type is scanned again after an eighth of the time that it has been empty, at most a day. With a collection every
few minutes, the first resource of a scope is seen within minutes, or within hours if the scope was empty for weeks.
Automatic types are twenty times as many, and mostly unused: half of the time, at least an hour, at most a week.
"""

from __future__ import annotations

from dataclasses import dataclass

from windlass.inventory.model import ScopeState

__all__ = ["EmptyState", "next_scan_s"]

_HOUR_S, _DAY_S, _WEEK_S = 3_600, 86_400, 604_800
_CURATED_FRACTION = 1 / 8
_AUTOMATIC_FRACTION = 1 / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyState:
    """A scope without resources. Times are seconds since 1970: `since` it became empty, `scanned` its last listing."""

    state: ScopeState
    since: int
    scanned: int
    error_code: str = ""
    error: str = ""


def next_scan_s(scope: EmptyState, *, automatic: bool, refusal_s: float) -> float:
    """Return when the scope is scanned again, in seconds since 1970. `refusal_s` is how long a refusal is assumed to last."""
    quiet_s = scope.scanned - scope.since
    if automatic and scope.state is ScopeState.UNSUPPORTED:
        return scope.scanned + refusal_s
    if automatic and scope.state is ScopeState.OK:
        return scope.scanned + min(_WEEK_S, max(_HOUR_S, quiet_s * _AUTOMATIC_FRACTION))
    if automatic:  # denied or unreachable: somebody may correct it
        return scope.scanned + min(_DAY_S, quiet_s * _AUTOMATIC_FRACTION)
    return scope.scanned + min(_DAY_S, quiet_s * _CURATED_FRACTION)
