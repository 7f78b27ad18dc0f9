"""A lease and its holder, as values, and how long a lease lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from windlass.core.errors import Conflict

__all__ = [
    "LEASE_DURATION_S",
    "POLL_S",
    "RENEW_DEADLINE_S",
    "RENEW_S",
    "RETRY_S",
    "Holder",
    "LeaseLost",
    "LeaseRow",
]

LEASE_DURATION_S = 55.0
"""A lease not renewed for this long is free. With POLL_S on top, another machine takes over within 60 s."""
RENEW_DEADLINE_S = 40.0
"""A holder that could not renew for this long stops. One attempt takes at most 13 s (a ping and a connection that time
out), so it stops before LEASE_DURATION_S, after which another process may start.
"""
RENEW_S = 5.0
"""Seconds between two renewals."""
RETRY_S = 2.0
"""Seconds until a failed renewal is retried."""
POLL_S = 4.0
"""Seconds between two attempts to take a lease that another process holds."""


class LeaseLost(Conflict):
    """Another process took the lease over; writes of the former holder are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that may hold leases. `machine` is one running kernel and pid namespace; empty when it is unknown."""

    host: str
    machine: str
    pid: int
    started: str

    @property
    def title(self) -> str:
        """`web-1 (pid 4711)`, for people."""
        return f"{self.host} (pid {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """A lease's row. `token` names one acquisition; it is empty when the lease is free.

    `fence` grows by 1 with each acquisition and never falls; `expires_at` is by the database's clock.
    """

    name: str
    fence: int = 0
    token: str = ""
    holder: Holder | None = None
    acquired_at: datetime | None = None
    expires_at: datetime | None = None
