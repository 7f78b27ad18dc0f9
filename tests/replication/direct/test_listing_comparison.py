"""Both sides in step: each key is compared once, with what the other side has."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replication.direct.shapes import SHAPES, Bucket, row
from windlass.core.errors import AwsError
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.ranges import Ranges
from windlass.wire.listing import Page


class Seen:
    """A sink that remembers; `slow` makes pages wait, so that others overtake them."""

    def __init__(self, draw=None):
        self.source, self.both, self.extra = [], [], []
        self.ended, self.cuts = [], []
        self._draw = draw

    async def on_page(self, of, source, destination):
        assert of.number not in self.ended, "a range ended before its last page"
        if self._draw is not None:
            for _ in range(self._draw.randrange(4)):
                await asyncio.sleep(0)
        assert of.number not in self.ended
        there = {entry.key for entry in destination}
        for entry in source:
            self.source.append(entry.key)
            if entry.key in there:
                self.both.append(entry.key)
                there.discard(entry.key)
        self.extra += sorted(there)

    def on_split(self, cut):
        self.cuts.append(cut)

    def on_range_done(self, number):
        assert number not in self.ended
        self.ended.append(number)


def walked(left, right, *, listers=8, include_extra=False, draw=None, page=1000):
    seen = Seen(draw)
    one, other = Bucket(left, page=page), Bucket(right, page=page)

    async def slowly(bucket, after):
        for _ in range(draw.randrange(5) if draw else 0):
            await asyncio.sleep(0)
        return await bucket.listed(after)

    asyncio.run(
        compare_listings(
            Ranges(prune=not include_extra),
            lambda after: slowly(one, after),
            lambda after: slowly(other, after),
            seen,
            listers=listers,
            include_extra=include_extra,
        )
    )
    return seen, one, other


TEXT = st.text(st.sampled_from("ab0/é😀"), min_size=1, max_size=5)


@given(
    st.sets(TEXT, max_size=80),
    st.sets(TEXT, max_size=80),
    st.integers(1, 7),
    st.integers(1, 5),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_key_meets_its_other_side_once(left, right, page, listers, include_extra, draw):
    seen, *_ = walked(left, right, listers=listers, include_extra=include_extra, draw=draw, page=page)
    assert sorted(seen.source) == sorted(left)
    assert sorted(seen.both) == sorted(left & right)
    if include_extra:
        assert sorted(seen.extra) == sorted(right - left)


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_half_copied(shape):
    keys = SHAPES[shape](30_000)
    there = random.Random(1).sample(keys, 15_000)
    seen, *_ = walked(keys, [*there, "zzz-extra"], include_extra=True)
    assert len(seen.source) == len(set(keys))
    assert sorted(seen.both) == sorted(set(there))
    assert seen.extra == ["zzz-extra"]


def test_an_empty_destination_is_not_asked_for_every_range():
    seen, _, other = walked(SHAPES["uuid"](50_000), [], draw=random.Random(1))
    assert len(seen.source) == 50_000
    assert other.asked <= 8  # one for each lister, at the most: nobody knew better yet


def test_an_error_of_one_page_ends_the_walk_with_that_error():
    async def broken(after):
        if after > "5":
            raise AwsError("the listing failed")
        return await Bucket(SHAPES["uuid"](20_000)).listed(after)

    with pytest.raises(AwsError, match="the listing failed"):
        asyncio.run(compare_listings(Ranges(), broken, None, Seen()))


def test_a_listing_out_of_order_is_an_error():
    async def odd(_):
        return Page([row("b"), row("a")], [], "more")

    with pytest.raises(AwsError, match="out of order"):
        asyncio.run(compare_listings(Ranges(), odd, None, Seen()))
