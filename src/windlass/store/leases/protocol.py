"""The lease protocol: pure decisions on the locked row and the database's time. No I/O, no clock of this host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from windlass.store.leases.model import LEASE_DURATION_S, Holder, LeaseRow

__all__ = ["bounded", "claim", "end", "is_free", "is_live", "is_ours", "is_plausible", "release", "renew"]

_DURATION = timedelta(seconds=LEASE_DURATION_S)


def is_live(row: LeaseRow, now: datetime, *, is_gone: Callable[[Holder], bool]) -> bool:
    """Return whether the lease is held: it has not expired, and its holder is not known to be gone."""
    if not row.token or row.expires_at is None or row.expires_at <= now:
        return False
    return row.holder is None or not is_gone(row.holder)


def is_plausible(row: LeaseRow, now: datetime) -> bool:
    """Return whether a renewal can have set the expiry. False when the database's clock was set back since then."""
    return row.expires_at is None or row.expires_at <= now + _DURATION


def bounded(row: LeaseRow, now: datetime) -> LeaseRow:
    """Return the row with at most a full duration left: a live holder renews it, a dead one does not."""
    return row if is_plausible(row, now) else replace(row, expires_at=now + _DURATION)


def claim(
    row: LeaseRow, holder: Holder, token: str, now: datetime, *, is_gone: Callable[[Holder], bool]
) -> LeaseRow | None:
    """Return the row after `holder` takes the lease under `token`, with the next fence; None while another holds it.

    A claim that is repeated, because the response to its commit was lost, finds that it holds the lease.
    """
    if row.token == token:
        return row
    if is_live(row, now, is_gone=is_gone):
        return None
    expires_at = now + _DURATION
    return replace(row, fence=row.fence + 1, token=token, holder=holder, acquired_at=now, expires_at=expires_at)


def is_ours(row: LeaseRow, token: str, fence: int) -> bool:
    """Return whether acquisition (`token`, `fence`) still has the lease: also after expiry, until another takes over."""
    return row.token == token and row.fence == fence


def is_free(row: LeaseRow) -> bool:
    """Return whether the lease has no holder, not even an expired one."""
    return not row.token


def renew(row: LeaseRow, now: datetime) -> LeaseRow:
    """Return the holder's row with a full duration left."""
    return replace(row, expires_at=now + _DURATION)


def release(row: LeaseRow) -> LeaseRow:
    """Return the released row. The fence stays, so that the next acquisition has a higher one."""
    return LeaseRow(name=row.name, fence=row.fence)


def end(row: LeaseRow) -> LeaseRow:
    """Return the row taken from a dead holder: its fence grows, so that the former holder's is out of date."""
    return LeaseRow(name=row.name, fence=row.fence + 1)
