"""What could be read where, per account, region and service: from the scopes' states and from those never visited. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from windlass.core.suggest import unknown_word
from windlass.estate.model import RegionSource
from windlass.inventory.model import AccountStatus, Scope, ScopeState, ScopeStatus

__all__ = ["UNSCANNED", "CoverageRow", "account_notes", "coverage", "select_rows"]

UNSCANNED = "unscanned"
"""The state of what would be collected and never was."""

_STATE_NAMES = frozenset({UNSCANNED, *map(str, ScopeState)})
_WORST_FIRST = (
    ScopeState.FAILED,
    ScopeState.TIMEOUT,
    ScopeState.THROTTLED,
    ScopeState.DENIED,
    ScopeState.INTERRUPTED,
    UNSCANNED,
    ScopeState.PARTIAL,
    ScopeState.OK,
    ScopeState.UNSUPPORTED,  # the service is not there: last, so that it never hides what is known of its neighbours
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """A service in an account and region; `state` is the worst of its scopes, `state_since` when that began."""

    account_id: str
    region: str
    service: str
    state: str
    state_since: datetime | None
    last_good_at: datetime | None  # of the scope that was read longest ago; None while one never was
    scopes: int
    unread: int  # scopes whose listing is not complete now, or that were never visited
    resources: int
    details_unknown: int
    error: str  # of a scope in the worst state


def coverage(statuses: Iterable[ScopeStatus], expected: Iterable[Scope]) -> tuple[CoverageRow, ...]:
    """One row per account, region and service, the worst state first. `expected` scopes without a status are unscanned."""
    groups: dict[tuple[str, str, str], list[ScopeStatus | None]] = {}
    visited = set()
    for status in statuses:
        visited.add(status.scope)
        groups.setdefault(_key(status.scope), []).append(status)
    for scope in expected:
        if scope not in visited:
            groups.setdefault(_key(scope), []).append(None)
    rows = [_row(*key, members) for key, members in groups.items()]
    return tuple(sorted(rows, key=lambda row: (_WORST_FIRST.index(row.state), row.account_id, row.region, row.service)))


def select_rows(rows: Sequence[CoverageRow], **wanted: Sequence[str]) -> tuple[CoverageRow, ...]:
    """The rows whose fields have one of the wanted values; an empty choice lets all through.

    UsageError with the nearest known value for one that no row could have.
    """
    for name, values in wanted.items():
        known = {str(getattr(row, name)) for row in rows} | (_STATE_NAMES if name == "state" else frozenset())
        for value in values:
            if known and value not in known:
                raise unknown_word(name.removesuffix("_id"), value, known)
    return tuple(
        row for row in rows if all(not values or getattr(row, name) in values for name, values in wanted.items())
    )


def account_notes(accounts: Iterable[AccountStatus]) -> Iterator[str]:
    """A line for each account that is refused, or whose list of regions did not come from AWS."""
    for account in accounts:
        if not account.state.complete:
            yield f"{account.account_id}: {account.state} since {account.state_since:%Y-%m-%d %H:%M}Z: {account.error}"
        if account.regions_source and not RegionSource(account.regions_source).current:
            reason = f" ({account.regions_note})" if account.regions_note and account.state.complete else ""
            yield f"{account.account_id}: its regions are those of {account.regions_source}{reason}"


def _key(scope: Scope) -> tuple[str, str, str]:
    return scope.account_id, scope.region, scope.type.partition(".")[0]


def _row(account_id: str, region: str, service: str, members: Sequence[ScopeStatus | None]) -> CoverageRow:
    visited = [one for one in members if one is not None]
    states = {str(one.state) if one else UNSCANNED for one in members}
    state = next(str(one) for one in _WORST_FIRST if str(one) in states)
    worst = [one for one in visited if str(one.state) == state]
    there = [one for one in members if one is None or one.state is not ScopeState.UNSUPPORTED]
    good = [one.last_good_at if one else None for one in there]
    return CoverageRow(
        account_id=account_id,
        region=region,
        service=service,
        state=state,
        state_since=min((one.state_since for one in worst if one.state_since), default=None),
        last_good_at=None if None in good else min((moment for moment in good if moment), default=None),
        scopes=len(members),
        unread=sum(one is None or not one.state.complete for one in there),
        resources=sum(one.resources for one in visited),
        details_unknown=sum(one.details_unknown for one in visited),
        error=next((one.error for one in worst if one.error), ""),
    )
