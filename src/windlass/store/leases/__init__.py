"""Leases: at most one holder of a name at a time, across the processes and machines that share the store.

README.md has the invariants. `service.py` is the entry: `Leases.acquire`, `Leases.hold`, `Lease.store`.
"""

from windlass.store.leases.model import POLL_S, LeaseLost, LeaseRow
from windlass.store.leases.service import Lease, Leases

__all__ = ["POLL_S", "Lease", "LeaseLost", "LeaseRow", "Leases"]
