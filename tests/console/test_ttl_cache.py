"""The cache of pages: an answer holds while its etag does, for a minute at most, and a busy etag does not defeat it."""

import pytest

from windlass.console.ttl_cache import COST_FACTOR, MAX_ENTRIES, MIN_AGE_S, TTL_S, TTLCache


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def cache(clock):
    return TTLCache(lambda: clock[0])


def computing(clock, answers, cost_s):
    def compute():
        clock[0] += cost_s
        return next(answers)

    return compute


def test_an_answer_holds_while_its_etag_does_and_at_most_a_minute(cache, clock):
    compute = computing(clock, iter(["first", "second"]), cost_s=0.0)
    assert cache.get("stats", "v1", compute) == "first"
    clock[0] += TTL_S - 0.1
    assert cache.get("stats", "v1", compute) == "first"
    clock[0] += 0.2
    assert cache.get("stats", "v1", compute) == "second"


def test_a_new_etag_is_a_new_answer_at_once_where_answers_are_cheap(cache, clock):
    compute = computing(clock, iter(["first", "second"]), cost_s=0.0)
    assert cache.get("stats", "v1", compute) == "first"
    assert cache.get("stats", "v2", compute) == "second"


def test_an_expensive_answer_is_served_for_a_moment_although_its_etag_changed(cache, clock):
    compute = computing(clock, iter(["first", "second", "third"]), cost_s=0.2)
    assert cache.get("stats", "v1", compute) == "first"
    clock[0] += COST_FACTOR * 0.2 - 0.05
    assert cache.get("stats", "v2", compute) == "first"
    clock[0] += 0.1
    assert cache.get("stats", "v2", compute) == "second"
    slow = computing(clock, iter(["slow", "fresh"]), cost_s=60.0)
    assert cache.get("slow", "v1", slow) == "slow"
    clock[0] += MIN_AGE_S + 0.1
    assert cache.get("slow", "v2", slow) == "fresh", "never longer than the bound, whatever it cost"


def test_the_number_of_answers_is_bounded(cache, clock):
    for number in range(3 * MAX_ENTRIES):
        cache.get(f"facets {number}", "v1", lambda: "answer")
    assert len(cache._entries) <= MAX_ENTRIES
