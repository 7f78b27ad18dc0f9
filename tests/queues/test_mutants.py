"""The simulator finds what it is there to find: each of these mistakes in the core is caught within some schedules."""

import types
from pathlib import Path

import pytest

import windlass.queues.core
from tests.queues import simulator

SOURCE = Path(windlass.queues.core.__file__).read_text("utf-8")
MUTANTS = {
    "a lost lease is acknowledged": (
        "if lease is not None and lease.phase is _Phase.RUNNING:  # else",
        "if lease is not None:  # else",
    ),
    "a delete does not look at the clock": (
        'if now >= lease.expires_at:\n                self._lose(lease, "")\n            else:\n                live',
        'if False:\n                self._lose(lease, "")\n            else:\n                live',
    ),
    "what a poll brings after the stop is kept": (
        "elif self.stopping:\n            self._release",
        "elif False:\n            self._release",
    ),
    "followers of a failed message are kept": (
        "self._stop_group(lease, now)\n        if not lease.busy",
        "if not lease.busy",
    ),
    "groups are not queued": (
        "group = self._groups.get(lease.group)\n        if group is None:\n            self._groups",
        "group = None\n        if group is None:\n            self._groups",
    ),
    "polls on the wire are not counted": ("self._reserved += count\n", "pass\n"),
    "no heartbeats": ("if due:\n            together", "if False:\n            together"),
    "an extension counts from its answer": ("max(lease.expires_at, sent_at +", "max(lease.expires_at, now + 5 +"),
    "a lease counts from the answer": ("expires_at = sent_at + self", "expires_at = now + 3 + self"),
    "a failure deletes": (
        "            self.counts.failed += not",
        "            self._to_delete(lease, now)\n            return\n            self.counts.failed += not",
    ),
    "polls on the wire are left at the stop": ("elif not (self._polls or self._calls", "elif not (self._calls"),
    "abandoned messages stay hidden": (
        "is _Phase.RUNNING]:\n                self._release(lease, 0, now)",
        "is _Phase.RUNNING]:\n                pass",
    ),
    "the watchdog extends what goes back": ("if lease.phase < _Phase.RELEASING\n", "if True\n"),
    "a payload is deleted before the answer": (
        "self._effects.append(Delete(",
        "[self._delete_payload(one.message) for one in live if self.limits.payload_bucket]\n            self._effects.append(Delete(",
    ),
    "the payload of a rejected message is deleted": ("lease.dead_lettered = True", "pass"),
    "the payload of a rejected message that comes again is deleted": (
        "lease.dead_lettered = self._handled[message.message_id]",
        "pass",
    ),
    "a message is run beside its group": (
        "known is not None and known.phase is _Phase.RELEASING",
        "known is None and known is not None",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_the_core_is_caught(name, monkeypatch):
    right, wrong = MUTANTS[name]
    assert right in SOURCE, "the core has changed: write this mutant anew"
    module = types.ModuleType("windlass.queues.mutated")
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    exec(compile(SOURCE.replace(right, wrong, 1), "mutated", "exec"), module.__dict__)
    monkeypatch.setattr(simulator, "Core", module.Core)
    for seed in range(3_000):
        sim = simulator.Sim(seed)
        try:
            sim.run()
            simulator.check_order(sim)
        except (AssertionError, KeyError):
            return
    pytest.fail("no schedule showed it")
