from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.clients.versions import PART_MAX, pack, parse_version

part = st.integers(0, PART_MAX)
versions = st.tuples(part, part, part)


def test_nodejs_2_1586_0_is_below_3_0_0():
    """The packing that goes around says the opposite: 35,860,000 against 30,000,000."""
    old, new = parse_version("2.1586.0"), parse_version("3.0.0")
    assert old is not None
    assert new is not None
    assert old < new
    assert pack(old) < pack(new)


@settings(deadline=None)
@given(versions, versions)
def test_the_packed_number_orders_as_the_tuple_does(a, b):
    assert (pack(a) < pack(b)) == (a < b)
    assert pack(max(a, b)) < 2**63


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.11.301", (1, 11, 301)),
        ("v12.18.2", (12, 18, 2)),
        ("2.0.0dev3", (2, 0, 0)),
        ("2.0.0-preview-9-SNAPSHOT", (2, 0, 0)),
        ("1.8.0_412", (1, 8, 0)),
        ("1.12.160cwlogs/1.4.4", (1, 12, 160)),
        ("rds/1.11.0", (1, 11, 0)),
        ("3.1.10.0", (3, 1, 10)),
        ("7.-1", (7, 0, 0)),
        ("3", (3, 0, 0)),
        ("9999999.1.2", (PART_MAX, 1, 2)),
        ("dev", None),
        ("", None),
        ("-1", None),
    ],
)
def test_odd_versions(text, expected):
    assert parse_version(text) == expected


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_version_or_none(text):
    found = parse_version(text)
    assert found is None or all(0 <= entry <= PART_MAX for entry in found)
