"""Leases: until when a message is ours, what is extended, and which handled messages are remembered."""

import math

from windlass.queues.leases import HandledMessages, MessageLeases, Phase
from windlass.queues.model import Limits
from windlass.wire.sqs import Message


def make(**limits):
    return MessageLeases(Limits(**({"visibility_s": 60, "max_handling_s": 1000} | limits)))


def message(name, count=1, group=""):
    attributes = {"ApproximateReceiveCount": str(count)} | ({"MessageGroupId": group} if group else {})
    return Message(name, f"{name}#{count}", name, attributes)


def test_a_lease_waits_until_it_enters_another_phase():
    leases = make()
    assert (len(leases), leases.scan_at) == (0, math.inf)
    lease = leases.add(message("a"), 60.0, 0.0)
    assert (leases.waiting, leases.find("a"), leases.get(lease.number)) == (1, lease, lease)
    assert leases.scan_at == 1.0
    leases.enter(lease, Phase.RUNNING)
    assert leases.waiting == 0
    assert leases.running(lease.number)
    leases.remove(lease)
    leases.remove(lease)
    assert (len(leases), leases.waiting, leases.find("a"), leases.scan_at) == (0, 0, None, math.inf)


def test_a_waiting_lease_that_is_removed_no_longer_waits():
    leases = make()
    lease = leases.add(message("a"), 60.0, 0.0)
    leases.remove(lease)
    leases.remove(lease)
    assert leases.waiting == 0


def test_a_group_counts_on_a_fifo_queue_alone():
    """A standard queue takes MessageGroupId for fairness; its messages have no order."""
    assert make().add(message("a", group="g"), 60.0, 0.0).group == ""
    assert make(fifo=True).add(message("a", group="g"), 60.0, 0.0).group == "g"


def test_the_newest_receipt_counts_whatever_the_order_of_answers():
    leases = make()
    lease = leases.add(message("a", 2), 60.0, 0.0)
    leases.received_again(lease, message("a", 3), 90.0)
    leases.received_again(lease, message("a", 1), 200.0)
    assert (lease.receipt, lease.expires_at) == ("a#3", 90.0)


def test_a_scan_names_what_expired_ran_too_long_and_ends_soon():
    leases = make()
    names = ("expired", "slow", "due", "soon", "fresh", "pending", "paused", "nacking")
    ends = (100.0, 190.0, 119.0, 124.0, 160.0, 110.0, 110.0, 90.0)
    made = {name: leases.add(message(name), end, 50.0) for name, end in zip(names, ends, strict=True)}
    leases.enter(made["slow"], Phase.RUNNING)
    made["slow"].started_at = -900.0
    made["pending"].pending_changes = 1
    made["paused"].not_before = 100.1
    leases.enter(made["nacking"], Phase.NACKING)
    scan = leases.scan(100.0)
    assert scan.expired == [made["expired"]]
    assert scan.timed_out == [made["slow"]]
    assert scan.due == [made["due"]]
    assert scan.soon == [made["soon"]]
    assert leases.scan_at == 101.0


def test_while_the_loop_is_blocked_a_pending_extension_is_sent_again():
    leases = make()
    lease = leases.add(message("a"), 110.0, 0.0)
    lease.pending_changes = 1
    assert leases.scan(100.0).due == []
    assert leases.due_extensions(100.0) == [lease]
    assert leases.due_extensions(110.0) == [], "it has ended"
    leases.enter(lease, Phase.NACKING)
    assert leases.due_extensions(100.0) == []


def test_an_extension_counts_from_when_it_was_sent_and_never_shortens():
    leases = make()
    lease = leases.add(message("a"), 60.0, 0.0)
    leases.extended(lease, 30.0)
    assert lease.expires_at == 90.0
    leases.extended(lease, 10.0)
    assert lease.expires_at == 90.0
    leases.extension_failed(lease, 70.0)
    assert lease.not_before == 70.2


def test_extensions_end_before_sqs_twelve_hours():
    leases = make(read_timeout_s=35)
    lease = leases.add(message("a"), 60.0, 0.0)
    assert leases.extension_s(lease, 43_000.0) == 60
    assert leases.extension_s(lease, 43_200.0 - 35 - 20) == 20
    assert leases.extension_s(lease, 43_200.0) == 1


def test_handled_messages_are_remembered_until_their_deletion_is_confirmed():
    handled = HandledMessages()
    assert handled.find("a") is None
    handled.add("a", dead_lettered=False)
    handled.add("b", dead_lettered=True)
    assert (handled.find("a"), handled.find("b")) == (False, True)
    handled.discard("a")
    handled.discard("a")
    assert handled.find("a") is None
    for number in range(10_000):
        handled.add(f"m{number}", dead_lettered=False)
    assert handled.find("b") is None, "the oldest is forgotten: memory is bounded"
