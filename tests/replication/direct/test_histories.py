"""The lister of versions: every history once and whole, however keys look, wherever pages end, whoever writes meanwhile."""

import asyncio
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replication.direct.shapes import SHAPES
from tests.replication.direct.version_shapes import VersionBucket, version
from windlass.core.errors import AwsError
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.ranges import Ranges
from windlass.replication.direct.versions.histories import history_of, list_histories
from windlass.replication.model import BucketRef
from windlass.wire.listing import VersionPage

PLACE = BucketRef(bucket="bucket")


class Seen:
    """A sink that remembers every history of both sides."""

    def __init__(self):
        self.source, self.destination, self.cuts = [], [], []

    async def on_page(self, of, source, destination):
        await asyncio.sleep(0)
        self.source += source
        self.destination += destination
        # A key's other side comes with it, never with another page.
        assert {entry.key for entry in destination} & {entry.key for entry in self.source} <= {
            entry.key for entry in source
        }

    def on_split(self, cut):
        self.cuts.append(cut)

    def on_range_done(self, number):
        pass


def walked(one, other=None, *, listers=8, include_extra=False):
    seen = Seen()
    there = list_histories(other, PLACE, "") if other is not None else None
    asyncio.run(
        compare_listings(
            Ranges(prune=not include_extra),
            list_histories(one, PLACE, ""),
            there,
            seen,
            listers=listers,
            include_extra=include_extra,
        )
    )
    return seen


TEXT = st.text(st.sampled_from("ab0/é😀"), min_size=1, max_size=4)
KEYED = st.dictionaries(TEXT, st.integers(1, 9), max_size=40)


def bucket_of(counts, **more):
    return VersionBucket({key: [version(key, f"{at}") for at in range(count)] for key, count in counts.items()}, **more)


@given(KEYED, KEYED, st.integers(1, 7), st.integers(1, 5))
def test_histories_are_complete_wherever_pages_end(left, right, page, listers):
    one, other = bucket_of(left, page=page), bucket_of(right, page=page)
    seen = walked(one, other, listers=listers, include_extra=True)
    assert sorted((each.key, list(each.versions)) for each in seen.source) == sorted(one.histories.items())
    assert sorted((each.key, list(each.versions)) for each in seen.destination) == sorted(other.histories.items())


@given(KEYED, st.integers(1, 7), TEXT)
def test_the_history_of_one_key_leaves_out_longer_keys(counts, page, key):
    bucket = bucket_of(counts, page=page)
    assert list(asyncio.run(history_of(bucket, PLACE, key)).versions) == bucket.histories.get(key, [])


@pytest.mark.parametrize("shape", SHAPES)
def test_six_shapes_under_writes_each_version_exactly_once(shape):
    draw = random.Random(shape)
    keys = sorted(set(SHAPES[shape](12_000)))
    counts = {key: draw.choice((1, 1, 1, 2, 5)) for key in keys}
    counts[draw.choice(keys)] = 2500  # of one key more than two pages
    bucket = bucket_of(counts)
    stay = {key: list(found) for key, found in bucket.histories.items()}
    fresh = iter(sorted(set(SHAPES[shape](14_000)) - set(keys)))

    def write():
        for _ in range(20):
            key = draw.choice(keys)
            if key in bucket.histories and draw.random() < 0.3 and len(stay.get(key, ())) < 1000:
                bucket.drop(key)
                stay.pop(key, None)
            elif key in bucket.histories:
                bucket.add(key, version(key, "new"))
            elif (other := next(fresh, None)) is not None:
                bucket.add(other, version(other, "new"))

    bucket.before = write
    seen = walked(bucket, listers=16)
    found = {entry.key: list(entry.versions) for entry in seen.source}
    assert len(found) == len(seen.source), "a key came twice"
    for key, versions in stay.items():
        assert found[key][: len(versions)] == versions, f"{key} is not whole or not in order"
    assert len(seen.cuts) >= 3, "it never listed side by side"
    # A key whose versions run over a page's end is read again from its beginning, once.
    assert bucket.asked <= sum(map(len, found.values())) / 1000 * 1.3 + 40


def test_a_listing_whose_markers_do_not_advance_is_an_error():
    row = version("k", "x")

    async def stuck(_):
        return VersionPage([row] * 3, [], "k", row.version_id)

    with pytest.raises(AwsError, match="does not advance"):
        asyncio.run(list_histories(SimpleNamespace(send=stuck), PLACE, "")(""))


def test_a_server_that_shows_the_markers_own_key_again_is_read_the_same():
    bucket = bucket_of(dict.fromkeys("abcdef", 3), page=5)

    async def inclusive(call):
        after = call.request.query.partition("key-marker=")[2][:1]
        result = await bucket.send(call)
        again = bucket.histories.get(after, [])[::-1] if "version-id-marker" not in call.request.query else []
        return VersionPage([*again, *result.versions], [], result.key_marker, result.version_marker)

    seen = walked(SimpleNamespace(send=inclusive), listers=1)
    assert [(entry.key, len(entry.versions)) for entry in seen.source] == [(key, 3) for key in "abcdef"]
