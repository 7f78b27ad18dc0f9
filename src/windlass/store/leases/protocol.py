"""Who may have a lease: pure decisions on the locked row and the database's time. No I/O, no clock of this host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from windlass.store.leases.model import LEASE_DURATION_S, Holder, LeaseRow

__all__ = ["bounded", "claim", "end", "is_free", "is_live", "is_ours", "is_plausible", "release", "renew"]

_DURATION = timedelta(seconds=LEASE_DURATION_S)


def is_live(row: LeaseRow, now: datetime, *, is_gone: Callable[[Holder], bool]) -> bool:
    """Whether somebody holds the lease: its time is not up, and its holder's process is not known to be gone."""
    if not row.token or row.expires_at is None or row.expires_at <= now:
        return False
    return row.holder is None or not is_gone(row.holder)


def is_plausible(row: LeaseRow, now: datetime) -> bool:
    """Whether the lease's end can be a renewal's. It can't when the database's clock was set back since."""
    return row.expires_at is None or row.expires_at <= now + _DURATION


def bounded(row: LeaseRow, now: datetime) -> LeaseRow:
    """The row with at most a full duration ahead: a holder that lives renews it, one that is gone does not."""
    return row if is_plausible(row, now) else replace(row, expires_at=now + _DURATION)


def claim(
    row: LeaseRow, holder: Holder, token: str, now: datetime, *, is_gone: Callable[[Holder], bool]
) -> LeaseRow | None:
    """The row once `holder` has taken the lease under `token`, with the next fence; None while somebody else has it.

    A claim that is repeated, because the answer to its commit was lost, finds the lease its own.
    """
    if row.token == token:
        return row
    if is_live(row, now, is_gone=is_gone):
        return None
    expires_at = now + _DURATION
    return replace(row, fence=row.fence + 1, token=token, holder=holder, acquired_at=now, expires_at=expires_at)


def is_ours(row: LeaseRow, token: str, fence: int) -> bool:
    """Whether the acquisition `token`, `fence` still has the lease. Past its time it has, until somebody takes over."""
    return row.token == token and row.fence == fence


def is_free(row: LeaseRow) -> bool:
    """Whether nobody has the lease, not even a holder whose time is up."""
    return not row.token


def renew(row: LeaseRow, now: datetime) -> LeaseRow:
    """The holder's row with a full duration ahead."""
    return replace(row, expires_at=now + _DURATION)


def release(row: LeaseRow) -> LeaseRow:
    """The holder's row, given back. The fence stays: the next acquisition is a later one."""
    return LeaseRow(name=row.name, fence=row.fence)


def end(row: LeaseRow) -> LeaseRow:
    """The row, taken from a holder that is gone: an acquisition by nobody, so that the former holder's fence is old."""
    return LeaseRow(name=row.name, fence=row.fence + 1)
