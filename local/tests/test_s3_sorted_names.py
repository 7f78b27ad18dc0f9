"""The sorted index of key names, against `sorted()`."""

from __future__ import annotations

import bisect

from hypothesis import given, settings
from hypothesis import strategies as st

from windlass_local.s3 import sorted_names as names_module
from windlass_local.s3.paging import Group, PageRequest, entries, take
from windlass_local.s3.sorted_names import SortedNames, prefix_end

KEYS = st.text(alphabet="ab/0é\U0010ffff", min_size=1, max_size=6)
CHANGES = st.lists(st.tuples(st.booleans(), KEYS), max_size=120)


def build(changes: list[tuple[bool, str]]) -> tuple[SortedNames, set[str]]:
    index, expected = SortedNames(), set()
    for add, name in changes:
        if add:
            index.add(name)
            expected.add(name)
        else:
            index.discard(name)
            expected.discard(name)
    return index, expected


@settings(max_examples=150, deadline=None)
@given(changes=CHANGES, start=st.text(alphabet="ab/0é", max_size=5), inclusive=st.booleans())
def test_the_index_is_what_sorted_gives(changes: list[tuple[bool, str]], start: str, inclusive: bool) -> None:
    index, expected = build(changes)
    in_order = sorted(expected)
    assert list(index) == in_order
    assert len(index) == len(in_order)
    at = (bisect.bisect_left if inclusive else bisect.bisect_right)(in_order, start)
    assert list(index.since(start, inclusive=inclusive)) == in_order[at:]


def test_the_order_is_that_of_utf8_bytes() -> None:
    index = SortedNames()
    for name in ("z", "é", "\U0001f600", "\ufffd", "A"):
        index.add(name)
    assert list(index) == sorted(["z", "é", "\U0001f600", "\ufffd", "A"], key=str.encode)


def test_chunks_split_and_vanish_without_losing_names() -> None:
    index = SortedNames()
    count = names_module._SPLIT_AT * 3
    for number in range(count):
        index.add(f"{(number * 7919) % count:06d}")
    assert [int(name) for name in index] == list(range(count))
    for number in range(0, count, 2):
        index.discard(f"{number:06d}")
    assert [int(name) for name in index] == list(range(1, count, 2))


@given(prefix=KEYS, tail=st.text(alphabet="ab/0é\U0010ffff", max_size=3))
def test_prefix_end_comes_after_every_name_with_the_prefix(prefix: str, tail: str) -> None:
    end = prefix_end(prefix)
    assert end is None or prefix + tail < end


def listed(names: list[str], prefix: str, delimiter: str) -> list[str]:
    """What a listing shows, by S3's words and nothing clever."""
    result: list[str] = []
    for name in sorted(names):
        if not name.startswith(prefix):
            continue
        rest = name[len(prefix) :]
        if delimiter and delimiter in rest:
            shown = prefix + rest.split(delimiter)[0] + delimiter
            if shown not in result:
                result.append(shown)
        else:
            result.append(name)
    return result


@settings(max_examples=200, deadline=None)
@given(
    changes=CHANGES,
    prefix=st.text(alphabet="ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "b/"]),
    limit=st.integers(1, 5),
)
def test_joined_pages_are_the_complete_listing(
    changes: list[tuple[bool, str]], prefix: str, delimiter: str, limit: int
) -> None:
    index, expected = build(changes)
    shown: list[str] = []
    after, truncated = "", True
    while truncated:
        request = PageRequest(prefix=prefix, delimiter=delimiter, after=after)
        page, truncated = take(entries(index, request, lambda name: [name]), limit)
        shown += [each.prefix if isinstance(each, Group) else each for each in page]
        after = shown[-1] if shown else ""
    assert shown == listed(sorted(expected), prefix, delimiter)


def test_a_folder_of_deleted_keys_is_not_shown() -> None:
    index = SortedNames()
    for name in ("a/1", "a/2", "b/1", "c"):
        index.add(name)
    page, _ = take(entries(index, PageRequest(delimiter="/"), lambda name: [] if name.startswith("a/") else [name]), 10)
    assert page == [Group("b/"), "c"]
