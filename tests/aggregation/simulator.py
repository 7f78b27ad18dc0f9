"""A simulation of the real protocol, table and tally on a virtual clock, with every kind of fault.

Objects are put; S3 sends at least one event for each, late, in any order. Workers with clocks of their own take source batches
and timers, and run generators of protocol.py. Each effect takes time; before or after it the worker may die, the call may
fail, or its response may be lost and the call be repeated. Actions take time, fail, are postponed, and in strict mode end by
completion events that arrive early, late, twice or never. Timers are repaired now and then.

At the end every object must be covered: by an action that started after its put, succeeded, and had its folder.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field

from windlass.aggregation import effects as fx
from windlass.aggregation import protocol
from windlass.aggregation.interpreter import PROMPT_S
from windlass.aggregation.model import Mode, WindowPace
from windlass.aggregation.tables.memory import MemoryTable
from windlass.aggregation.tally import EventTally
from windlass.events import Kind, ObjectEvent

RULE = "r"


class Broken(Exception):
    """A call failed: its generator ends, its messages are redelivered."""


@dataclass
class Chances:
    """The probability of each fault, per call unless noted."""

    death: float = 0.01
    fails_before: float = 0.02
    fails_after: float = 0.02
    retried: float = 0.05
    duplicate: float = 0.05
    slow: float = 0.02
    action_fails: float = 0.15
    action_later: float = 0.05
    completion_lost: float = 0.1
    timer_lost: float = 0.01
    skew_s: float = 0.0
    table_s: float = 0.0  # minimum duration of a write


@dataclass
class Put:
    """An object: its key and folder, the time of its put, and its event."""

    key: str
    folder: str
    at: float
    event: ObjectEvent
    covered: bool = False


@dataclass
class Run:
    """One running generator."""

    steps: object
    skew: float
    release: object
    end: object
    answer: object = None
    read_at: float = 0.0
    dead: bool = False


@dataclass
class ActionOutcome:
    """The result of a schedule."""

    steps: int = 0
    actions: int = 0
    puts: list[Put] = field(default_factory=list)
    min_gap_s: float = float("inf")
    end_s: float = 0.0


class Schedule:
    """One random schedule."""

    def __init__(self, seed, *, pace=None, chances=None, keys=2, puts=12, horizon_s=200.0):
        self.rng = random.Random(seed)
        self.chances = chances or Chances()
        self.pace = pace or WindowPace(10.0)
        self.table = MemoryTable()
        self.found = ActionOutcome()
        self.now = 0.0
        self.queue = []
        self.order = itertools.count()
        self.ids = itertools.count()
        self.gathered = []
        self.awaited = {}
        self.last = {}
        self.open = {}
        for _ in range(puts):
            self._plan_put(self.rng.choice("ab"[:keys]), self.rng.uniform(0, horizon_s))
        end = int(horizon_s) + 4000
        for moment in (*range(60, end, 120), *range(end, 40_000, 1200)):
            self.at(moment, self._repair_timers)

    def run(self):
        while self.queue:
            self.now, _, work = heapq.heappop(self.queue)
            work()
        self.found.end_s = self.now
        return self.found

    def at(self, moment, work):
        heapq.heappush(self.queue, (moment, next(self.order), work))

    def after(self, seconds, work):
        self.at(self.now + seconds, work)

    def chance(self, share):
        return self.rng.random() < share

    # Puts and their messages

    def _plan_put(self, key, moment):
        folder = f"f{self.rng.randrange(6)}/"

        def put():
            event = ObjectEvent(
                kind=Kind.CREATED, name="ObjectCreated:Put", bucket=key, key=f"{folder}{len(self.found.puts)}"
            )
            put = Put(key, folder, self.now, event)
            self.found.puts.append(put)
            deliveries = 1 + self.chance(self.chances.duplicate)
            for _ in range(deliveries):
                self._message(f"m{next(self.ids)}", put, self.rng.choice((0.0, 0.1, 1.0, 5.0, 40.0)))

        self.at(moment, put)

    def _message(self, message_id, put, delay_s):
        def arrive():
            self.gathered.append((message_id, put, self.now))
            if len(self.gathered) == 1:
                self.after(self.rng.choice((0.0, 0.5, 3.0)), self._take)
            if self.chance(self.chances.duplicate):  # SQS delivers it to another worker, too
                self.after(self.rng.uniform(0, 30), lambda: self._batch([(message_id, put, self.now)]))

        self.after(delay_s, arrive)

    def _take(self):
        batch, self.gathered = self.gathered, []
        self._batch(batch)

    def _batch(self, batch):
        by_key = {}
        for message_id, put, _ in batch:
            by_key.setdefault(put.key, EventTally()).add(message_id, put.event)
        since = min(moment for *_, moment in batch)
        todo = list(by_key.items())
        skew = self._skew()

        def release():
            for message_id, put, _ in batch:
                self._message(message_id, put, self.rng.uniform(1, 30))

        def next_key():
            if not todo:
                return
            key, tally = todo.pop()
            steps = protocol.count(
                self.pace,
                RULE,
                key,
                tally.ids.keys(),
                tally.events,
                tally.summary,
                since=since + skew,
                now=self.now + skew,
            )
            self._start(Run(steps, skew, release, lambda _: next_key()))

        next_key()

    # Timers

    def _send(self, timer, delay_s):
        if self.chance(self.chances.timer_lost):
            return
        for _ in range(1 + self.chance(self.chances.duplicate)):
            self.after(delay_s, lambda: self._fire(timer))

    def _fire(self, timer):
        def end(verdict):
            if isinstance(verdict, fx.DeferTimer):
                self.after(min(verdict.after_s, 43_200), lambda: self._fire(timer))

        def release():
            self.after(self.rng.uniform(1, 30), lambda: self._fire(timer))

        receives = self.rng.choice((1, protocol.ROTATE_RECEIVES))
        steps = protocol.on_timer(self.pace, timer, lambda: f"t{next(self.ids)}", receives=receives)
        self._start(Run(steps, self._skew(), release, end))

    def _repair_timers(self):
        for item in self.table.items():
            skew = self._skew()
            steps = protocol.repair_timers(self.pace, item, f"s{next(self.ids)}", now=self.now + skew, slack_s=60.0)
            self._start(Run(steps, skew, lambda: None, lambda _: None))

    # Generators

    def _skew(self):
        return self.rng.uniform(-1, 1) * self.chances.skew_s

    def _start(self, run):
        self.after(0.0, lambda: self._step(run))

    def _step(self, run):
        self.found.steps += 1
        if self.chance(self.chances.death):
            run.release()
            return
        try:
            effect = run.steps.send(run.answer)
        except StopIteration as stop:
            if self.chance(self.chances.death):  # before the message is deleted
                run.release()
            else:
                run.end(stop.value)
            return
        slow_s = (
            self.chances.table_s * self.rng.uniform(0.8, 1.2) * (not isinstance(effect, (fx.ReadClock, fx.RunAction)))
        )
        duration_s = (
            slow_s
            + self.rng.choice((0.001, 0.05, 0.3))
            + (self.rng.uniform(1, 15) if self.chance(self.chances.slow) else 0)
        )
        self.after(duration_s, lambda: self._apply_effect(run, effect))

    def _apply_effect(self, run, effect):
        chances = self.chances
        if isinstance(effect, fx.ReadClock):
            run.read_at, run.answer = self.now, self.now + run.skew
            self._step(run)
            return
        if isinstance(effect, fx.RunAction):
            self._act(run, effect)
            return
        try:
            if self.chance(chances.fails_before):
                raise Broken
            run.answer = self._perform(effect)
            if self.chance(chances.retried):
                run.answer = self._perform(effect)
            if self.chance(chances.fails_after):
                raise Broken
        except Broken:
            run.release()
            return
        self._step(run)

    def _perform(self, effect):
        if isinstance(effect, fx.SendTimer):
            return self._send(effect.timer, effect.delay_s)
        if isinstance(effect, fx.AwaitCompletions):
            for token in effect.tokens:
                self.awaited[token] = (effect.key, effect.attempt)
        return self.table.perform(effect)

    # Actions

    def _act(self, run, effect):
        late_s = self.now - run.read_at
        if late_s > PROMPT_S + effect.slack_s:
            run.answer = fx.ActionTooLate(late_s)
            self._step(run)
            return
        if self.chance(self.chances.action_later):
            run.answer = fx.ActionPostponed(self.rng.uniform(0, 30), "busy")
            self._step(run)
            return
        self.found.actions += 1
        if effect.key in self.last:
            self.found.min_gap_s = min(self.found.min_gap_s, self.now - self.last[effect.key])
        self.last[effect.key] = self.now
        started, fails = self.now, self.chance(self.chances.action_fails)
        duration_s = self.rng.choice((0.0, 0.5, 2.0, 25.0))
        if self.pace.strict:
            self._begin(run, effect, started, fails, duration_s)
            return

        def ended():
            if fails:
                run.answer = fx.ActionFailed("it failed")
            else:
                self._cover(effect, started)
                run.answer = fx.ActionCompleted()
            self._step(run)

        self.after(duration_s, ended)

    def _begin(self, run, effect, started, fails, duration_s):
        """Start work on two shares; both completions may arrive before the start is written."""
        if fails:
            run.answer = fx.ActionFailed("it failed")
            self._step(run)
            return
        tokens = (f"c{next(self.ids)}", f"c{next(self.ids)}")
        pending = set(tokens)
        for token in tokens:
            if not self.chance(self.chances.completion_lost):
                self.after(
                    duration_s + self.rng.uniform(0, 1),
                    lambda token=token: self._completes(token, pending, effect, started, 0),
                )
        run.answer = fx.ActionStarted(tokens)
        self._step(run)

    def _completes(self, token, pending, effect, started, tries):
        pending.discard(token)
        if not pending:
            self._cover(effect, started)  # the completions mean that the started work is done
        if not self.table.knows(token):
            if tries < 4:
                self.after(5, lambda: self._completes(token, pending, effect, started, tries + 1))
            return
        if self.chance(self.chances.duplicate):
            self.after(3, lambda: self._completes(token, pending, effect, started, 4))
        last = self.table.complete(token)
        if last is not None:
            item = self.table.read(RULE, last.key)
            if item.claim == last.attempt:
                self.table.perform(fx.CommitCoverage(RULE, last.key, item.claimed, self.now))

    def _cover(self, effect, started):
        summary = effect.summary
        for put in self.found.puts:
            if put.key == effect.key and put.at <= started and (summary.folders_cut or put.folder in summary.folders):
                put.covered = True


def check(result, schedule):
    """Assert the properties of every schedule."""
    uncovered = [put for put in result.puts if not put.covered]
    assert not uncovered, f"{len(uncovered)} of {len(result.puts)} objects are not covered: {uncovered[0]}"
    pace, chances = schedule.pace, schedule.chances
    least = pace.window_s - PROMPT_S - 2 * chances.skew_s
    assert result.min_gap_s >= least - 1e-6, f"two actions are {result.min_gap_s:.2f} s apart, {least} is the least"
    for item in schedule.table.items():
        assert item.uncovered == 0, item


def paces(rng):
    """Return a random pace."""
    strict = rng.random() < 0.3
    window_s = rng.choice((3.0, 10.0, 30.0, 1200.0))
    if rng.random() < 0.4:
        return WindowPace(window_s, Mode.DEBOUNCE, rng.choice((1.0, 5.0)), rng.choice((5.0, 60.0)), strict, 60.0)
    return WindowPace(window_s, strict=strict, strict_s=60.0)


def random_schedule(seed):
    """Return a schedule with a random pace and random faults."""
    rng = random.Random(f"pace {seed}")
    harsh = rng.choice((0.0, 0.3, 1.0, 3.0))
    plain = Chances()
    chances = Chances(**{name: value * harsh for name, value in vars(plain).items()})
    chances.skew_s = rng.choice((0.0, 0.5, 5.0))
    chances.table_s = rng.choice((0.0, 0.0, 2.3, 8.0))
    return Schedule(seed, pace=paces(rng), chances=chances, keys=rng.choice((1, 2)), puts=rng.choice((1, 3, 12, 40)))
