"""The pace against a server that refuses: nearly all that it takes is sent, and next to nothing more."""

import heapq
import random

import pytest

from windlass.replication.direct.copying.pacer import Pace, Paces


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


def seeded(*, cap, rows, alone=(), latency_s=0.08):
    """(seconds, share refused) of places with so many rows each, in one partition, or `alone` in one: each takes `cap` a second."""
    now, taken_at = 0.0, {}
    paces, left, under_way = Paces(lambda: now), dict(enumerate(rows)), []
    refused = 0

    def takes(partition):
        tokens, filled = taken_at.get(partition, (cap / 10, now))
        tokens = min(cap / 10, tokens + (now - filled) * cap)
        taken_at[partition] = (tokens - (tokens >= 1), now)
        return tokens >= 1

    while under_way or any(left.values()):
        now += 0.004
        while under_way and under_way[0][0] <= now:
            _, place, taken = heapq.heappop(under_way)
            if not taken:
                refused += 1
                left[place] += 1
                paces.of(f"{place}/").refused(now)
        for place in left:
            pace = paces.of(f"{place}/")
            while left[place] and pace.take(now):
                left[place] -= 1
                heapq.heappush(under_way, (now + latency_s, place, takes(place if place in alone else "shared")))
    return now, refused / (sum(rows) + refused)


@pytest.mark.parametrize("rows", [[4000] * 10, [30_000, *[1000] * 10], [400] * 100])
def test_places_that_share_a_partition_use_what_others_leave(rows):
    seconds, share = seeded(cap=3500, rows=rows)
    assert seconds < 2 * sum(rows) / 3500
    assert share < 0.005


def test_a_partition_of_its_own_is_not_held_back_by_what_others_share():
    rows = [*[10_000] * 10, 60_000]
    seconds, share = seeded(cap=3500, rows=rows, alone={10})
    assert seconds < 1.7 * 100_000 / 3500
    assert share < 0.005


def test_many_steps_of_all_leave_numbers_that_can_be_reckoned_with():
    now = 0.0
    paces = Paces(lambda: now)
    first, second, idle = (paces.of(f"{name}/") for name in "abc")
    for _ in range(20_000):
        now += 1.0
        for pace in (first, second):
            while pace.take(now):
                pass
            pace.refused(now)
    assert 0 < first.rate < 1e6
    assert idle.take(now)
    assert idle.rate >= 5


def test_a_place_of_its_own_keeps_its_ceiling_while_it_is_alone():
    pace, now = Pace(600.0, 0.0), 0.0
    while pace.rate < 3500:
        now += 0.004
        while pace.take(now):
            pass
    refused_at = pace.rate
    pace.refused(now)
    for _ in range(1000):
        now += 0.004
        while pace.take(now):
            pass
    assert pace.ceiling == refused_at, "its own step back was taken for room"


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
