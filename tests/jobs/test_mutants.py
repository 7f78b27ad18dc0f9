"""The simulation finds what it is there to find: each of these mistakes in the lease and jobs code is caught by a schedule."""

import sys
import types
from pathlib import Path

import pytest

import windlass.jobs.service
import windlass.store.leases.heartbeat
import windlass.store.leases.protocol
import windlass.store.leases.service
from tests.jobs.simulation import Kit, Sim, Violated

PROTOCOL, LEASES = windlass.store.leases.protocol, windlass.store.leases.service
HEARTBEAT, JOBS = windlass.store.leases.heartbeat, windlass.jobs.service
SCHEDULES = 6_000

MUTANTS = {
    "a live lease is taken": (PROTOCOL, "    if is_live(row, now, is_gone=is_gone):\n        return None\n", ""),
    "a lease never ends": (PROTOCOL, " or row.expires_at <= now:", ":"),
    "a takeover keeps the fence": (
        PROTOCOL,
        "fence=row.fence + 1, token=token",
        "fence=max(row.fence, 1), token=token",
    ),
    "an end after a jump of the clock is believed": (
        PROTOCOL,
        "return row if is_plausible(row, now) else replace",
        "return row if True else replace",
    ),
    "work checks no fence": (LEASES, "            self._held(connection, held)\n", "            pass\n"),
    "work checks its own lease, not what it is under": (
        LEASES,
        "for held in (*lease.under, lease):",
        "for held in (lease,):",
    ),
    "a renewal takes the lease back": (
        LEASES,
        "        row = self._held(connection, lease)\n        self._rows.put_lease(connection, protocol.renew(row,",
        "        row = self._rows.read_lease(connection, lease.name)\n        row = protocol.replace(row, token=lease.token, fence=lease.fence)\n"
        "        self._rows.put_lease(connection, protocol.renew(row,",
    ),
    "a lease is given back by whoever asks": (
        LEASES,
        "protocol.release(self._held(connection, lease))",
        "protocol.release(row)",
    ),
    "no renewals": (HEARTBEAT, "            if not renew():", "            if False:"),
    "a renewal counts from its answer": (
        HEARTBEAT,
        "            renewed_at = sent_at",
        "            renewed_at = monotonic() + 60",
    ),
    "a holder that can't renew goes on": (
        HEARTBEAT,
        "        if monotonic() - renewed_at >= RENEW_DEADLINE_S:",
        "        if False:",
    ),
    "a running job is never looked at again": (JOBS, "name not in live and self._interrupt(name, job_id)", "False"),
    "a running job is interrupted though its process lives": (
        JOBS,
        "if job is None or not self.leases.end(connection, name):",
        "if job is None:",
    ),
    "an interrupted job is left": (JOBS, "_UNFINISHED = (*_LIVE, JobStatus.INTERRUPTED)", "_UNFINISHED = _LIVE"),
    "a job that is cut off by the database has failed": (
        JOBS,
        "JobStatus.INTERRUPTED if away else",
        "JobStatus.FAILED if away else",
    ),
    "a job's end is not written": (
        JOBS,
        "            if not self.leases.release(connection, running.lease):\n",
        "            if self.leases.release(connection, running.lease):\n",
    ),
}


class _Silent:
    def _nothing(self, *_, **__):
        return None

    info = warning = error = _nothing


def mutated(monkeypatch, module, right, wrong):
    """The kit with one module changed."""
    source = Path(module.__file__).read_text("utf-8")
    assert right in source, "the code has changed: write this mutant again"
    mutant = types.ModuleType(f"{module.__name__}_mutated")
    monkeypatch.setitem(sys.modules, mutant.__name__, mutant)
    exec(compile(source.replace(right, wrong, 1), "mutated", "exec"), mutant.__dict__)
    for entry in (LEASES, JOBS, mutant):
        if hasattr(entry, "logger"):
            monkeypatch.setattr(entry, "logger", lambda _: _Silent())
    if module is PROTOCOL:
        monkeypatch.setattr(LEASES, "protocol", mutant)
    return type(
        "Mutated",
        (Kit,),
        {
            "leases": getattr(mutant, "Leases", Kit.leases) if module is LEASES else Kit.leases,
            "jobs": mutant.Jobs if module is JOBS else Kit.jobs,
            "keep_renewed": staticmethod(mutant.keep_renewed if module is HEARTBEAT else Kit.keep_renewed),
        },
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_is_caught(name, monkeypatch):
    kit = mutated(monkeypatch, *MUTANTS[name])
    for seed in range(SCHEDULES):
        try:
            Sim(seed, kit).run()
        except Violated:
            print(f"caught by schedule {seed}")
            return
    pytest.fail("no schedule showed it")
