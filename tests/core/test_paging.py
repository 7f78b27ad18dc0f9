"""Loops over pages end: at a token that came before, whatever the cycle, and at no other."""

from itertools import chain, cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.core.errors import AwsError
from windlass.core.paging import LoopGuard


@given(st.integers(0, 50), st.integers(1, 50), st.booleans())
def test_every_cycle_of_tokens_is_found_and_soon(before, length, mapping):
    tokens = chain(range(before), cycle(range(before, before + length)))
    guard = LoopGuard("the listing of logs")
    with pytest.raises(AwsError, match="the listing of logs does not advance"):
        for token in islice(tokens, 4 * (before + length) + 4):
            guard.advance({"Key": token} if mapping else token)


@given(st.lists(st.text(), unique=True, max_size=200))
def test_a_listing_that_advances_is_left_alone(tokens):
    guard = LoopGuard("the listing of logs")
    for token in tokens:
        guard.advance(token)
