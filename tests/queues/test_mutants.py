"""The simulator finds what it is there to find: each of these mistakes in the state machines is caught within some schedules."""

import sys
import types
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.queues import simulator

MACHINES = ("leases", "groups", "polling", "outbox", "shutdown", "settlement", "coordinator")  # each after its imports
SOURCES = {name: Path(find_spec(f"windlass.queues.{name}").origin).read_text("utf-8") for name in MACHINES}
MUTANTS = {
    "a lost lease is acknowledged": (
        "coordinator",
        "if lease is None or lease.phase is not Phase.RUNNING:",
        "if lease is None:",
    ),
    "a delete does not look at the clock": (
        "settlement",
        "if now >= lease.expires_at:\n                self.lose(lease, now)\n            else:\n                entries",
        "if False:\n                self.lose(lease, now)\n            else:\n                entries",
    ),
    "what a poll brings after the stop is kept": (
        "coordinator",
        "elif self.stopping:\n            self.settlement",
        "elif False:\n            self.settlement",
    ),
    "followers of a failed message are kept": (
        "settlement",
        "lease.nack_after_s = after_s\n        if lease.group:",
        "lease.nack_after_s = after_s\n        if False:",
    ),
    "groups are not queued": ("groups", "self._queues.get(group) if group else None", "None"),
    "polls on the wire are not counted": ("polling", "self._reserved += count\n", "pass\n"),
    "no extensions": ("coordinator", "if due:\n            soon", "if False:\n            soon"),
    "an extension counts from its answer": (
        "settlement",
        "self.leases.extended(lease, sent_at)",
        "self.leases.extended(lease, now + 5)",
    ),
    "a lease counts from the answer": ("coordinator", "expires_at = sent_at + self", "expires_at = now + 3 + self"),
    "a failure deletes": (
        "settlement",
        "            self._counts.failed += 1",
        "            self.delete(lease, now)\n            return\n            self._counts.failed += 1",
    ),
    "polls on the wire are left at the stop": (
        "coordinator",
        "not (len(self.polling) or len(self.leases))",
        "not len(self.leases)",
    ),
    "abandoned messages stay hidden": (
        "coordinator",
        "if lease.phase is Phase.RUNNING:\n                    self.settlement.nack(lease, 0, now)",
        "if False:\n                    self.settlement.nack(lease, 0, now)",
    ),
    "the watchdog extends what goes back": ("leases", "if lease.phase < Phase.NACKING\n", "if True\n"),
    "a payload is deleted before the answer": (
        "settlement",
        "self._effects.append(Delete(call, tuple(entries)))",
        "[self._delete_payload(self.leases.get(one).message) for one, _ in entries if self._limits.payload_bucket]\n"
        "            self._effects.append(Delete(call, tuple(entries)))",
    ),
    "the payload of a rejected message is deleted": ("settlement", "lease.dead_lettered = True", "pass"),
    "the payload of a rejected message that comes again is deleted": (
        "coordinator",
        "lease.dead_lettered = dead_lettered",
        "pass",
    ),
    "a message is run beside its group": (
        "coordinator",
        "held is not None and held.phase is Phase.NACKING",
        "held is None and held is not None",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_a_state_machine_is_caught(name, monkeypatch):
    mutated, right, wrong = MUTANTS[name]
    assert right in SOURCES[mutated], f"{mutated}.py has changed: adapt this mutant"
    modules = {}
    for machine in MACHINES:
        modules[machine] = types.ModuleType(f"windlass.queues.{machine}")
        monkeypatch.setitem(sys.modules, f"windlass.queues.{machine}", modules[machine])
        source = SOURCES[machine].replace(right, wrong, 1) if machine == mutated else SOURCES[machine]
        exec(compile(source, machine, "exec"), modules[machine].__dict__)
    monkeypatch.setattr(simulator, "Coordinator", modules["coordinator"].Coordinator)
    monkeypatch.setattr(simulator, "Phase", modules["leases"].Phase)
    monkeypatch.setattr(simulator, "CallKind", modules["outbox"].CallKind)
    for seed in range(3_000):
        sim = simulator.Sim(seed)
        try:
            sim.run()
            simulator.check_order(sim)
        except (AssertionError, KeyError):
            return
    pytest.fail("no schedule showed it")
