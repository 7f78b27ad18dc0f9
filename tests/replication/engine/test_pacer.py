"""The pace against a server that refuses: nearly all that it takes is sent, and next to nothing more."""

import heapq
import random

import pytest

from windlass.replication.engine.pacer import Pace, Paces


def run(*, cap, latency_s, seconds, tick_s=0.004, late=0.0, cap_after=None):
    """(good a second in the second half, share refused) of a token bucket of `cap` a second, answers after `latency_s`."""
    draw, now, tokens, filled = random.Random(1), 0.0, cap / 10, 0.0
    pace, under_way = Pace(600.0, 0.0), []
    good = refused = late_good = 0
    while now < seconds:
        now += tick_s * (1 + late * draw.random())
        if cap_after and now > cap_after[0]:
            cap = cap_after[1]
        while under_way and under_way[0][0] <= now:
            _, taken = heapq.heappop(under_way)
            good, refused, late_good = good + taken, refused + (not taken), late_good + (taken and now > seconds / 2)
            if not taken:
                pace.refused(now)
        while pace.take(now):
            tokens, filled = min(cap / 10, tokens + (now - filled) * cap), now
            taken = tokens >= 1
            tokens -= taken
            heapq.heappush(under_way, (now + latency_s, taken))
    return late_good / (seconds / 2), refused / (good + refused)


@pytest.mark.parametrize("latency_s", [0.02, 0.08])
@pytest.mark.parametrize("late", [0.0, 10.0])
def test_nearly_all_of_what_s3_takes_and_hardly_a_refusal(latency_s, late):
    rate, share = run(cap=3500, latency_s=latency_s, seconds=60, late=late)
    assert rate >= 3300
    assert share < 0.0025


def test_a_refusal_slows_the_next_one_and_those_sent_before_it_do_not():
    pace = Pace(1000.0, 0.0)
    pace.refused(10.0)
    assert pace.rate == 800
    for late in range(20):
        pace.refused(10.0 + late / 100)
    assert pace.rate == 800
    pace.refused(10.3)
    assert pace.rate < 800


def test_a_slow_place_is_found_out_and_a_divided_one_is_used():
    rate, _ = run(cap=200, latency_s=0.08, seconds=60)
    assert rate >= 170
    rate, _ = run(cap=3500, latency_s=0.08, seconds=180, cap_after=(40, 7000))
    assert rate >= 5000, "S3 divided the partition, and nobody noticed"


def test_the_first_second_is_careful():
    pace, sent, now = Pace(600.0, 0.0), 0, 0.0
    while now < 1.0:
        now += 0.004
        while pace.take(now):
            sent += 1
    assert 500 <= sent <= 900


def test_places_have_paces_of_their_own_and_share_the_beginning():
    paces = Paces(lambda: 0.0, start=600)
    first, second = paces.of("a/1"), paces.of("b/1")
    assert first is paces.of("a/2/3")
    assert first is not second
    assert second.rate == 300
    assert paces.of("plain") is paces.of("other")
    for number in range(2000):
        paces.of(f"{number}/x")
    assert len(paces._all) <= 514, "memory grew with the prefixes"
