"""map_bounded: every item accounted for, never too much at once, stops when told."""

import itertools
import threading

from windlass.core.pool import map_bounded


def test_every_item_has_one_outcome_and_errors_stay_with_their_item():
    def work(number):
        if number % 7 == 0:
            raise ValueError(number)
        return number * 2

    outcomes = list(map_bounded(work, range(100), limit=8))
    assert sorted(o.item for o in outcomes) == list(range(100))
    assert all(o.result == o.item * 2 for o in outcomes if o.error is None)
    assert sorted(o.item for o in outcomes if o.error) == list(range(0, 100, 7))


def test_never_more_than_the_limit_under_way():
    running, peak, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(4, timeout=10)

    def work(_):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        gate.wait()
        with lock:
            running -= 1

    list(map_bounded(work, range(40), limit=4))
    assert peak == 4


def test_an_endless_source_is_only_read_as_far_as_needed():
    taken = itertools.count()
    source = (next(taken) for _ in itertools.repeat(None))
    outcomes = map_bounded(lambda n: n, source, limit=3)
    for _ in range(10):
        next(outcomes)
    outcomes.close()
    assert next(taken) < 40


def test_stop_lets_running_items_finish_and_starts_no_more():
    stop, started = threading.Event(), []

    def work(number):
        started.append(number)
        return number

    outcomes = []
    for outcome in map_bounded(work, range(1000), limit=2, stop=stop):
        outcomes.append(outcome.item)
        if len(outcomes) == 5:
            stop.set()
    assert sorted(outcomes) == sorted(started)
    assert len(started) < 20
