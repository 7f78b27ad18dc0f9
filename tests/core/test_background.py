"""Threads beside the work: they end with their block, and nothing is polled that nobody reads."""

import threading
import time

import pytest

from windlass.core.background import Poller, running


def wait_until(true):
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.005)


def test_threads_run_for_the_block_and_are_stopped_when_it_fails():
    stop, names = threading.Event(), []

    def work():
        names.append(threading.current_thread().name)
        stop.wait(10)

    with pytest.raises(RuntimeError, match="the block failed"), running(stop, ("one", work), ("two", work)):
        wait_until(lambda: len(names) == 2)
        raise RuntimeError("the block failed")
    assert stop.is_set()
    assert not {"one", "two"} & {thread.name for thread in threading.enumerate()}


def test_a_value_is_polled_while_it_is_read_and_then_no_more():
    polls = []

    def poll(key, previous):
        polls.append(key)
        return (previous or 0) + 1

    poller = Poller("test-poller", poll, interval_s=0.01, idle_s=0.2)
    assert poller.read(["a"], wait_s=5)["a"] >= 1
    wait_until(lambda: poller.read(["a"])["a"] >= 3)
    wait_until(lambda: "test-poller" not in {thread.name for thread in threading.enumerate()})
    count = len(polls)
    time.sleep(0.05)
    assert len(polls) == count
    assert poller.read(["a"], wait_s=5)["a"] >= count, "what was known is kept, and polling begins again"


def test_a_read_waits_for_the_first_value_only_and_only_so_long():
    released = threading.Event()
    poller = Poller("slow", lambda key, previous: released.wait(10), interval_s=60, idle_s=60)
    began = time.monotonic()
    assert poller.read(["a"], wait_s=0.05) == {}
    assert time.monotonic() - began < 5
    released.set()
    assert poller.read(["a"], wait_s=5) == {"a": True}


def test_a_new_key_does_not_wait_for_the_interval_of_another():
    poller = Poller("keys", lambda key, previous: key, interval_s=60, idle_s=60)
    assert poller.read(["a"], wait_s=5) == {"a": "a"}
    assert poller.read(["b"], wait_s=5) == {"b": "b"}


def test_the_version_grows_when_a_value_changed():
    values = iter([1, 1, 2])
    poller = Poller(
        "changes",
        lambda key, previous: next(values, 2),
        interval_s=0.01,
        idle_s=10,
        changed=lambda previous, value: previous != value,
    )
    wait_until(lambda: poller.read(["a"]).get("a") == 2)
    wait_until(lambda: poller.version == 2)


def test_an_error_of_the_poll_ends_it_until_the_next_read(monkeypatch):
    errors = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_value))
    answers = iter([RuntimeError("a bug"), "value"])

    def poll(key, previous):
        answer = next(answers, "value")
        if isinstance(answer, Exception):
            raise answer
        return answer

    poller = Poller("fails", poll, interval_s=60, idle_s=1)
    poller.read(["a"])
    wait_until(lambda: poller.read(["a"]) == {"a": "value"})
    wait_until(lambda: [str(error) for error in errors] == ["a bug"])
