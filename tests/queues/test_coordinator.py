"""What users of other consumers report, by name, on the coordinator with a clock in hand."""

import pytest

from windlass.core.errors import ConfigError
from windlass.queues.coordinator import Coordinator
from windlass.queues.model import (
    AbortPolls,
    Cancel,
    ChangeVisibility,
    DeadLetter,
    Delete,
    Done,
    Limits,
    Poll,
    Rejected,
    Retry,
    Start,
    Stopped,
)
from windlass.wire.sqs import Failed, Message


def message(name, *, count=1, receipt="", group=""):
    attributes = {"ApproximateReceiveCount": str(count)} | ({"MessageGroupId": group} if group else {})
    return Message(name, receipt or f"{name}#{count}", name, attributes)


class Bench:
    """A coordinator and the effects it asked for, by kind."""

    def __init__(self, **limits):
        self.coordinator = Coordinator(Limits(**limits))
        self.now = 100.0
        self.seen = []
        self.coordinator.tick(self.now)
        self.collect()

    def collect(self):
        fresh = self.coordinator.take_effects()
        self.seen += fresh
        return fresh

    def of(self, kind):
        return [entry for entry in self.seen if isinstance(entry, kind)]

    def later(self, seconds):
        """Let time pass as the driver does: tick whenever the coordinator asked for it."""
        self.collect()
        end = self.now + seconds
        for _ in range(10_000):
            wake = self.coordinator.next_wake()
            if wake is None or wake > end:
                break
            self.now = max(self.now, wake)
            self.coordinator.tick(self.now)
            self.collect()
        else:
            raise AssertionError("busy loop: the coordinator asks to be woken again and again")
        self.now = end
        return self

    def deliver(self, *messages):
        poll = self.of(Poll)[-1]
        self.coordinator.received(poll.number, messages, self.now)
        return self.collect()

    def handle(self, name, outcome=None):
        lease = next(entry.lease for entry in reversed(self.of(Start)) if entry.message.message_id == name)
        self.coordinator.handled(lease, outcome or Done(), self.now)
        return self.collect()


def test_a_message_is_deleted_after_its_handler_returned_and_not_before():
    bench = Bench(concurrency=4)
    bench.deliver(message("a"), message("b"))
    bench.later(5)
    assert bench.of(Delete) == []
    bench.handle("a")
    bench.later(0.2)
    assert [receipt for call in bench.of(Delete) for _, receipt in call.entries] == ["a#1"]


def test_deletes_go_out_in_tens_and_the_rest_within_a_tenth_of_a_second():
    bench = Bench(concurrency=40, prefetch=0)
    for start in range(0, 30, 10):
        bench.deliver(*[message(f"m{n}") for n in range(start, start + 10)])
    for n in range(23):
        bench.handle(f"m{n}")
    assert [len(call.entries) for call in bench.of(Delete)] == [10, 10]
    bench.later(0.1)
    assert [len(call.entries) for call in bench.of(Delete)] == [10, 10, 3]


def test_refused_entries_of_a_batch_delete_are_retried_one_by_one_while_the_receipt_lives():
    bench = Bench(concurrency=4)
    bench.deliver(message("a"), message("b"), message("c"))
    for name in "abc":
        bench.handle(name)
    (first,) = bench.of(Delete)
    bench.coordinator.deleted(
        first.number,
        [Failed(0, "InternalError", "", is_sender_fault=False), Failed(2, "InternalError", "", is_sender_fault=False)],
        bench.now,
    )
    bench.later(3)
    again = bench.of(Delete)[1:]
    assert sorted(receipt for call in again for _, receipt in call.entries)[:2] == ["a#1", "c#1"]
    assert all(len(call.entries) == 1 for call in again)
    for call in again:
        bench.coordinator.deleted(call.number, [], bench.now)
    assert bench.coordinator.counts.deleted == 3


def test_a_delete_that_never_comes_through_is_given_up_when_the_receipt_dies_and_remembered():
    bench = Bench(concurrency=4, wait_s=1, read_timeout_s=11, visibility_s=12, drain_s=5)
    bench.deliver(message("a"))
    bench.handle("a")
    for _ in range(50):
        for call in [entry for entry in bench.of(Delete) if entry.number in bench.coordinator.outbox.pending]:
            bench.coordinator.call_failed(call.number, bench.now)
        for call in [entry for entry in bench.of(ChangeVisibility) if entry.number in bench.coordinator.outbox.pending]:
            bench.coordinator.call_failed(call.number, bench.now)
        for poll in [entry for entry in bench.of(Poll) if entry.number in bench.coordinator.polling.pending]:
            bench.coordinator.received(poll.number, [], bench.now)
        bench.later(0.5)
    assert bench.coordinator.counts.lost_leases == 1
    sent = len(bench.of(Delete))
    bench.deliver(message("a", count=2))
    bench.later(0.2)
    assert bench.of(Delete)[sent].entries[0][1] == "a#2", "done before: deleted on sight, with the new receipt"
    assert len(bench.of(Start)) == 1, "and not handled again"


def test_a_heartbeat_never_overwrites_a_backoff():
    bench = Bench(concurrency=1, prefetch=0, first_backoff_s=300)
    bench.deliver(message("a"))
    bench.later(41)
    (beat,) = bench.of(ChangeVisibility)
    bench.handle("a", Retry("no"))
    bench.later(5)
    assert bench.of(ChangeVisibility) == [beat], "the back-off waits for the heartbeat that is on the wire"
    bench.coordinator.changed(beat.number, [], bench.now)
    bench.later(1)
    backoff = bench.of(ChangeVisibility)[1]
    assert 150 <= backoff.entries[0][2] <= 300
    bench.later(120)
    assert len(bench.of(ChangeVisibility)) == 2 or all(
        entry.entries[0][2] != 60 for entry in bench.of(ChangeVisibility)[2:]
    )


def test_a_message_delivered_twice_is_handled_once_and_deleted_by_its_newest_receipt():
    bench = Bench(concurrency=4)
    bench.deliver(message("a"))
    bench.later(0.1)
    bench.deliver(message("a", count=2))
    assert len(bench.of(Start)) == 1
    bench.handle("a")
    bench.later(0.2)
    assert [entry[1] for call in bench.of(Delete) for entry in call.entries] == ["a#2"]
    assert bench.coordinator.counts.duplicates == 1


def test_a_long_poll_on_the_wire_at_the_stop_is_harvested_and_released_at_once():
    bench = Bench(concurrency=4)
    bench.coordinator.stop(bench.now)
    bench.later(7)
    assert not bench.coordinator.stopped
    bench.deliver(message("a"), message("b"))
    (release,) = bench.of(ChangeVisibility)
    assert [(receipt, seconds) for _, receipt, seconds in release.entries] == [("a#1", 0), ("b#1", 0)]
    assert bench.of(Start) == []
    bench.coordinator.changed(release.number, [], bench.now)
    assert isinstance(bench.collect()[-1], Stopped)


def test_acknowledgements_below_the_batch_are_flushed_at_the_stop():
    bench = Bench(concurrency=4)
    bench.deliver(message("a"), message("b"))
    bench.coordinator.stop(bench.now)
    bench.handle("a")
    assert [entry[1] for call in bench.of(Delete) for entry in call.entries] == ["a#1"]


def test_messages_that_wait_go_back_at_once_when_it_stops():
    bench = Bench(concurrency=1, prefetch=9)
    bench.deliver(*[message(f"m{n}") for n in range(10)])
    bench.coordinator.stop(bench.now)
    bench.collect()
    nacked = [entry[1] for call in bench.of(ChangeVisibility) for entry in call.entries]
    assert len(nacked) == 9
    assert bench.coordinator.running == 1


def test_a_hung_handler_cannot_hang_the_shutdown():
    bench = Bench(concurrency=2, drain_s=25, flush_s=3)
    bench.deliver(message("a"))
    bench.coordinator.received(bench.of(Poll)[-1].number, [], bench.now)
    bench.collect()
    bench.coordinator.stop(bench.now)
    for _ in range(60):
        bench.later(0.5)
        for call in [entry for entry in bench.of(ChangeVisibility) if entry.number in bench.coordinator.outbox.pending]:
            bench.coordinator.changed(call.number, [], bench.now)
            bench.collect()
        for poll in [entry for entry in bench.of(Poll) if entry.number in bench.coordinator.polling.pending]:
            bench.coordinator.received(poll.number, [], bench.now)
            bench.collect()
    assert bench.coordinator.stopped
    assert [entry.reason for entry in bench.of(Cancel)] == ["the consumer stops"]
    assert bench.of(ChangeVisibility)[-1].entries[0][1:] == ("a#1", 0)


def test_a_stop_without_any_answer_ends_all_the_same():
    bench = Bench(concurrency=2, drain_s=25, flush_s=3)
    bench.deliver(message("a"))
    bench.coordinator.stop(bench.now)
    bench.later(29.5)
    assert bench.coordinator.stopped


def test_an_expired_receipt_never_ends_the_loop():
    bench = Bench(concurrency=4)
    bench.deliver(message("a"))
    bench.handle("a")
    (call,) = bench.of(Delete)
    bench.coordinator.deleted(
        call.number, [Failed(0, "ReceiptHandleIsInvalid", "expired", is_sender_fault=True)], bench.now
    )
    assert bench.coordinator.counts.lost_leases == 1
    bench.later(60)
    assert bench.coordinator.polling


def test_a_handler_that_lost_its_lease_is_asked_to_stop_and_never_acknowledged():
    bench = Bench(concurrency=1)
    bench.deliver(message("a"))
    bench.later(41)
    (beat,) = bench.of(ChangeVisibility)
    bench.coordinator.changed(beat.number, [Failed(0, "ReceiptHandleIsInvalid", "", is_sender_fault=True)], bench.now)
    (cancel,) = [entry for entry in bench.collect() if isinstance(entry, Cancel)]
    assert "lost" in cancel.reason
    assert bench.coordinator.hung == 1
    bench.handle("a")
    bench.later(60)
    assert bench.of(Delete) == []
    assert bench.coordinator.hung == 0


def test_heartbeats_that_fail_for_good_fence_the_handler_when_the_lease_ends():
    bench = Bench(concurrency=1)
    bench.deliver(message("a"))
    for _ in range(140):
        bench.later(0.5)
        for call in [entry for entry in bench.of(ChangeVisibility) if entry.number in bench.coordinator.outbox.pending]:
            bench.coordinator.call_failed(call.number, bench.now)
    assert bench.of(Cancel)
    bench.handle("a")
    bench.later(5)
    assert bench.of(Delete) == []


def test_a_handler_past_its_time_is_cut_off_and_its_message_comes_again():
    bench = Bench(concurrency=1, max_handling_s=30)
    bench.deliver(message("a"))
    bench.later(31.5)
    assert [item.reason for item in bench.of(Cancel)] == ["it runs longer than 30 s"]
    assert any(entry[2] > 0 for call in bench.of(ChangeVisibility) for entry in call.entries)
    bench.handle("a")
    assert bench.of(Delete) == []


def test_a_full_buffer_causes_no_busy_loop():
    bench = Bench(concurrency=1, prefetch=9)
    bench.deliver(*[message(f"m{n}") for n in range(10)])
    bench.later(10)  # raises when it spins
    assert len(bench.of(Poll)) == 1


def test_a_slow_message_of_ten_holds_up_no_other():
    bench = Bench(concurrency=10, prefetch=0)
    bench.deliver(*[message(f"m{n}") for n in range(10)])
    for n in range(1, 10):
        bench.handle(f"m{n}")
    bench.later(0.2)
    assert sum(len(call.entries) for call in bench.of(Delete)) == 9
    assert bench.of(Poll)[-1].count == 9, "nine places are free, and nine messages are asked for"


def test_no_more_is_received_than_can_be_started_or_held():
    bench = Bench(concurrency=3, prefetch=2)
    assert [entry.count for entry in bench.of(Poll)] == [5]
    bench.deliver(*[message(f"m{n}") for n in range(5)])
    bench.later(1)
    assert len(bench.of(Poll)) == 1


def test_an_idle_queue_is_asked_three_times_a_minute():
    bench = Bench(concurrency=64)
    request = 0
    for _ in range(30):
        poll = bench.of(Poll)[-1]
        bench.later(20)
        bench.coordinator.received(poll.number, [], bench.now)
        bench.collect()
        request += 1
    assert len(bench.of(Poll)) == request + 1
    assert len(bench.coordinator.polling) == 1


def test_pollers_grow_under_load_and_shrink_when_it_ends():
    bench = Bench(concurrency=1000, prefetch=0, max_pollers=6)
    for turn in range(8):
        for poll in [entry for entry in bench.of(Poll) if entry.number in bench.coordinator.polling.pending]:
            bench.coordinator.received(
                poll.number, [message(f"{turn}.{poll.number}.{n}") for n in range(10)], bench.now
            )
        bench.collect()
    assert len(bench.coordinator.polling) == 6
    for _ in range(8):
        bench.later(20)
        for poll in [entry for entry in bench.of(Poll) if entry.number in bench.coordinator.polling.pending]:
            bench.coordinator.received(poll.number, [], bench.now)
        bench.collect()
    assert len(bench.coordinator.polling) == 1


def test_failed_polls_wait_longer_each_time_and_never_end_it():
    bench = Bench(concurrency=4)
    gaps = []
    for _ in range(12):
        (poll,) = [entry for entry in bench.of(Poll) if entry.number in bench.coordinator.polling.pending]
        failed_at = bench.now
        bench.coordinator.poll_failed(poll.number, bench.now)
        while not bench.coordinator.polling:
            bench.later(0.05)
        gaps.append(bench.now - failed_at)
    assert gaps[0] < 0.5
    assert 14 <= gaps[-1] <= 31


def test_the_backoff_doubles_with_each_receive_and_the_last_failure_goes_straight_to_the_dead_letters():
    waits = []
    for count in (1, 2, 3, 4):
        bench = Bench(concurrency=1, first_backoff_s=10, max_receive_count=4)
        bench.deliver(message("a", count=count))
        bench.handle("a", Retry("no"))
        bench.later(0.2)
        waits.append(bench.of(ChangeVisibility)[-1].entries[0][2])
    assert 5 <= waits[0] <= 10
    assert 10 <= waits[1] <= 20
    assert 20 <= waits[2] <= 40
    assert waits[3] == 0


def test_a_rejected_message_is_deleted_only_after_it_was_buried():
    bench = Bench(concurrency=1)
    bench.deliver(message("a"))
    (dead_letter_entry,) = [item for item in bench.handle("a", Rejected("broken")) if isinstance(item, DeadLetter)]
    bench.later(1)
    assert bench.of(Delete) == []
    bench.coordinator.dead_lettered(dead_letter_entry.lease, bench.now, ok=True)
    bench.later(0.2)
    assert [entry[1] for call in bench.of(Delete) for entry in call.entries] == ["a#1"]


def test_a_rejected_message_that_cannot_be_buried_comes_again():
    bench = Bench(concurrency=1)
    bench.deliver(message("a"))
    (dead_letter_entry,) = [entry for entry in bench.handle("a", Rejected("broken")) if isinstance(entry, DeadLetter)]
    bench.coordinator.dead_lettered(dead_letter_entry.lease, bench.now, ok=False)
    bench.later(0.2)
    assert bench.of(Delete) == []
    assert bench.of(ChangeVisibility)[-1].entries[0][2] > 0


def test_a_group_is_handled_in_order_one_at_a_time_and_groups_side_by_side():
    bench = Bench(concurrency=8, fifo=True)
    bench.deliver(
        message("a1", group="a"), message("a2", group="a"), message("b1", group="b"), message("a3", group="a")
    )
    assert [entry.message.message_id for entry in bench.of(Start)] == ["a1", "b1"]
    bench.handle("a1")
    assert [entry.message.message_id for entry in bench.of(Start)] == ["a1", "b1", "a2"]


def test_a_failure_stops_its_group_and_no_other():
    bench = Bench(concurrency=8, fifo=True)
    bench.deliver(
        message("a1", group="a"), message("a2", group="a"), message("b1", group="b"), message("b2", group="b")
    )
    bench.handle("a1", Retry("no"))
    bench.handle("b1")
    bench.later(0.2)
    assert [item.message.message_id for item in bench.of(Start)] == ["a1", "b1", "b2"]
    changed = {entry[1]: entry[2] for call in bench.of(ChangeVisibility) for entry in call.entries}
    assert changed["a2#1"] == 0
    assert changed["a1#1"] > 0


def test_extensions_of_many_messages_share_calls():
    bench = Bench(concurrency=100, prefetch=0, max_pollers=10)
    for at in range(10):
        polls = [entry for entry in bench.of(Poll) if entry.number in bench.coordinator.polling.pending]
        bench.coordinator.received(polls[0].number, [message(f"{at}.{n}") for n in range(10)], bench.now)
        bench.collect()
    bench.later(42)
    beats = bench.of(ChangeVisibility)
    assert sum(len(beat.entries) for beat in beats) == 100
    assert len(beats) == 10


def test_a_message_is_not_extended_past_twelve_hours():
    bench = Bench(concurrency=1, visibility_s=3600, max_handling_s=43_200)
    bench.deliver(message("a"))
    extended = 0
    while not bench.of(Cancel) and bench.now < 100 + 50_000:
        bench.later(30)
        for call in [entry for entry in bench.of(ChangeVisibility) if entry.number in bench.coordinator.outbox.pending]:
            extended += 1
            assert bench.now + call.entries[0][2] <= 100 + 43_200
            bench.coordinator.changed(call.number, [], bench.now)
            bench.collect()
    assert bench.of(Cancel)
    assert extended > 10


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"read_timeout_s": 20}, "long polls"),
        ({"read_timeout_s": 29.9}, "at least 30"),
        ({"visibility_s": 30}, "visibility_s"),
        ({"visibility_s": 35}, "visibility_s"),
        ({"drain_s": 0.5}, "drain_s"),
        ({"concurrency": 0}, "concurrency"),
        ({"wait_s": 21}, "wait_s"),
        ({"linger_s": 0.5}, "linger_s"),
        ({"visibility_s": 50_000}, "visibility_s"),
    ],
)
def test_times_that_contradict_each_other_are_refused_with_the_reason(changed, said):
    with pytest.raises(ConfigError) as caught:
        Limits(**changed)
    assert said in f"{caught.value} {caught.value.hint}"


def test_who_gathers_waits_after_a_receive_that_was_not_full_and_grows_slowly():
    coordinator = Coordinator(Limits(concurrency=1000, prefetch=0, batch_window_s=2.0))
    coordinator.tick(0.0)
    (first,) = [take_effect for take_effect in coordinator.take_effects() if isinstance(take_effect, Poll)]
    coordinator.received(first.number, [message(f"m{at}") for at in range(10)], 0.1)
    polls = [take_effect for take_effect in coordinator.take_effects() if isinstance(take_effect, Poll)]
    assert len(polls) == 1  # a full one is followed at once, by one alone
    coordinator.received(polls[0].number, [message("m10")], 0.2)
    assert not [take_effect for take_effect in coordinator.take_effects() if isinstance(take_effect, Poll)]
    assert coordinator.next_wake() <= 2.2
    coordinator.tick(2.1)
    assert not [take_effect for take_effect in coordinator.take_effects() if isinstance(take_effect, Poll)]
    coordinator.tick(2.2)
    assert len([take_effect for take_effect in coordinator.take_effects() if isinstance(take_effect, Poll)]) == 1


def test_an_idle_long_poll_is_broken_off_a_second_after_the_stop():
    bench = Bench(wait_s=20)
    bench.coordinator.stop(bench.now)
    stopped_at = bench.now
    bench.later(0.9)
    assert not bench.of(AbortPolls)
    bench.later(0.2)
    (abort,) = bench.of(AbortPolls)
    assert abort.numbers == (bench.of(Poll)[-1].number,)
    bench.coordinator.poll_failed(abort.numbers[0], bench.now)
    bench.collect()
    assert bench.of(Stopped)
    assert bench.now - stopped_at < 2
    assert bench.coordinator.counts.failed_polls == 0  # nobody's fault


def test_what_a_busy_queue_answers_within_that_second_goes_back():
    bench = Bench()
    bench.coordinator.stop(bench.now)
    bench.later(0.5)
    bench.deliver(message("a"))
    bench.later(1)
    assert not bench.of(AbortPolls)
    assert [entry[1:] for change in bench.of(ChangeVisibility) for entry in change.entries] == [("a#1", 0)]


def test_a_receive_of_a_fifo_queue_whose_answer_was_lost_is_asked_again_under_the_same_id():
    """Else its messages, and their groups, stay hidden for a visibility timeout."""
    bench = Bench(fifo=True)
    (first,) = bench.of(Poll)
    assert first.attempt_id
    bench.coordinator.poll_failed(first.number, bench.now)
    bench.later(1)
    again = bench.of(Poll)[-1]
    assert again.attempt_id == first.attempt_id
    bench.coordinator.received(again.number, [message("a", group="g")], bench.now)
    bench.collect()
    assert bench.of(Poll)[-1].attempt_id not in (first.attempt_id, "")


def test_an_attempt_id_older_than_sqs_keeps_it_is_dropped_and_a_standard_queue_has_none():
    bench = Bench(fifo=True)
    (first,) = bench.of(Poll)
    bench.now += 300
    bench.coordinator.poll_failed(first.number, bench.now)
    bench.later(1)
    assert bench.of(Poll)[-1].attempt_id not in (first.attempt_id, "")
    assert Bench().of(Poll)[0].attempt_id == ""
