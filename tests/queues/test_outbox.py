"""Outbox: batches of ten, what lingers, retries, and calls without an answer."""

import math
import random

import pytest

from windlass.queues.model import Limits
from windlass.queues.outbox import CallKind, Outbox


def make(**limits):
    return Outbox(Limits(**limits), random.Random(1))


def test_ten_leave_at_once_and_the_rest_lingers():
    outbox = make(linger_s=0.1)
    for lease in range(13):
        outbox.add_delete(lease, 1.0)
    assert outbox.next_deletes(1.0, partial=False) == list(range(10))
    assert outbox.next_deletes(1.05, partial=False) == []
    assert outbox.wake_at == pytest.approx(1.1)
    assert outbox.next_deletes(1.1, partial=False) == [10, 11, 12]
    assert outbox.wake_at == math.inf


def test_an_unfilled_batch_leaves_when_it_is_asked_for():
    outbox = make()
    outbox.add_nack(7, 1.0)
    assert outbox.next_nacks(1.0, partial=False) == []
    assert outbox.next_nacks(1.0, partial=True) == [7]


def test_deletes_and_nacks_linger_on_their_own():
    outbox = make(linger_s=0.1)
    outbox.add_delete(1, 1.0)
    outbox.add_nack(2, 1.06)
    assert outbox.wake_at == pytest.approx(1.1)
    assert outbox.next_deletes(1.1, partial=False) == [1]
    assert outbox.next_nacks(1.1, partial=False) == []
    assert outbox.wake_at == pytest.approx(1.16)


def test_a_call_is_open_until_it_is_answered():
    outbox = make()
    number = outbox.open(CallKind.DELETE, [(1, "receipt")], 5.0)
    assert not outbox.idle
    assert outbox.pending == (number,)
    assert outbox.kind(number) is CallKind.DELETE
    call = outbox.close(number)
    assert (call.entries, call.sent_at) == (((1, "receipt"),), 5.0)
    assert outbox.idle
    assert outbox.kind(number) is None
    with pytest.raises(KeyError):
        outbox.close(number)


def test_retries_wait_longer_each_time_and_never_pass_the_lease():
    outbox, waits = make(), []
    for attempt in range(1, 12):
        assert outbox.retry(1, attempt, 1000.0, 0.0)
        waits.append(outbox.wake_at)
        assert outbox.due_retries(outbox.wake_at) == [1]
    assert 0.1 <= waits[0] <= 0.2
    assert 15 <= waits[-1] <= 30
    assert not outbox.retry(1, 8, 10.0, 0.0), "the receipt is no longer valid then"
    assert outbox.wake_at == math.inf
    assert outbox.due_retries(1000.0) == []


def test_only_what_is_due_is_tried_again():
    outbox = make()
    outbox.retry(1, 1, 100.0, 0.0)
    outbox.retry(2, 8, 100.0, 0.0)
    assert outbox.due_retries(0.2) == [1]
    assert 0.2 < outbox.wake_at < 30


def test_payload_deletes_are_bounded_and_keep_the_outbox_from_being_idle():
    outbox = make()
    numbers = [outbox.open_payload_delete() for _ in range(1000)]
    assert outbox.open_payload_delete() is None
    assert not outbox.idle
    outbox.close_payload_delete(numbers[0])
    assert outbox.open_payload_delete() is not None
