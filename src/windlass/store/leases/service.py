"""Leases: acquire, renew, release, and run a loop in one process at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from windlass.core.errors import WindlassError
from windlass.core.ids import new_id
from windlass.observe.log import logger
from windlass.store.engine import Store
from windlass.store.leases import process, protocol, table
from windlass.store.leases.heartbeat import Heartbeat, threaded_heartbeat
from windlass.store.leases.model import POLL_S, Holder, LeaseLost, LeaseRow
from windlass.store.leases.table import LeaseTable

__all__ = ["Lease", "Leases", "Stop"]


class Stop(Protocol):
    """The event that ends a loop: `threading.Event`, or the simulation's."""

    def is_set(self) -> bool:
        """Return whether to stop."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for at most `timeout` seconds; return whether to stop."""


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """One acquisition of a lease. `under` are leases that must be held with it: a loop's, for the job that it runs."""

    name: str
    token: str
    fence: int
    under: tuple[Lease, ...]
    store: Store
    """The database for the holder's work. Each write first checks in its transaction that the lease is still held
    (else LeaseLost), and waits while the database restarts."""
    is_repeated: bool = False
    """True when the claim ran twice because the response to its first commit was lost."""
    lost: threading.Event = field(default_factory=threading.Event)
    """Set when the holder must stop its work."""


class Leases:
    """The leases of one store, for this process."""

    def __init__(
        self,
        store: Store,
        *,
        holder: Callable[[], Holder] = process.this_process,
        is_gone: Callable[[Holder], bool] = process.is_gone,
        heartbeat: Heartbeat = threaded_heartbeat,
        rows: LeaseTable = table,
        new_token: Callable[[], str] = lambda: new_id("hold"),
    ) -> None:
        self._store = store
        self.holder = holder
        self._is_gone = is_gone
        self.heartbeat = heartbeat
        self._rows = rows
        self.new_token = new_token

    def acquire(self, name: str) -> Lease | None:
        """Take the lease; return None while another process or another part of this one holds it."""
        if self.held_by(name):  # reading locks nothing, so that waiting processes block no writer
            return None
        token = self.new_token()
        lease = self._store.transact(lambda connection: self.claim(connection, name, token))
        if lease is not None:
            logger("leases").info("lease.acquired", lease=name, fence=lease.fence)
        return lease

    def claim(self, connection: Connection, name: str, token: str, *, under: Sequence[Lease] = ()) -> Lease | None:
        """Take the lease in the caller's transaction; return None while another holds it. LeaseLost when one of `under`
        is lost.
        """
        for outer in under:
            self.check(connection, outer)
        row, now = self._locked(connection, name)
        taken = protocol.claim(row, self.holder(), token, now, is_gone=self._is_gone)
        if taken is None:
            return None
        self._rows.put_lease(connection, taken)
        if row.holder is not None and row.token != token:
            logger("leases").warning("lease.taken_over", lease=name, former_holder=row.holder.title, fence=taken.fence)
        guarded = self._store.patient().guarded(lambda inner: self.check(inner, lease))
        lease = Lease(name, token, taken.fence, tuple(under), guarded, row.token == token)
        return lease

    def check(self, connection: Connection, lease: Lease) -> None:
        """Raise LeaseLost unless the lease and those in `under` are held until the end of this transaction."""
        for held in (*lease.under, lease):
            self._held(connection, held)

    def renew(self, connection: Connection, lease: Lease) -> None:
        """Renew the lease in the caller's transaction. LeaseLost when it is no longer held."""
        for outer in lease.under:
            self._held(connection, outer)
        row = self._held(connection, lease)
        self._rows.put_lease(connection, protocol.renew(row, self._rows.database_now(connection)))

    def release(self, connection: Connection, lease: Lease) -> bool:
        """Release the lease in the caller's transaction; return False when it was released before. LeaseLost when
        another has it.
        """
        row = self._rows.read_lease(connection, lease.name)
        if protocol.is_free(row) and row.fence == lease.fence:
            return False  # the transaction is repeated: the response to its commit was lost
        self._rows.put_lease(connection, protocol.release(self._held(connection, lease)))
        return True

    def end(self, connection: Connection, name: str) -> bool:
        """Take the lease from a dead holder and leave it free; return False when it is live or free."""
        row, now = self._locked(connection, name)
        if protocol.is_live(row, now, is_gone=self._is_gone):
            return False
        if not protocol.is_free(row):
            self._rows.put_lease(connection, protocol.end(row))
        return True

    def _locked(self, connection: Connection, name: str) -> tuple[LeaseRow, datetime]:
        row = self._rows.lock_lease(connection, name)
        now = self._rows.database_now(connection)
        bounded = protocol.bounded(row, now)
        if bounded is not row:
            self._rows.put_lease(connection, bounded)
        return bounded, now

    def _held(self, connection: Connection, lease: Lease) -> LeaseRow:
        row = self._rows.read_lease(connection, lease.name)
        if protocol.is_ours(row, lease.token, lease.fence):
            return row
        lease.lost.set()
        raise LeaseLost(
            f"the lease on {lease.name} was taken over" + (f" by {row.holder.title}" if row.holder else ""),
            hint="That process continues the work; this one writes nothing more.",
        )

    @contextlib.contextmanager
    def kept(self, lease: Lease) -> Iterator[Lease]:
        """Renew the lease during the block and release it at its end. `lease.lost` is set when a renewal fails."""

        def renew(connection: Connection) -> None:
            self.renew(connection, lease)

        def beat() -> bool:
            try:
                self._store.transact(renew)
            except LeaseLost:
                return False
            return True

        def lost(reason: str) -> None:
            logger("leases").warning("lease.lost", lease=lease.name, reason=reason)
            lease.lost.set()

        try:
            with self.heartbeat(beat, lost):
                yield lease
        finally:
            with contextlib.suppress(WindlassError):  # without this, the lease expires by itself
                self._store.transact(lambda connection: self.release(connection, lease))

    def run_alone(self, name: str, work: Callable[[Lease], float], *, stop: Stop) -> None:
        """Call `work` until `stop`, in one process at a time. `work` returns the seconds until its next call.

        Other processes try every POLL_S to take over. LeaseLost from `work` goes back to waiting; any other error is
        logged as a fault and `work` is called again after POLL_S.
        """
        log = logger("leases")
        last_error = ""
        while not stop.is_set():
            try:
                held_by = self.held_by(name)
                lease = None if held_by else self.acquire(name)
            except WindlassError as error:
                log.warning("lease.unknown", lease=name, error=error.message, hint=error.hint)
                lease, held_by = None, ""
            if lease is None:
                if held_by and held_by != last_error:
                    log.info("lease.waiting", lease=name, held_by=held_by)
                last_error = held_by
                stop.wait(POLL_S)
                continue
            last_error = ""
            with self.kept(lease), contextlib.suppress(LeaseLost):
                while not (stop.is_set() or lease.lost.is_set()):
                    _pause(stop, lease, _worked(work, lease))

    def held_by(self, name: str) -> str:
        """Return the holder's title; empty when the lease is free. It locks nothing, so the result may be out of date."""

        def read(connection: Connection) -> str:
            if name not in self.live(connection, [name]):
                return ""
            (row,) = self._rows.list_leases(connection, [name])
            return row.holder.title if row.holder is not None else ""

        return self._store.fetch(read)

    def live(self, connection: Connection, names: Sequence[str]) -> frozenset[str]:
        """Return which of these leases are held. It locks nothing, so the result may be out of date."""
        now = self._rows.database_now(connection)
        rows = self._rows.list_leases(connection, names)
        return frozenset(
            row.name
            for row in rows
            if protocol.is_plausible(row, now) and protocol.is_live(row, now, is_gone=self._is_gone)
        )

    def list(self) -> tuple[LeaseRow, ...]:
        """Return the held leases by name, without those of dead holders."""
        with self._store.read() as connection:
            now = self._rows.database_now(connection)
            rows = self._rows.list_leases(connection)
        return tuple(row for row in rows if protocol.is_live(row, now, is_gone=self._is_gone))


def _worked(work: Callable[[Lease], float], lease: Lease) -> float:
    try:
        return work(lease)
    except LeaseLost:
        raise
    except WindlassError as error:
        logger("leases").warning("loop.failed", lease=lease.name, error=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001  one fault must not end the loop for as long as the process lives
        logger("leases").error("loop.failed", lease=lease.name, exc_info=error)
    return POLL_S


def _pause(stop: Stop, lease: Lease, seconds: float) -> None:
    """Wait until the time is over, the lease is lost or `stop` is set."""
    while seconds > 0 and not lease.lost.is_set() and not stop.wait(min(seconds, POLL_S)):
        seconds -= POLL_S
