"""One meaning, one text."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.core.canonical import canonical_json, digest, plain


def test_what_boto3_returns_becomes_plain_json():
    answer = {
        "When": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        "Naive": dt.datetime(2026, 1, 2),
        "Price": Decimal("1.50"),
        "Count": Decimal(7),
        "Blob": b"\x00\xff",
        "Set": {"b", "a"},
        "Whole": 3.0,
    }
    assert plain(answer) == {
        "When": "2026-01-02T01:04:05Z",
        "Naive": "2026-01-02T00:00:00Z",
        "Price": 1.5,
        "Count": 7,
        "Blob": "AP8=",
        "Set": ["a", "b"],
        "Whole": 3,
    }


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=6))
def test_key_order_never_matters(document):
    backwards = dict(reversed(document.items()))
    assert canonical_json(document) == canonical_json(backwards)
    assert digest(document) == digest(backwards)


def test_lone_surrogates_have_a_digest():
    assert digest({"key": "\ud800"}) != digest({"key": "\ud801"})


def test_nan_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": float("nan")})
