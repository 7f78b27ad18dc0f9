"""The queue core against a plain list: nothing lost, nothing delivered twice at once, order kept, counters right."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from windlass_local.sqs.message import Message, State
from windlass_local.sqs.queue import Counters, Queue, Receipt, Refusal


def message(body: str, *, group: str | None = None, dedup: str | None = None, sent_s: float = 0.0) -> Message:
    return Message(
        message_id=body,
        body=body,
        body_md5="",
        sent_s=sent_s,
        group_id=group,
        deduplication_id=dedup,
        sequence_number=None,
    )


def standard(**options: object) -> Queue:
    return Queue(fifo=False, retention_s=1000, **options)  # type: ignore[arg-type]


def fifo() -> Queue:
    return Queue(fifo=True, retention_s=1000)


def bodies(queue: Queue, now_s: float, limit: int = 10, visibility_s: float = 30) -> list[str]:
    return [each.message.body for each in queue.receive(limit, visibility_s, now_s)]


def test_a_delayed_message_appears_when_its_delay_ends():
    queue = standard()
    queue.send(message("late"), 0, delay_s=5)
    assert queue.counters(4.9) == Counters(visible=0, in_flight=0, delayed=1)
    assert bodies(queue, 4.9) == []
    assert bodies(queue, 5) == ["late"]


def test_a_message_comes_back_after_its_visibility_timeout_with_its_count():
    queue = standard()
    queue.send(message("a"), 0)
    queue.receive(1, 10, 0)
    assert bodies(queue, 9.9) == []
    [again] = queue.receive(1, 10, 10)
    assert again.message.receive_count == 2


def test_the_last_receipt_of_a_standard_queue_deletes_after_its_timeout_but_an_older_one_does_not():
    queue = standard()
    queue.send(message("a"), 0)
    [first] = queue.receive(1, 10, 0)
    [second] = queue.receive(1, 10, 20)
    queue.delete(first.receipt, 21)
    assert queue.counters(21).in_flight == 1
    queue.delete(second.receipt, 40)
    assert queue.counters(40) == Counters(0, 0, 0)
    queue.delete(second.receipt, 41)  # once more is fine


def test_a_fifo_queue_refuses_a_receipt_whose_time_is_over():
    queue = fifo()
    queue.send(message("a", group="g"), 0)
    [first] = queue.receive(1, 10, 0)
    with pytest.raises(Refusal, match="expired"):
        queue.delete(first.receipt, 10)
    assert bodies(queue, 10) == ["a"]


@pytest.mark.parametrize(
    ("at_s", "visibility_s", "reason"),
    [(31, 10, "not_in_flight"), (20, 43_190, "too_long")],
    ids=["expired", "too long"],
)
def test_visibility_is_not_changed_for_an_ended_delivery_nor_beyond_twelve_hours(at_s, visibility_s, reason):
    queue = standard()
    queue.send(message("a"), 0)
    [got] = queue.receive(1, 30, 0)
    with pytest.raises(Refusal, match=reason):
        queue.change_visibility(got.receipt, visibility_s, at_s)
    with pytest.raises(Refusal, match="unknown"):
        queue.change_visibility(Receipt(99, 1), 1, at_s)


def test_a_heartbeat_extends_and_zero_gives_back():
    queue = standard()
    queue.send(message("a"), 0)
    [got] = queue.receive(1, 10, 0)
    queue.change_visibility(got.receipt, 30, 9)
    assert bodies(queue, 38) == []
    queue.change_visibility(got.receipt, 0, 38)
    assert bodies(queue, 38) == ["a"]


def test_a_group_is_delivered_in_order_and_blocked_while_one_of_it_is_in_flight():
    queue = fifo()
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a")):
        queue.send(message(body, group=group), 0)
    first = queue.receive(2, 10, 0)
    assert [each.message.body for each in first] == ["a1", "a2"]
    assert bodies(queue, 1, visibility_s=100) == ["b1"]
    queue.delete(first[0].receipt, 2)
    assert bodies(queue, 3) == []
    assert bodies(queue, 10) == ["a2", "a3"], "a2 was not done, so it comes again before a3"


def test_sequence_numbers_grow_and_a_repeat_within_five_minutes_is_known():
    queue = fifo()
    one = message("a", group="g", dedup="d")
    queue.send(one, 0)
    other = message("b", group="g", dedup="e")
    queue.send(other, 0)
    assert one.sequence_number < other.sequence_number
    for each in queue.receive(10, 30, 1):
        queue.delete(each.receipt, 1)
    assert queue.duplicate_of(message("c", group="g", dedup="d"), "", 299) == ("a", one.sequence_number)
    assert queue.duplicate_of(message("c", group="g", dedup="d"), "", 300) is None


def test_the_same_receive_attempt_gives_the_same_deliveries_until_one_is_touched():
    queue = fifo()
    queue.send(message("a", group="g"), 0)
    first = queue.receive(10, 30, 0, attempt_id="x")
    assert queue.receive(10, 30, 5, attempt_id="x") == first
    assert first[0].message.receive_count == 1
    queue.delete(first[0].receipt, 6)
    assert queue.receive(10, 30, 7, attempt_id="x") == []


def test_a_message_received_too_often_goes_to_the_dead_letter_queue_with_its_history():
    dead, queue = standard(), standard()
    queue.arn, queue.max_receive_count, queue.dead_letter = "arn:source", 2, dead
    queue.send(message("poison"), 0)
    for now_s in (0, 1):
        [got] = queue.receive(1, 1, now_s)
    assert bodies(queue, 2) == []
    assert queue.counters(2) == Counters(0, 0, 0)
    [moved] = dead.receive(1, 30, 3)
    assert (moved.message.body, moved.message.receive_count) == ("poison", 3)
    assert moved.message.dead_letter_source_arn == "arn:source"
    assert dead.oldest_age_s(10) == 10, "a standard queue's message ages on from its first sending"
    queue.delete(got.receipt, 4)
    assert dead.counters(4).in_flight == 1, "a receipt of the source deletes nothing elsewhere"


def test_a_poison_message_frees_its_group():
    dead, queue = fifo(), fifo()
    queue.max_receive_count, queue.dead_letter = 1, dead
    for body in ("poison", "next"):
        queue.send(message(body, group="g"), 0)
    queue.receive(1, 1, 0)
    assert bodies(queue, 1) == ["next"]
    assert bodies(dead, 1) == ["poison"]


def test_messages_go_at_the_end_of_the_retention_period_in_flight_or_not():
    queue = standard()
    for body, sent_s in (("old", 0), ("young", 500)):
        queue.send(message(body, sent_s=sent_s), sent_s)
    queue.receive(1, 5000, 600)
    assert queue.oldest_age_s(999) == 999
    assert queue.counters(1000) == Counters(1, 0, 0)
    queue.retention_s = 60
    assert queue.counters(1001) == Counters(0, 0, 0)
    assert queue.oldest_age_s(1001) == 0


@pytest.mark.parametrize("is_fifo", [False, True])
def test_the_in_flight_limit_is_an_error_of_standard_queues_and_silence_of_fifo_queues(is_fifo):
    queue = Queue(fifo=is_fifo, retention_s=100, in_flight_limit=2)
    for number in range(3):
        queue.send(message(str(number), group=str(number)), 0)
    assert bodies(queue, 0) == ["0", "1"]
    if is_fifo:
        assert bodies(queue, 0) == []
    else:
        with pytest.raises(Refusal, match="over_limit"):
            queue.receive(1, 1, 0)


def test_purge_deletes_messages_in_flight_too_and_the_queue_still_works():
    queue = fifo()
    for number in range(4):
        queue.send(message(str(number), group="g"), 0)
    [got] = queue.receive(1, 10, 0)
    queue.purge()
    queue.delete(got.receipt, 1)
    assert queue.counters(20) == Counters(0, 0, 0)
    queue.send(message("new", group="g"), 21)
    assert bodies(queue, 21) == ["new"]


def test_a_heartbeat_for_hours_leaves_no_timers_behind():
    queue = Queue(fifo=False, retention_s=10**6)
    queue.send(message("a"), 0)
    [got] = queue.receive(1, 30, 0)
    for tick in range(20_000):
        queue.change_visibility(got.receipt, 10_000, tick / 10)
    assert len(queue._timers) < 2_000


@pytest.mark.parametrize("is_fifo", [False, True])
def test_a_large_backlog_costs_a_call_no_more_than_a_small_one(is_fifo):
    """Work is counted, not timed: no call may touch more than a handful of messages."""
    queue = Queue(fifo=is_fifo, retention_s=10**6)
    for number in range(20_000):
        queue.send(message(str(number), group=str(number % 5_000)), 0)
    touched = CountingMessages(queue._messages)
    queue._messages = touched
    queue._order._messages = touched  # type: ignore[attr-defined]
    for each in queue.receive(10, 30, 1):
        queue.delete(each.receipt, 1)
    queue.counters(1)
    queue.oldest_age_s(1)
    assert touched.looked_up < 300


class CountingMessages(dict):  # type: ignore[type-arg]
    looked_up = 0

    def get(self, key, default=None):
        self.looked_up += 1
        return super().get(key, default)

    def __getitem__(self, key):
        self.looked_up += 1
        return super().__getitem__(key)

    def __contains__(self, key):
        self.looked_up += 1
        return super().__contains__(key)

    def __iter__(self):
        raise AssertionError("a call walked over the whole backlog")


class Model:
    """A message as the oracle sees it: a plain record, looked for by walking the whole list."""

    def __init__(self, body, group, sent_s, visible_s):
        self.body, self.group, self.sent_s, self.visible_s = body, group, sent_s, visible_s
        self.receives, self.receipt, self.is_delayed = 0, None, visible_s > sent_s


class Comparison(RuleBasedStateMachine):
    """The same calls go to the core and to a list; whatever can be seen must be the same."""

    fifo = False
    MAX_RECEIVES = 3

    def __init__(self):
        super().__init__()
        self.now_s = 1000.0
        self.queue = Queue(fifo=self.fifo, retention_s=400)
        self.dead = Queue(fifo=self.fifo, retention_s=10**9)
        self.queue.max_receive_count, self.queue.dead_letter = self.MAX_RECEIVES, self.dead
        self.model: list[Model] = []
        self.dead_bodies: list[str] = []
        self.receipts: list[tuple[Receipt, str]] = []
        self.sent = 0

    def _expire(self):
        self.model = [m for m in self.model if m.sent_s + 400 > self.now_s]

    def _hidden(self, m):
        return m.visible_s > self.now_s

    def _in_flight(self, m):
        return self._hidden(m) and m.receives > 0

    @rule(group=st.sampled_from("abc"), delay_s=st.sampled_from([0, 0, 0, 7]))
    def send(self, group, delay_s):
        body = str(self.sent)
        self.sent += 1
        self.queue.send(message(body, group=group, sent_s=self.now_s), self.now_s, delay_s=delay_s)
        self._expire()
        self.model.append(Model(body, group, self.now_s, self.now_s + delay_s))

    def _receivable(self, taken):
        """The oldest first; by group where FIFO, without groups of which one is in flight or taken just now."""
        if not self.fifo:
            return [m for m in self.model if not self._hidden(m) and m not in taken]
        result = []
        for group in dict.fromkeys(m.group for m in self.model):
            members = [m for m in self.model if m.group == group]
            if not any(self._in_flight(m) or m in taken for m in members):
                result += itertools.takewhile(lambda m: not self._hidden(m), members)
        return result

    def _expected(self, limit):
        """What a receive gives; exhausted messages go to the dead letters and make room for others."""
        taken: list[Model] = []
        while batch := self._receivable(taken)[: limit - len(taken)]:
            for m in batch:
                if m.receives < self.MAX_RECEIVES:
                    taken.append(m)
                else:
                    self.dead_bodies.append(m.body)
                    self.model.remove(m)
        return taken

    @rule(limit=st.integers(1, 10), visibility_s=st.sampled_from([1, 5, 30]))
    def receive(self, limit, visibility_s):
        self._expire()
        got = self.queue.receive(limit, visibility_s, self.now_s)
        expected = self._expected(limit)
        assert [each.message.body for each in got] == [m.body for m in expected]
        for each, m in zip(got, expected, strict=True):
            m.receives += 1
            m.visible_s = self.now_s + visibility_s
            m.receipt = each.receipt
            self.receipts.append((each.receipt, m.body))

    @precondition(lambda self: self.receipts)
    @rule(data=st.data())
    def delete(self, data):
        receipt, body = data.draw(st.sampled_from(self.receipts))
        self._expire()
        m = next((m for m in self.model if m.body == body), None)
        is_current = m is not None and m.receipt == receipt
        if self.fifo and m is not None and not (is_current and self._in_flight(m)):
            with pytest.raises(Refusal):
                self.queue.delete(receipt, self.now_s)
            return
        self.queue.delete(receipt, self.now_s)
        if is_current:
            self.model.remove(m)

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), visibility_s=st.sampled_from([0, 3, 60]))
    def change_visibility(self, data, visibility_s):
        receipt, body = data.draw(st.sampled_from(self.receipts))
        self._expire()
        m = next((m for m in self.model if m.body == body), None)
        if m is None or m.receipt != receipt or not self._in_flight(m):
            with pytest.raises(Refusal):
                self.queue.change_visibility(receipt, visibility_s, self.now_s)
            return
        self.queue.change_visibility(receipt, visibility_s, self.now_s)
        m.visible_s = self.now_s + visibility_s

    @rule(seconds=st.sampled_from([1, 4, 40, 390]))
    def time_passes(self, seconds):
        self.now_s += seconds

    @rule()
    def purge(self):
        if self.sent % 5 == 0:
            self.queue.purge()
            self.model.clear()

    @invariant()
    def counters_are_right(self):
        self._expire()
        hidden = [m for m in self.model if self._hidden(m)]
        in_flight = sum(1 for m in hidden if m.receives)
        expected = Counters(len(self.model) - len(hidden), in_flight, len(hidden) - in_flight)
        assert self.queue.counters(self.now_s) == expected
        assert self.dead.counters(self.now_s).visible == len(self.dead_bodies)
        oldest = min((m.sent_s for m in self.model), default=self.now_s)
        assert self.queue.oldest_age_s(self.now_s) == self.now_s - oldest

    @invariant()
    def nothing_is_lost(self):
        held = {m.body for m in self.queue._messages.values() if m.state is not State.GONE}
        assert held == {m.body for m in self.model}


class FifoComparison(Comparison):
    fifo = True


TestStandardAgainstList = Comparison.TestCase
TestFifoAgainstList = FifoComparison.TestCase
TestStandardAgainstList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestFifoAgainstList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.slow
def test_a_million_messages_are_sent_received_and_deleted():
    queue = standard()
    started = time.monotonic()
    for number in range(1_000_000):
        queue.send(message(str(number)), 0)
    for _ in range(1_000):
        for each in queue.receive(10, 30, 1):
            queue.delete(each.receipt, 1)
    assert queue.counters(1).visible == 990_000
    assert time.monotonic() - started < 120
