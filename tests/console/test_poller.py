"""The poller of pages: one thread that works only while a page is viewed, and survives its own failures."""

import threading
import time

from windlass.console.poller import ViewedPoller


def wait_until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def poller_threads(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_a_first_view_waits_for_the_answer_and_later_views_get_fresh_ones():
    calls = []

    def fetch(key, previous):
        calls.append((key, previous))
        return (previous or 0) + 1

    poller = ViewedPoller("p-fresh", fetch, interval_s=0.05, viewed_s=60.0, first_wait_s=10.0)
    assert poller.view(["a"])["a"] >= 1
    wait_until(lambda: poller.view(["a"])["a"] >= 3)
    assert calls[:2] == [("a", None), ("a", 1)], "each fetch gets the snapshot before"
    assert len(poller_threads("p-fresh")) == 1, "one thread, however many views"


def test_without_a_wait_a_key_that_was_not_fetched_is_left_out():
    fetched = threading.Event()

    def fetch(_key, _previous):
        fetched.wait(10)
        return "known"

    poller = ViewedPoller("p-nowait", fetch, interval_s=60.0, viewed_s=60.0)
    assert poller.view(["a"]) == {}
    fetched.set()
    wait_until(lambda: poller.view(["a"]) == {"a": "known"})


def test_the_etag_changes_with_a_snapshot_and_only_then():
    answers = iter(["one", "one", "two"])
    poller = ViewedPoller(
        "p-etag", lambda _k, _p: next(answers, "two"), interval_s=0.05, viewed_s=60.0, first_wait_s=10
    )
    empty = poller.etag
    assert poller.view(["a"]) == {"a": "one"}
    first = poller.etag
    assert first != empty
    wait_until(lambda: poller.view(["a"]) == {"a": "two"})
    assert (int(empty), int(first), int(poller.etag)) == (0, 1, 2), "the same answer again is no change"


def test_the_thread_ends_when_nobody_views_and_starts_again_with_the_next_view():
    clock = [0.0]
    poller = ViewedPoller(
        "p-idle",
        lambda _k, previous: (previous or 0) + 1,
        interval_s=5.0,
        viewed_s=10.0,
        first_wait_s=10,
        now=lambda: clock[0],
    )
    assert poller.view(["a"]) == {"a": 1}
    clock[0] = 20.0
    wait_until(lambda: not poller_threads("p-idle"))
    assert poller.view(["a"]) == {"a": 1}, "the last snapshot at once, the fresh one soon"
    wait_until(lambda: poller.view(["a"]) == {"a": 2})
    clock[0] = 40.0
    wait_until(lambda: not poller_threads("p-idle"))


def test_an_exception_ends_the_thread_and_the_next_view_tries_again(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)
    answers = iter([ZeroDivisionError(), "known"])

    def fetch(_key, _previous):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    poller = ViewedPoller("p-broken", fetch, interval_s=60.0, viewed_s=60.0, first_wait_s=0.2)
    assert poller.view(["a"]) == {}
    wait_until(lambda: poller.view(["a"]) == {"a": "known"})
