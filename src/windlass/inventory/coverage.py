"""What could be read per account, region and service, from the states of all scopes, unscanned ones included. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from windlass.core.suggest import unknown_word
from windlass.estate.model import RegionSource
from windlass.inventory.model import AccountStatus, Scope, ScopeState, ScopeStatus

__all__ = ["UNSCANNED", "CoverageRow", "account_notes", "coverage", "select_rows"]

UNSCANNED = "unscanned"
"""The state of a scope that the configuration collects and no run has scanned yet."""

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
    ScopeState.UNSUPPORTED,  # last, so that it never hides the state of another scope
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """A service in an account and region; `state` is the worst of its scopes, `state_since` when that began."""

    account_id: str
    region: str
    service: str
    state: str
    state_since: datetime | None
    last_good_at: datetime | None  # the oldest last complete scan among the scopes; None when one was never read
    scopes: int
    unread: int  # scopes whose last listing is not complete, or that were never scanned
    resources: int
    details_unknown: int
    error: str  # of a scope in the worst state
    scanned_at: datetime | None = None  # the oldest last scan among the scopes; None when one was never scanned


def coverage(statuses: Iterable[ScopeStatus], expected: Iterable[Scope]) -> tuple[CoverageRow, ...]:
    """Return one row per account, region and service, the worst state first. `expected` scopes without a status are unscanned."""
    groups: dict[tuple[str, str, str], list[ScopeStatus | None]] = {}
    scanned = set()
    for status in statuses:
        scanned.add(status.scope)
        groups.setdefault(_key(status.scope), []).append(status)
    for scope in expected:
        if scope not in scanned:
            groups.setdefault(_key(scope), []).append(None)
    rows = [_row(*key, members) for key, members in groups.items()]
    return tuple(sorted(rows, key=lambda row: (_WORST_FIRST.index(row.state), row.account_id, row.region, row.service)))


def select_rows(rows: Sequence[CoverageRow], **values_by_field: Sequence[str]) -> tuple[CoverageRow, ...]:
    """Return the rows whose fields have one of the given values; a field without values is not filtered.

    UsageError with the nearest known value for a value that no row has.
    """
    for name, values in values_by_field.items():
        known = {str(getattr(row, name)) for row in rows} | (_STATE_NAMES if name == "state" else frozenset())
        for value in values:
            if known and value not in known:
                raise unknown_word(name.removesuffix("_id"), value, known)
    return tuple(
        row
        for row in rows
        if all(not values or getattr(row, name) in values for name, values in values_by_field.items())
    )


def account_notes(accounts: Iterable[AccountStatus]) -> Iterator[str]:
    """Yield a line for each account that is refused, or whose regions were not listed by AWS."""
    for account in accounts:
        if not account.state.complete:
            yield f"{account.account_id}: {account.state} since {account.state_since:%Y-%m-%d %H:%M}Z: {account.error}"
        if account.regions_source and not RegionSource(account.regions_source).current:
            reason = f" ({account.regions_note})" if account.regions_note and account.state.complete else ""
            yield f"{account.account_id}: its regions are those of {account.regions_source}{reason}"


def _key(scope: Scope) -> tuple[str, str, str]:
    return scope.account_id, scope.region, scope.type.partition(".")[0]


def _row(account_id: str, region: str, service: str, members: Sequence[ScopeStatus | None]) -> CoverageRow:
    scanned = [status for status in members if status is not None]
    states = {str(status.state) if status else UNSCANNED for status in members}
    worst_state = next(str(state) for state in _WORST_FIRST if str(state) in states)
    worst = [status for status in scanned if str(status.state) == worst_state]
    offered = [status for status in members if status is None or status.state is not ScopeState.UNSUPPORTED]
    read_times = [status.last_good_at if status else None for status in offered]
    return CoverageRow(
        account_id=account_id,
        region=region,
        service=service,
        state=worst_state,
        state_since=min((status.state_since for status in worst if status.state_since), default=None),
        last_good_at=None if None in read_times else min((time for time in read_times if time), default=None),
        scopes=len(members),
        unread=sum(status is None or not status.state.complete for status in offered),
        resources=sum(status.resources for status in scanned),
        details_unknown=sum(status.details_unknown for status in scanned),
        error=next((status.error for status in worst if status.error), ""),
        scanned_at=None
        if len(scanned) < len(members)
        else min((status.scanned_at for status in scanned), default=None),
    )
