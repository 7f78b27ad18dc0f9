"""The order of S3's events of one key."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from windlass.events import Kind, ObjectEvent, Order, is_duplicate, newer, order, sequence_key

BASE = ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k", request_id="R")
hexes = st.text("0123456789abcdefABCDEF", min_size=1, max_size=24)


def at(sequencer, **changes):
    return replace(BASE, sequencer=sequencer, **changes)


@given(hexes, hexes)
def test_order_is_the_comparison_that_aws_documents(a, b):
    """AWS docs: "first right pad the shorter value with zeros, and then do a lexicographical comparison"."""
    width = max(len(a), len(b))
    padded_a, padded_b = a.lower().ljust(width, "0"), b.lower().ljust(width, "0")
    expected = Order.SAME if padded_a == padded_b else Order.LATER if padded_a > padded_b else Order.EARLIER
    assert order(at(a), at(b)) is expected
    assert newer(at(a), at(b)) == (padded_a > padded_b)
    assert is_duplicate(at(a), at(b)) == (padded_a == padded_b)


def test_short_sequencers_are_padded_on_the_right():
    """With padding on the left, 0055AED6DCD90281E5 would be later than 0056."""
    assert newer(at("0056"), at("0055AED6DCD90281E5"))


@given(st.lists(hexes, min_size=2, max_size=6))
def test_sequence_keys_sort_like_their_events(sequencers):
    ordered = sorted(sequencers, key=sequence_key)
    for earlier, later in zip(ordered, ordered[1:], strict=False):
        assert order(at(earlier), at(later)) in {Order.EARLIER, Order.SAME}


def test_only_events_of_one_key_with_sequencers_have_an_order():
    for a, b in (
        (at("01"), at("02", key="other")),
        (at("01"), at("02", bucket="other")),
        (at(""), at("02")),
        (at("01"), at("")),
    ):
        assert order(a, b) is Order.UNKNOWN
        assert not newer(a, b)
        assert not newer(b, a)
        assert not is_duplicate(a, b)


def test_without_sequencers_equal_request_ids_mean_a_duplicate():
    tagged = replace(BASE, name="ObjectTagging:Put", kind=Kind.TAGGING)
    assert is_duplicate(tagged, tagged)
    assert not is_duplicate(tagged, replace(tagged, request_id="S"))
    assert not is_duplicate(replace(tagged, request_id=""), replace(tagged, request_id=""))
    assert not is_duplicate(tagged, replace(tagged, key="other"))
