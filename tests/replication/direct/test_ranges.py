"""The parallel lister: every key exactly once, whatever the keys are like, and in far fewer rounds than a pager."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.replication.direct.shapes import SHAPES, Bucket
from windlass.replication.direct.listing.keyspace import KeySpace
from windlass.replication.direct.listing.ranges import Range, Ranges


def listed(bucket, ranges, *, listers=16, draw=None, between=lambda: None):
    """Lists as so many listers would: keys in the order in which each range gave them, by range, and the rounds."""
    result, rounds, under_way = {}, 0, []
    while not ranges.done:
        while len(under_way) < listers:
            one, _ = ranges.next()
            if one is None:
                break
            under_way.append((one, one.after))
        assert under_way, "nothing is under way, and something is left"
        rounds += 1
        if draw is not None:
            draw.shuffle(under_way)
        now, under_way = (under_way, []) if draw is None else (under_way[:1], under_way[1:])
        for one, after in now:
            keys, more = bucket.page(after)
            own = ranges.page(one, keys, more=more)
            result.setdefault(one.number, []).extend(keys[:own])
        between()
    return result, rounds


def flat(found):
    return [key for keys in found.values() for key in keys]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_key_is_listed_once_in_order_in_a_twelfth_of_the_rounds(shape):
    count = examples(1_000_000, least=200_000)
    bucket = Bucket(SHAPES[shape](count), page=count // 1000)
    result, rounds = listed(bucket, Ranges())
    assert sorted(flat(result)) == bucket.keys
    assert all(keys == sorted(keys) for keys in result.values())
    pages = -(-len(bucket.keys) // bucket.size)
    assert pages / rounds >= 12, (rounds, bucket.asked)
    assert bucket.asked <= pages * 1.05, bucket.asked


def test_a_script_of_which_the_first_page_shows_little_is_divided_too():
    draw = random.Random(6)
    kana = [chr(code) for code in range(0x3041, 0x3090)]
    bucket = Bucket(["".join(draw.choices(kana, k=6)) for _ in range(300_000)])
    result, rounds = listed(bucket, Ranges())
    assert sorted(flat(result)) == bucket.keys
    pages = -(-len(bucket.keys) // 1000)
    assert pages / rounds >= 8, (rounds, bucket.asked)
    assert bucket.asked <= pages * 1.1, bucket.asked


@pytest.mark.parametrize("shape", SHAPES)
def test_keys_that_stay_are_listed_while_others_come_and_go(shape):
    draw = random.Random(shape)
    keys = SHAPES[shape](20_000)
    bucket = Bucket(keys[::2], page=100)
    stay = set(keys[::4])
    moving = [key for key in keys if key not in stay]

    def between():
        for _ in range(20):
            (bucket.put if draw.random() < 0.5 else bucket.drop)(draw.choice(moving))

    result, _ = listed(bucket, Ranges(), draw=draw, between=between)
    every = flat(result)
    assert len(every) == len(set(every)), "a key was listed twice"
    assert stay <= set(every)
    assert set(every) <= set(keys)


TEXT = st.text(st.sampled_from("ab0/é日😀\x00~\U0010ffff"), max_size=6)


@given(st.sets(TEXT, max_size=120), st.integers(1, 9), st.integers(1, 6), st.randoms(use_true_random=False))
def test_any_keys_any_page_size_any_order_of_answers(keys, size, listers, draw):
    bucket = Bucket([key for key in keys if key], page=size)
    result, _ = listed(bucket, Ranges(), listers=listers, draw=draw)
    assert sorted(flat(result)) == bucket.keys


@given(
    st.sets(TEXT, min_size=1, max_size=120), st.integers(1, 5), st.integers(0, 30), st.randoms(use_true_random=False)
)
def test_an_interrupted_listing_continues_where_it_stopped(keys, size, steps, draw):
    """The ranges of any moment, restored, list exactly what was not listed yet."""
    bucket = Bucket([key for key in keys if key], page=size)
    ranges, before = Ranges(), []
    for _ in range(steps):
        one, _ = ranges.next()
        if one is None:
            break
        keys_, more = bucket.page(one.after)
        before += keys_[: ranges.page(one, keys_, more=more)]
    left = [Range(entry.number, entry.after, entry.upto) for entry in ranges]
    after = flat(listed(bucket, Ranges(left), draw=draw)[0]) if left else []
    assert sorted(before + after) == bucket.keys


def test_a_range_within_a_bucket_lists_its_own_keys_only():
    bucket = Bucket([f"{at:05}" for at in range(5000)], page=100)
    result, _ = listed(bucket, Ranges(after="01000", upto="02000"))
    assert sorted(flat(result)) == [f"{at:05}" for at in range(1001, 2001)]


def test_a_listing_out_of_order_is_refused():
    ranges = Ranges()
    one, _ = ranges.next()
    with pytest.raises(ValueError, match="out of order"):
        ranges.page(one, ["b", "a"], more=True)


@given(
    st.lists(st.text(st.sampled_from("abf019/-é日"), min_size=1, max_size=4), min_size=2, max_size=40),
    st.lists(st.text(st.sampled_from("abf019/-é日z"), max_size=6), max_size=20),
)
def test_numbers_are_in_the_order_of_keys(keys, others):
    space = KeySpace()
    ordered = sorted(set(keys))
    space.learn(ordered)
    for one, after in pairwise(ordered):
        space.neighbours(one, after)
    numbers = [space.number(key) for key in sorted({*ordered, *others})]
    assert numbers == sorted(numbers)
    assert all(0 <= number <= space.size for number in numbers)
    for key in ordered:
        assert space.key(space.number(key), 0) == key, "what was seen has a place of its own"


def test_what_was_seen_in_one_place_is_expected_in_another():
    space = KeySpace()
    year = [f"2025/{month:02}/{day:02}/x" for month in range(1, 13) for day in range(1, 32)]
    space.learn(year)
    for one, after in pairwise(year):
        space.neighbours(one, after)
    space.learn(["2026/01/01/x", "2026/01/02/x"])
    first, last = space.number("2026/02/01"), space.number("2026/03/01")
    ended = space.number("2026/02/31/x")
    assert last - ended <= (last - first) / 7, "the 30th and 31st, one of four beginnings, then the next month"
    assert space.number("2026/02/32") == space.number("2026/02/99"), "nothing is expected there"
    middle = space.key((first + last) // 2, (last - first) // 100)
    assert "2026/02/1" <= middle < "2026/02/3"


def test_nothing_is_looked_for_after_what_was_seen_to_come_last():
    space = KeySpace()
    space.neighbours("a/31/x", "b/01/x")
    assert space.beyond_expected("a/29/x", "a/31/x") == ""
    assert space.beyond_expected("", "b/01/x") > "b"
