"""A queue, a network and handlers on a virtual clock, around the real core: one seed is one schedule.

The queue is SQS as its documentation has it: visibility timeouts, a new receipt per receive, at-least-once delivery, FIFO
groups, redrive, batches that fail in part. The network delays, loses requests and loses answers. Handlers take their
time, fail with exceptions of every kind, reject, hang and overrun. A consumer stands still for a while: its machine is
suspended, or a handler blocks its loop while its watchdog keeps extending. Consumers are stopped or killed at any moment
and replaced.
"""

import heapq
import itertools
import random
from dataclasses import dataclass, field

from windlass.queues.coordinator import Coordinator
from windlass.queues.handlers import outcome_of
from windlass.queues.leases import Phase
from windlass.queues.model import (
    AbortPolls,
    Cancel,
    ChangeVisibility,
    DeadLetter,
    Delete,
    DeletePayload,
    Done,
    Limits,
    Poll,
    Reject,
    Retry,
    Start,
    Stopped,
)
from windlass.queues.outbox import CallKind
from windlass.queues.payloads import Pointer, write_pointer
from windlass.wire.sqs import Failed, Message


class Panic(BaseException):
    """What pyo3 and func_timeout raise: no Exception, and its text can't be had."""

    def __str__(self):
        raise ValueError("no text")


BUCKET = "large"
SIZE = {"ExtendedPayloadSize": {"DataType": "Number", "StringValue": "1"}}
ERRORS = (ValueError("no"), Panic(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), StopIteration())


@dataclass
class Stored:
    name: str
    group: str
    order: int
    visible_at: float = 0.0
    receipt: str = ""  # of the latest receive
    count: int = 0
    gone: bool = False
    dead_lettered: bool = False
    backed_off: set = field(default_factory=set)  # receipts that set a back-off


class Queue:
    """What SQS knows."""

    def __init__(self, sim, fifo, max_receive_count):
        self.sim, self.fifo, self.max_receive_count = sim, fifo, max_receive_count
        self.stored = {}
        self.receipts = {}
        self.numbers = itertools.count()

    def send(self, group=""):
        number = next(self.numbers)
        name = f"m{number}"
        self.stored[name] = Stored(name, group, number, self.sim.now)

    def receive(self, count, visibility_s):
        now, rng = self.sim.now, self.sim.rng
        blocked = {
            value.group for value in self.stored.values() if self.fifo and not value.gone and value.visible_at > now
        }
        result = []
        rows = list(self.stored.values())
        if not self.fifo:
            rng.shuffle(rows)
        for row in rows:
            if len(result) >= count:
                break
            if row.gone or row.group in blocked:
                continue
            twice = not self.fifo and row.count and rng.random() < self.sim.plan.duplicates
            if row.visible_at > now and not twice:
                continue
            if self.max_receive_count and row.count >= self.max_receive_count and not twice:
                row.gone = row.dead_lettered = True
                continue
            if row.count and self.sim.plan.calm:
                assert row.receipt in self.sim.nacked, f"{row.receipt} came again though nobody let it go"
            row.count += 1
            row.receipt = f"{row.name}#{row.count}"
            row.visible_at = now + visibility_s
            self.receipts[row.receipt] = row
            attributes = {"ApproximateReceiveCount": str(row.count)} | (
                {"MessageGroupId": row.group} if row.group else {}
            )
            body, size = (write_pointer(Pointer(BUCKET, row.name)), SIZE) if self.sim.plan.payloads else (row.name, {})
            result.append(Message(row.name, row.receipt, body, attributes, size))
        return result

    def delete(self, receipt):
        one = self.receipts[receipt]
        if one.gone:
            return None
        if self.fifo and (one.receipt != receipt or one.visible_at <= self.sim.now):
            return Failed(0, "InvalidParameterValue", "expired", is_sender_fault=True)
        if one.receipt == receipt or self.sim.rng.random() < 0.5:  # an old receipt may or may not delete
            self.sim.deleted(one, receipt)
            one.gone = True
        return None

    def change(self, receipt, seconds, extends):
        one = self.receipts[receipt]
        if one.gone or one.visible_at <= self.sim.now or one.receipt != receipt:
            return Failed(0, "MessageNotInflight", "", is_sender_fault=True)
        assert not (extends and receipt in one.backed_off), f"{one.name}: an extension overwrote a back-off"
        if not extends:
            one.backed_off.add(receipt)
            self.sim.nacked[receipt] = seconds
        one.visible_at = self.sim.now + seconds
        return None


@dataclass(frozen=True)
class Plan:
    """What a seed decides."""

    limits: Limits
    messages: int
    groups: int
    lost_requests: float
    lost_answers: float
    refused: float
    duplicates: float
    failing: float
    rejecting: float
    hanging: float
    slow: float
    stop_after: float
    kill: bool
    mute_handlers: bool  # they don't hear Cancel
    latency_s: float
    freezes: float  # chance that the process stands still for a while after an input
    watched: bool  # what stands still is the loop alone: the watchdog goes on

    @property
    def payloads(self):
        """Messages are large."""
        return bool(self.limits.payload_bucket)

    @property
    def calm(self):
        """Nothing happens that could make SQS give a message twice, but what handlers ask for."""
        return not (
            self.lost_requests or self.lost_answers or self.refused or self.duplicates or self.kill or self.freezes
        )


def draw(rng):
    """A plan."""
    fifo = rng.random() < 0.35
    visibility_s = rng.choice([12, 30, 60])
    wait_s = rng.choice([0, 1]) if visibility_s == 12 else rng.choice([0, 2, 19])
    limits = Limits(
        concurrency=rng.choice([1, 2, 5, 16, 40]),
        prefetch=rng.choice([0, 0, 3, 10]),
        max_pollers=rng.choice([1, 3, 8]),
        wait_s=wait_s,
        read_timeout_s=wait_s + 10,
        visibility_s=visibility_s,
        max_handling_s=rng.choice([5.0, 40.0, 600.0]),
        linger_s=rng.choice([0.0, 0.05, 0.1]),
        first_backoff_s=rng.choice([1, 5]),
        max_backoff_s=60,
        drain_s=rng.choice([wait_s + 1.0, wait_s + 6.0]),
        flush_s=3.0,
        fifo=fifo,
        max_receive_count=rng.choice([0, 0, 3]),
        payload_bucket=rng.choice(["", BUCKET]),
    )
    faulty = rng.random() < 0.6

    def chance(most):
        return rng.random() * most if faulty and rng.random() < 0.5 else 0.0

    return Plan(
        limits,
        messages=rng.choice([1, 8, 25, 60]),
        groups=rng.choice([1, 3, 10]),
        lost_requests=chance(0.3),
        lost_answers=chance(0.2),
        refused=chance(0.3),
        duplicates=0.0 if fifo else chance(0.1),
        failing=rng.choice([0, 0.2]),
        rejecting=rng.choice([0, 0.1]),
        hanging=rng.choice([0, 0, 0.05]),
        slow=rng.choice([0, 0.1]),
        stop_after=rng.choice([0.0, 0.3, 2.0, 10.0, 60.0]) * rng.random(),
        kill=rng.random() < 0.2,
        mute_handlers=rng.random() < 0.5,
        latency_s=rng.choice([0.05, 0.05, 0.6]),
        freezes=rng.choice([0.0, 0.0, 0.02]) if faulty else 0.0,
        watched=rng.random() < 0.5,
    )


class Sim:
    """One schedule: consumers one after another until the queue is empty, each stopped or killed in its turn."""

    def __init__(self, seed, *, clock_stops=False):
        self.rng = random.Random(seed)
        self.clock_stops = clock_stops  # of a consumer whose machine is suspended
        self.plan = draw(self.rng)
        self.now = 1000.0
        self.events = []
        self.ticket = itertools.count()
        self.queue = Queue(self, self.plan.limits.fifo, self.plan.limits.max_receive_count)
        self.done = {}  # receipt: when its handler came to Done
        self.nacked = {}
        self.payloads_deleted = set()
        self.order = {}  # group: numbers of first completions
        self.faultless = False

    def at(self, after_s, what):
        heapq.heappush(self.events, (self.now + after_s, next(self.ticket), what))

    def run(self):
        for _ in range(self.plan.messages):
            group = f"g{self.rng.randrange(self.plan.groups)}" if self.plan.limits.fifo else ""
            self.at(self.rng.random() * 5, lambda group=group: self.queue.send(group))
        for turn in range(3):
            worker = Worker(self)
            self.at(self.plan.stop_after, worker.kill if self.plan.kill and turn == 0 else worker.stop)
            self.play(lambda worker=worker: worker.ended)
            worker.check_exit()
        self.faultless = True
        worker = Worker(self)
        self.play(
            lambda: (
                all(value.gone for value in self.queue.stored.values()) and len(self.queue.stored) == self.plan.messages
            )
        )
        worker.stop()
        self.play(lambda: worker.ended)
        return self

    def play(self, until):
        for _ in range(200_000):
            if until():
                return
            moment, _, what = heapq.heappop(self.events)
            self.now = max(self.now, moment)
            what()
        raise AssertionError("it does not come to an end")

    def completed(self, message):
        """A handler came to Done, or its message is in the dead-letter queue: from now on it may be deleted."""
        self.done[message.receipt] = self.now
        assert message.message_id not in self.payloads_deleted or self.plan.duplicates, "handled without its payload"
        stored = self.queue.stored[message.message_id]
        if message.group and stored.receipt == message.receipt:
            self.order.setdefault(message.group, []).append(stored.order)

    def deleted(self, one, receipt):
        """Never before it was done: by a handler whose lease lived, under this receipt or an earlier one."""
        assert any(name.startswith(f"{one.name}#") for name in self.done), f"{one.name} was deleted before it was done"


class Worker:
    """A consumer process: the real core, and what carries its effects out."""

    def __init__(self, sim):
        self.sim = sim
        limits = sim.plan.limits
        self.coordinator = Coordinator(limits, random.Random(sim.rng.random()))
        self.ended = self.dead = False
        self.handlers = {}
        self.arrived = {}  # receipt: message, of all that reached us
        self.spoiled = set()  # messages one of whose deletes or releases met a fault
        self.dead_letters = set()  # messages that this worker sent to the dead-letter queue
        self.aborted = set()  # receives that were broken off: what they bring is lost
        self.asked_to_stop = None
        self.wake_at = None
        self.frozen_until = 0.0
        self.suspended_s = 0.0
        self.step(lambda: self.coordinator.tick(self.now))

    @property
    def now(self):
        """The worker's clock."""
        return self.sim.now - self.suspended_s

    def step(self, feed):
        if self.dead or self.ended:
            return
        if self.sim.now < self.frozen_until:
            self.sim.at(self.frozen_until - self.sim.now, lambda: self.step(feed))
            return
        if not self.sim.faultless and self.sim.rng.random() < self.sim.plan.freezes:
            frozen_s = self.sim.rng.choice([0.5, 5, 30, 100])
            self.frozen_until = self.sim.now + frozen_s
            feed()
            if self.sim.plan.watched:
                self.watch()
            elif self.sim.clock_stops:
                self.suspended_s += frozen_s
        else:
            feed()
        limits = self.coordinator.limits
        assert self.coordinator.in_flight <= limits.capacity + self.coordinator.hung, "more in hand than allowed"
        for effect in self.coordinator.take_effects():
            self.carry_out(effect)
        wake = self.coordinator.next_wake()
        if wake is not None and (self.wake_at is None or wake < self.wake_at or self.wake_at <= self.sim.now):
            self.wake_at = wake
            self.sim.at(max(0.0, wake - self.now), self.tick)

    def watch(self):
        """The watchdog: what it asks and what it is answered passes the loop by; effects wait for the loop."""
        if self.dead or self.ended or self.sim.now >= self.frozen_until:
            return
        for change in self.coordinator.due_extensions(self.now):
            self.change(change, self.feed_beside)
        self.sim.at(1.0, self.watch)

    def feed_beside(self, feed):
        if not self.dead and not self.ended:
            feed()

    def tick(self):
        self.step(lambda: self.coordinator.tick(self.now))

    def stop(self):
        if not self.ended and not self.dead:
            self.asked_to_stop = self.sim.now
            self.step(lambda: self.coordinator.stop(self.now))

    def kill(self):
        self.dead = self.ended = True

    def carry_out(self, effect):
        sim, rng = self.sim, self.sim.rng
        match effect:
            case Poll():
                sim.at(self.latency(), lambda: self.poll(effect, sim.now + effect.wait_s))
            case AbortPolls():
                for number in effect.numbers:
                    if number in self.coordinator.polling.pending:
                        self.aborted.add(number)
                        self.fail_poll(number, 0.0)
            case Start():
                self.start(effect)
            case Cancel():
                self.cancel(effect.lease)
            case Delete():
                for _, receipt in effect.entries:
                    self.check_receipt(receipt)
                self.call(
                    effect,
                    lambda: [sim.queue.delete(receipt) for _, receipt in effect.entries],
                    self.coordinator.deleted,
                )
            case ChangeVisibility():
                self.change(effect, self.step)
            case DeadLetter():
                ok = sim.faultless or rng.random() > sim.plan.refused
                if ok:
                    sim.completed(effect.message)

                def answer():
                    before = self.coordinator.counts.rejected
                    self.coordinator.dead_lettered(effect.lease, self.now, ok=ok)
                    if self.coordinator.counts.rejected > before:
                        self.dead_letters.add(effect.message.message_id)

                sim.at(self.latency(), lambda: self.step(answer))
            case DeletePayload():
                self.delete_payload(effect)
            case Stopped():
                self.ended = True

    def delete_payload(self, effect):
        """A payload goes after its message is gone, and not while a copy points to it.

        What another worker dead-lettered, and could not delete, is not known here. A standard queue that delivered a message twice may confirm a delete by the older receipt that deletes nothing.
        """
        sim, name = self.sim, effect.key
        assert sim.queue.stored[name].gone or sim.plan.duplicates, (
            f"the payload of {name} is deleted before its message"
        )
        assert name not in self.dead_letters, f"the payload of {name} is deleted, and its dead letter needs it"
        if not sim.faultless and sim.rng.random() < sim.plan.hanging:
            return  # S3 does not answer
        ok = sim.faultless or sim.rng.random() >= sim.plan.refused
        if ok:
            sim.payloads_deleted.add(name)
        sim.at(
            self.latency(), lambda: self.step(lambda: self.coordinator.payload_deleted(effect.number, self.now, ok=ok))
        )

    def change(self, effect, step):
        held = [self.coordinator.leases.get(lease) for lease, _, _ in effect.entries]
        extends = self.coordinator.outbox.kind(effect.number) is CallKind.EXTEND
        assert extends or all(entry.phase is Phase.NACKING for entry in held if entry is not None)
        names = [receipt for _, receipt, _ in effect.entries]
        assert len({name.partition("#")[0] for name in names}) == len(names), "a message twice in a batch"

        def serve():
            return [self.sim.queue.change(receipt, seconds, extends) for _, receipt, seconds in effect.entries]

        self.call(effect, serve, self.coordinator.changed, step)

    def latency(self):
        return 0.002 + self.sim.rng.random() * self.sim.plan.latency_s

    def poll(self, effect, until):
        sim = self.sim
        if self.dead or self.ended or effect.number in self.aborted:
            return
        if not sim.faultless and sim.rng.random() < sim.plan.lost_requests:
            self.fail_poll(effect.number, self.latency())
            return
        result = sim.queue.receive(effect.count, self.coordinator.limits.visibility_s)
        if not result and sim.now < until:
            sim.at(min(0.25, until - sim.now), lambda: self.poll_again(effect, until))
            return
        self.answer_poll(effect, result)

    def fail_poll(self, number, after_s):
        def fail():
            if number in self.coordinator.polling.pending:
                self.coordinator.poll_failed(number, self.now)

        self.sim.at(after_s, lambda: self.step(fail))

    def poll_again(self, effect, until):
        sim = self.sim
        if self.dead or effect.number in self.aborted:
            return  # the connection is broken
        result = sim.queue.receive(effect.count, self.coordinator.limits.visibility_s)
        if result or sim.now >= until - 1e-9:
            self.answer_poll(effect, result)
        else:
            sim.at(min(0.25, until - sim.now), lambda: self.poll_again(effect, until))

    def answer_poll(self, effect, found):
        sim = self.sim
        if not sim.faultless and sim.rng.random() < sim.plan.lost_answers:
            self.fail_poll(effect.number, 5.0)
            return

        def arrive():
            if effect.number in self.aborted:
                sim.nacked |= {entry.receipt: 0 for entry in found}
                return
            assert self.dead or not self.ended, "it ended before a poll was answered"
            if not self.dead:
                self.arrived |= {entry.receipt: entry for entry in found}
            self.step(lambda: self.coordinator.received(effect.number, found, self.now))

        sim.at(self.latency(), arrive)

    def call(self, effect, serve, answered, step=None):
        sim, step = self.sim, step or self.step
        receipts = [entry[1] for entry in effect.entries]
        if not sim.faultless and sim.rng.random() < sim.plan.lost_requests:
            self.spoil(receipts)
            sim.at(self.latency(), lambda: step(lambda: self.coordinator.call_failed(effect.number, self.now)))
            return
        skip = {i for i in range(len(receipts)) if not sim.faultless and sim.rng.random() < sim.plan.refused}
        self.spoil(receipts[i] for i in skip)

        def arrive():
            if skip:
                kept = [entry for i, entry in enumerate(effect.entries) if i not in skip]
                partial = type(effect)(effect.number, tuple(kept))
                results = dict(
                    zip([i for i in range(len(receipts)) if i not in skip], self.serve(partial), strict=True)
                )
            else:
                results = dict(enumerate(serve()))
            failed = [Failed(i, "InternalError", "", is_sender_fault=False) for i in skip]
            failed += [
                Failed(i, failure.code, "", is_sender_fault=failure.is_sender_fault)
                for i, failure in results.items()
                if failure is not None
            ]
            if not sim.faultless and sim.rng.random() < sim.plan.lost_answers:
                self.spoil(receipts)
                sim.at(5.0, lambda: step(lambda: self.coordinator.call_failed(effect.number, self.now)))
            else:
                sim.at(self.latency(), lambda: step(lambda: answered(effect.number, failed, self.now)))

        sim.at(self.latency(), arrive)

    def spoil(self, receipts):
        self.spoiled.update(receipt.partition("#")[0] for receipt in receipts)

    def serve(self, effect):
        queue = self.sim.queue
        if isinstance(effect, Delete):
            return [queue.delete(receipt) for _, receipt in effect.entries]
        extends = self.coordinator.outbox.kind(effect.number) is not CallKind.NACK
        return [queue.change(receipt, seconds, extends) for _, receipt, seconds in effect.entries]

    def start(self, effect):
        sim, rng, plan = self.sim, self.sim.rng, self.sim.plan
        message = effect.message
        group = message.group
        if group:
            busy = [
                one
                for lease, (one, _) in self.handlers.items()
                if one.group == group and self.coordinator.leases.running(lease)
            ]
            assert not busy, f"two messages of {group} are handled at once"
        self.handlers[effect.lease] = (message, True)
        if not self.sim.faultless and rng.random() < plan.hanging:
            return  # until it is cancelled, or for ever
        took = rng.random() * 0.2 if rng.random() >= plan.slow else rng.random() * 60
        sim.at(took, lambda: self.end(effect.lease, message))

    def end(self, lease, message, cancelled=False):
        sim, rng, plan = self.sim, self.sim.rng, self.sim.plan
        if lease not in self.handlers or self.dead or self.ended:
            return
        del self.handlers[lease]
        outcome = Done()
        if cancelled or (not sim.faultless and rng.random() < plan.failing):
            outcome = Retry("cancelled") if cancelled else outcome_of(rng.choice(ERRORS))
        elif rng.random() < plan.rejecting:
            outcome = outcome_of(Reject("never"))
        self.step(lambda: self.conclude(lease, message, outcome))

    def conclude(self, lease, message, outcome):
        sim = self.sim
        if isinstance(outcome, Done) and self.coordinator.leases.running(lease):
            sim.completed(message)
        self.coordinator.handled(lease, outcome, self.now)

    def cancel(self, lease):
        if lease in self.handlers and not self.sim.plan.mute_handlers:
            message, _ = self.handlers[lease]
            self.sim.at(self.sim.rng.random() * 0.3, lambda: self.end(lease, message, cancelled=True))

    def check_receipt(self, receipt):
        """Nothing is deleted with a receipt whose time is over."""
        one = self.sim.queue.receipts[receipt]
        if one.gone or one.receipt != receipt:
            return  # deleted before, or delivered again in duplicate: allowed to any consumer of a standard queue
        assert one.visible_at > self.sim.now, f"{receipt} is deleted after its lease"

    def check_exit(self):
        """What arrived here and was not deleted is visible again within a second, unless its back-off says later."""
        if self.dead or self.asked_to_stop is None:
            return
        limits = self.coordinator.limits
        took_s = self.sim.now - self.asked_to_stop
        assert self.sim.plan.freezes or took_s <= limits.drain_s + limits.flush_s + 1.2, "the stop took too long"
        if self.sim.plan.freezes:
            return  # what arrived while the process stood still may be past its lease: then it is not ours to release
        for receipt in self.arrived:
            one = self.sim.queue.receipts[receipt]
            if one.gone or one.receipt != receipt or one.name in self.spoiled or self.sim.nacked.get(receipt):
                continue
            assert one.visible_at <= self.sim.now + 1.0, f"{receipt} stays hidden after the exit"


def check_order(sim):
    """FIFO: the first time a message of a group is done, every one before it is done (or was rejected, or gave up)."""
    for group, numbers in sim.order.items():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts), f"{group} was handled out of order: {firsts}"
