"""Polling: how many receives run, for how many messages, and when."""

import math
import random

from windlass.queues.model import Counts, Limits
from windlass.queues.polling import Polling


def make(**limits):
    return Polling(Limits(**limits), Counts(), random.Random(1))


def polls(polling, now, in_flight=0, undeleted=0):
    return list(polling.next_polls(now, in_flight, undeleted))


def test_an_idle_consumer_has_one_receive():
    polling = make(concurrency=64)
    (poll,) = polls(polling, 0.0)
    assert (poll.count, poll.wait_s) == (10, 20)
    assert polls(polling, 0.0) == []
    assert polling.wake_at == math.inf, "only an answer changes something"


def test_full_receives_add_pollers_and_empty_ones_remove_them():
    polling = make(concurrency=1000, max_pollers=3)
    (poll,) = polls(polling, 0.0)
    for _ in range(5):
        polling.answered(poll.number, 10, 1.0)
        result = polls(polling, 1.0)
        poll = result[0]
    assert polling.pollers == 3
    for number in polling.pending:
        polling.answered(number, 0, 2.0)
    assert polling.pollers == 1


def test_messages_on_their_way_take_slots():
    polling = make(concurrency=15, prefetch=0)
    polling.pollers = 5
    first, *others = polls(polling, 0.0)
    assert first.count == 10
    assert others == [], "five free slots wait a moment for more"
    assert 0 < polling.wake_at < 0.1
    (second,) = polls(polling, polling.wake_at)
    assert second.count == 5
    assert polls(polling, 1.0) == []
    assert polling.answered(second.number, 5, 1.0).count == 5


def test_nothing_is_received_while_too_much_waits_to_be_deleted():
    polling = make(concurrency=1, prefetch=0)
    assert polls(polling, 0.0, undeleted=1005) == []
    assert len(polls(polling, 0.0, undeleted=1004)) == 1


def test_failures_wait_longer_each_time_up_to_half_a_minute():
    polling, now, waits = make(), 0.0, []
    for _ in range(12):
        (poll,) = polls(polling, now)
        polling.failed(poll.number, now)
        assert polls(polling, now) == []
        waits.append(polling.wake_at - now)
        now = polling.wake_at
    assert 0.1 <= waits[0] <= 0.4
    assert 15 <= waits[-1] <= 30
    assert max(waits) <= 30


def test_an_answer_leaves_no_wake_up_behind():
    """A stale moment in the past would make the driver spin."""
    polling = make(concurrency=15, prefetch=0)
    polling.pollers = 3
    (first,) = polls(polling, 0.0)
    assert polling.wake_at < math.inf
    polling.failed(first.number, 5.0)
    assert polling.wake_at == math.inf


def test_a_lost_receive_of_a_fifo_queue_is_asked_again_under_its_id_for_four_minutes():
    polling = make(fifo=True)
    (first,) = polls(polling, 0.0)
    polling.failed(first.number, 10.0)
    (again,) = polls(polling, 60.0)
    assert again.attempt_id == first.attempt_id != ""
    polling.failed(again.number, 70.0)
    (late,) = polls(polling, 400.0)
    assert late.attempt_id not in ("", first.attempt_id)
    assert polls(make(), 0.0)[0].attempt_id == ""


def test_a_batch_window_waits_after_a_receive_that_was_not_full():
    polling = make(concurrency=100, batch_window_s=2.0)
    (poll,) = polls(polling, 0.0)
    polling.answered(poll.number, 3, 1.0)
    assert polls(polling, 1.0) == []
    assert polling.wake_at == 3.0
    assert len(polls(polling, 3.0)) == 1


def test_a_stop_aborts_each_receive_once_after_a_second():
    polling = make()
    (poll,) = polls(polling, 0.0)
    polling.stop(10.0)
    assert polling.abort(10.5) == ()
    assert polling.abort(11.0) == (poll.number,)
    assert polling.abort(12.0) == ()
