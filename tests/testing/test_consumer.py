"""A handler under the consumer in virtual time: what users rely on when they test their handlers with it."""

import random

import pytest

from windlass.queues.model import Limits, Reject, RetryLater
from windlass.testing import DeadLettered, FakeClock, FakeQueue, consume


def filled(*bodies, **options):
    queue = FakeQueue(**options)
    for body in bodies:
        queue.send(body)
    return queue


def test_a_failure_comes_again_after_its_back_off_and_is_dead_lettered_at_the_limit():
    def handle(message):
        raise ValueError("no")

    queue = filled("a", max_receive_count=3)
    result = consume(handle, queue)
    assert [attempt.receive_count for attempt in result.attempts] == [1, 2, 3]
    waits = [later.at_s - earlier.at_s for earlier, later in zip(result.attempts, result.attempts[1:], strict=False)]
    assert waits[0] == 5 <= waits[1] <= 10
    assert queue.dead_letters == [DeadLettered("a")]
    assert len(queue) == 0


def test_rejected_messages_are_dead_lettered_at_once_with_their_reason():
    def handle(message):
        raise Reject("it is not an order")

    queue = filled("a", "b")
    result = consume(handle, queue)
    assert len(result.attempts) == 2
    assert queue.dead_letters == [DeadLettered("a", "it is not an order"), DeadLettered("b", "it is not an order")]
    assert result.done == []


def test_retry_later_is_kept_to_the_second():
    def handle(message):
        if message.receive_count == 1:
            raise RetryLater(3600)

    result = consume(handle, filled("a"))
    assert [attempt.at_s for attempt in result.attempts] == [0, 3600]


async def failing_once(message):
    if message.receive_count == 1 and message.body == "a1":
        raise ConnectionError("away")


def test_a_fifo_group_keeps_its_order_through_a_failure_and_others_go_on():
    queue = FakeQueue(fifo=True)
    for body in ("a1", "b1", "a2", "b2", "a3"):
        queue.send(body, group=body[0])
    done = consume(failing_once, queue).done
    assert [body for body in done if body[0] == "a"] == ["a1", "a2", "a3"]
    assert [body for body in done if body[0] == "b"] == ["b1", "b2"]
    assert done.index("b2") < done.index("a1")


def test_a_handler_longer_than_the_visibility_keeps_its_message():
    result = consume(lambda message: None, filled("a", visibility_s=60), handling_s=1000)
    assert result.done == ["a"]
    assert result.attempts[0].receive_count == 1
    assert result.attempts[0].at_s == 1000


def test_a_handler_longer_than_max_handling_is_cancelled_and_the_message_comes_again():
    limits = Limits(max_handling_s=100.0)
    durations = iter([500.0, 10.0])
    result = consume(lambda message: None, filled("a"), limits=limits, handling_s=lambda _: next(durations))
    assert [type(attempt.outcome).__name__ for attempt in result.attempts] == ["Retry", "Done"]


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_no_exception_of_a_handler_leaves_the_simulation(error):
    def handle(message):
        if message.receive_count == 1:
            raise error

    assert consume(handle, filled("a")).done == ["a"]


def test_time_that_is_over_ends_the_run_with_what_is_left_in_the_queue():
    def handle(message):
        raise ValueError("never")

    queue = filled("a")
    result = consume(handle, queue, max_virtual_s=3600)
    assert result.duration_s == 3600
    assert len(queue) == 1


def test_a_run_repeats_exactly():
    def attempts():
        rng = random.Random(7)

        def handle(message):
            if rng.random() < 0.5:
                raise ValueError("no")

        return consume(handle, filled(*"abcdefgh"), random_seed=3).attempts

    assert [(attempt.body, attempt.at_s) for attempt in attempts()] == [
        (attempt.body, attempt.at_s) for attempt in attempts()
    ]


def test_a_queue_refuses_what_sqs_refuses():
    with pytest.raises(ValueError, match="needs a group"):
        FakeQueue(fifo=True).send("a")
    with pytest.raises(ValueError, match="go back"):
        FakeClock().advance(-1)
    queue = filled("a")
    (message,) = queue.receive()
    queue.clock.advance(61)
    assert queue.change_visibility(message.receipt, 10).code == "MessageNotInflight"
    (again,) = queue.receive()
    assert queue.delete(message.receipt) is None
    assert len(queue) == 1  # an old receipt deletes nothing
    queue.delete(again.receipt)
    assert len(queue) == 0
