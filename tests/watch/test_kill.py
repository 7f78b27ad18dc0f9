"""A process that is killed between any two steps loses no alert: at most, an action takes the same delivery twice."""

import itertools

import pytest

from tests.watch import world as w
from tests.watch.world import World, bucket, rule
from windlass.watch.worker import run_once


class Killed(BaseException):
    """As SIGKILL: no handler of the code under test may catch it."""


class DyingStore:
    """The store of a process that is killed before, or right after, its Nth transaction."""

    def __init__(self, store, steps):
        self._store, self._steps = store, steps

    def __getattr__(self, name):
        return getattr(self._store, name)

    def transact(self, work):
        self._steps.step()
        result = self._store.transact(work)
        self._steps.step()
        return result


class Steps:
    """Counts steps, and kills the process at one of them."""

    def __init__(self, last):
        self.last, self.done = last, 0

    def step(self):
        self.done += 1
        if self.done > self.last:
            raise Killed


@pytest.mark.parametrize("refused", [False, True])
def test_a_kill_between_any_two_steps_loses_no_alert(store, tmp_path, monkeypatch, refused):
    world = World(store, tmp_path, rule(on="change", window_s=0, key="resource"), rule("jobs", on="job", window_s=0))
    world.collect(bucket("a"), bucket("b"))
    run_once(world.watch)
    take, completed = w.take, False
    for last in itertools.count():
        world.collect(bucket("a", Round=last), bucket("b", Round=last))
        steps = Steps(last)

        def dying_take(summary, context, steps=steps):
            steps.step()
            take(summary, context)
            steps.step()

        monkeypatch.setattr(w, "take", dying_take)
        sent = len(w.SENT)
        if refused:
            w.REFUSALS.append(RuntimeError("the first attempt fails"))
        try:
            run_once(world.service(DyingStore(store, steps)))
            completed = True
        except Killed:
            pass
        monkeypatch.setattr(w, "take", take)
        for _ in range(3):  # a new process: twice for the refused attempt
            run_once(world.service(store))
            world.now += w.timedelta(seconds=30)
        delivered = {title for _, titles, _ in w.SENT[sent:] for title in titles}
        verb = "+Round" if last == 0 else "~Round"
        assert delivered == {f"s3.bucket {name} was updated: {verb}" for name in "ab"}, f"killed after step {last}"
        assert all(delivery.status == "delivered" for delivery in world.watch.deliveries())
        if completed:
            break
    assert last > 8, "the turn has that many steps"
