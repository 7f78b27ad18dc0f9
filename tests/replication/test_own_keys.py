"""What is Windlass's own in a bucket: what lies below `.windlass/`, and no key that only begins alike."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from tests.replication.direct.local import copy_pair
from windlass.replication.own_keys import others, own_prefixes
from windlass.replication.service import PairSelection
from windlass.wire.listing import Listed

PARTS = st.sampled_from([".windlass", ".windlass/", ".windlass-", ".windlasst", "a", "z/", ".wind", "/", "é"])
keys = st.lists(PARTS, min_size=1, max_size=3).map("".join)


@given(st.sets(keys), st.sampled_from(["", "a/", ".wind", ".windlass", "z/"]))
def test_only_keys_below_the_folder_are_left_out(found, prefix):
    rows = [Listed(key, 1, "e", "t", "STANDARD") for key in sorted(found)]
    kept = {row.key for row in others(rows, own_prefixes(prefix))}
    assert found - kept == {key for key in found if key.startswith((".windlass/", f"{prefix}.windlass/"))}


def test_keys_that_begin_alike_are_counted_copied_and_verified(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(versioned=False)
    theirs = [".windlass", ".windlass-notes", ".windlass.toml", ".windlassx/y"]
    for key in [*theirs, ".windlass/seed/manifest.csv"]:
        buckets.call("us-east-1", "PutObject", Bucket=source, Key=key, Body=b"x")

    (pair,) = app.replication.pairs(PairSelection(source=source, destination=target))
    assert app.replication.direct.measure(pair).missing == len(theirs)
    moved = copy_pair(
        app.replication.direct, pair, seed_id="s", versions=False, stop=threading.Event(), on_progress=lambda _: None
    )
    assert (moved.total, moved.copied) == (4, 4)
    listed = buckets.call("eu-west-1", "ListObjectsV2", Bucket=target)["Contents"]
    assert [entry["Key"] for entry in listed] == theirs
    assert app.replication.verify(pair).objects == 4
