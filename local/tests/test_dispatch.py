"""Routes are made in many threads at once: moto makes a backend's when it is first called, and its router's after that."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from werkzeug.routing import Map, Rule

from windlass_local.moto_patches import werkzeug_rule_locks

werkzeug_rule_locks.apply()


def _give_way(_phase: str, _info: dict[str, int]) -> None:
    time.sleep(0)


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that change places in the midst of a syntax tree: at each of many collections of garbage."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(50)
    sys.setswitchinterval(1e-5)
    gc.callbacks.append(_give_way)
    yield
    gc.callbacks.remove(_give_way)
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


def test_rules_made_by_many_threads_at_once_all_match(restless: None) -> None:
    failed: list[BaseException] = []

    def make(thread: int) -> None:
        try:
            for round_ in range(20):
                made = Map([Rule(f"/{thread}/<x>/{n}/<y>", endpoint=str(n)) for n in range(10)])
                result = made.bind("here").match(f"/{thread}/a/{round_ % 10}/b")
                assert result == (str(round_ % 10), {"x": "a", "y": "b"})
        except (SystemError, AssertionError) as error:
            failed.append(error)

    threads = [threading.Thread(target=make, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
