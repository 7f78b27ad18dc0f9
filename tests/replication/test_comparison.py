"""The one comparison: what listings and HEADs say of two objects, and what a seed does about them."""

from hypothesis import given
from hypothesis import strategies as st

from windlass.replication.comparison import Compare, ContentVerdict, Criteria, KeyAction, action_for, compare_listed
from windlass.replication.direct.listing.heads import compare_heads
from windlass.wire.listing import Listed
from windlass.wire.s3 import Head

TIMES = [f"2026-01-01T00:00:0{second}.000Z" for second in range(3)]
MD5S = ["0" * 32, "1" * 32, f"{'0' * 32}-2", f"{'1' * 32}-2"]
objects = st.builds(
    Listed, st.just("k"), st.integers(0, 2), st.sampled_from(MD5S), st.sampled_from(TIMES), st.just("STANDARD")
)
criteria = st.builds(Criteria, st.sampled_from(Compare), st.booleans())


@given(objects, objects, criteria)
def test_objects_of_different_sizes_or_etags_are_never_called_the_same_by_default(source, destination, asked):
    verdict = compare_listed(source, destination, asked.by)
    if source.size_bytes != destination.size_bytes:
        assert verdict is ContentVerdict.DIFFERENT
    elif asked.by is Compare.ETAG:
        assert (verdict is ContentVerdict.SAME) == (source.etag == destination.etag)
    elif asked.by is Compare.CHECKSUM:
        assert verdict is ContentVerdict.UNKNOWN
    if asked.by is Compare.TIME and verdict is ContentVerdict.SAME:
        assert destination.last_modified >= source.last_modified
        assert destination.last_modified > source.last_modified or source.etag == destination.etag


@given(objects, objects, criteria, st.sampled_from(ContentVerdict))
def test_a_newer_object_of_the_destination_is_replaced_only_on_demand(source, destination, asked, verdict):
    action = action_for(source, destination, verdict, asked)
    same_size = source.size_bytes == destination.size_bytes
    newer = destination.last_modified > source.last_modified
    if same_size and verdict is ContentVerdict.DIFFERENT and newer:
        assert action is (KeyAction.COPY if asked.replace_newer else KeyAction.REFUSE)
    if verdict is ContentVerdict.DIFFERENT:
        assert action is not KeyAction.SKIP, "what verify calls different, a seed copies or names"
    if same_size and not newer and verdict is ContentVerdict.DIFFERENT:
        assert action is KeyAction.COPY, "overwritten within the second of its copy"
    assert action_for(source, None, verdict, asked) is KeyAction.COPY


SSE = st.sampled_from(
    [
        {},
        {"x-amz-server-side-encryption": "AES256"},
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ]
)
SUMS = st.sampled_from(
    [
        {},
        {"x-amz-checksum-crc32": "x"},
        {"x-amz-checksum-crc32": "y"},
        {"x-amz-checksum-crc32": "x-2"},
        {"x-amz-checksum-crc32": "y-2"},
        {"x-amz-checksum-sha256": "x"},
    ]
)
heads = st.builds(lambda etag, sse, sums: Head(1, etag, "", "", sse | sums), st.sampled_from(MD5S), SSE, SUMS)


def is_opaque(head):
    return "-" in head.etag or any(
        head.headers.get(name) not in (None, "AES256") or name.endswith("customer-algorithm")
        for name in head.headers
        if name.startswith("x-amz-server-side")
    )


@given(heads, heads, st.booleans())
def test_heads_tell_only_what_they_can(here, there, same_layout):
    verdict = compare_heads(here, there, same_layout=same_layout)
    assert verdict is compare_heads(there, here, same_layout=same_layout)
    if here.etag == there.etag:
        assert verdict is ContentVerdict.SAME
        return
    ours, theirs = (
        {(name, text) for name, text in entry.headers.items() if "checksum" in name} for entry in (here, there)
    )
    digests = not is_opaque(here) and not is_opaque(there)
    if digests:
        assert verdict is ContentVerdict.DIFFERENT, "two MD5s that differ"
    elif ours and ours == theirs and not same_layout:
        assert verdict is ContentVerdict.SAME
    elif verdict is ContentVerdict.DIFFERENT and not same_layout:
        assert {name for name, _ in ours} == {name for name, _ in theirs} != set()
        assert not any("-" in text for _, text in ours | theirs), "checksums of parts that may be cut elsewhere"
    if verdict is ContentVerdict.SAME:
        assert ours
        assert ours == theirs
    without = compare_heads(here, there, digests=False)
    assert without is not ContentVerdict.DIFFERENT or (ours and theirs), "another service's ETag proved something"
