"""What becomes of a message: failures win over rechecks, and rechecks end."""

import pytest

from windlass.feed.outcome import MAX_RECEIVES, MessageOutcome, outcome_of, recheck_after_s


@pytest.mark.parametrize(
    ("failed", "unconfirmed", "receive_count", "expected"),
    [
        ((), (), 1, MessageOutcome.DONE),
        (("b",), (), 1, MessageOutcome.FAILED),
        ((), ("a",), 1, MessageOutcome.RECHECK),
        (("a",), ("b",), 1, MessageOutcome.FAILED),
        ((), ("a",), MAX_RECEIVES, MessageOutcome.DONE),
        (("other",), ("other",), 1, MessageOutcome.DONE),
    ],
)
def test_the_outcome_of_a_message(failed, unconfirmed, receive_count, expected):
    outcome = outcome_of({"a", "b"}, failed=failed, unconfirmed=unconfirmed, receive_count=receive_count)
    assert outcome is expected


def test_rechecks_wait_longer_and_longer():
    assert [recheck_after_s(3.0, count) for count in (1, 2, 3)] == [3.0, 6.0, 12.0]
    assert recheck_after_s(600.0, 4) == 900.0
