"""Every state that the aggregation protocol can reach, with the real code taking each step.

The world: some objects are put, each has a message; up to `slots` processes at a time hold a source batch or a timer and are
one conversation of protocol.py each, stopped between any two of its effects. At every stop any process may go on, crash
(its messages come again), have its last answer lost and its effect retried, or a message may be delivered once more; how
often each misfortune may strike is the budget. The table is decide.py. A process is its conversation's answers so far: the
generator is replayed up to them, so that a state is a plain value.

Without a clock (`window = 0`) nothing is ever too early, which allows every order that any clocks could bring about: what is
covered there is covered whatever clocks do. With a window and ticks, the pace is looked at.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from windlass.aggregation import effects as fx
from windlass.aggregation.model import Item, Summary, Timer, WindowPace

RULE, KEY = "r", "k"
_NOTHING = Summary()
_CAP = 2  # of one message in the queue; a third copy makes nothing possible that two don't


@dataclass(frozen=True)
class World:
    """What may happen."""

    events: int = 3
    crashes: int = 1
    duplicates: int = 1
    failures: int = 1
    retries: int = 1
    slots: int = 2
    window: int = 0
    ticks: int = 0
    batches: bool = True
    sweeper: bool = True
    rotate: bool = False


@dataclass
class Found:
    """What a search saw; `fault` is empty when all was well."""

    states: int = 0
    fault: str = ""
    trace: tuple[str, ...] = ()
    terminal: int = field(default=0)


class Ended(Exception):
    """The conversation is over, with this verdict."""

    def __init__(self, verdict):
        super().__init__()
        self.verdict = verdict


class Search:
    """One search over a world, by the given protocol and table modules (the real ones, or mutants of them)."""

    def __init__(self, protocol, transitions, world):
        self.protocol, self.transitions, self.world = protocol, transitions, world
        self.pace = WindowPace(float(world.window))
        self.steps = {}

    # States: (now, item, sources, timers, processes, budget, covered, last action)
    # source: 0 not put, 1 queued, 2 held, 3 gone   timers: sorted ((token, ready), ...)
    # process: (slot, kind, what, answers, claimed at)   budget: (crashes, duplicates, failures, retries)

    def first(self):
        world = self.world
        return (
            0,
            None,
            (0,) * world.events,
            (),
            (),
            (world.crashes, world.duplicates, world.failures, world.retries),
            0,
            -99,
        )

    def run(self, *, most=10_000_000):
        found = Found()
        start = self.first()
        index = {start: 0}
        parents = [(-1, "")]
        backward = [[]]  # over steps that are no misfortune
        good = []
        todo = deque([start])
        while todo:
            state = todo.popleft()
            at = index[state]
            after = list(self.after(state))
            fault = self.wrong(state, after)
            for label, state_after, misfortune in after:
                if isinstance(state_after, str):
                    fault = fault or state_after
                    continue
                number = index.get(state_after)
                if number is None:
                    number = index[state_after] = len(parents)
                    parents.append((at, label))
                    backward.append([])
                    todo.append(state_after)
                if not misfortune:
                    backward[number].append(at)
            if fault:
                return self._failed(found, len(index), fault, parents, at)
            if self.quiet(state) and not self.sweepable(state):
                good.append(at)
            assert len(index) < most, "more states than expected"
        found.states, found.terminal = len(index), len(good)
        if self.world.window:
            return found  # time ends after some ticks: what would come to rest later is not seen
        reached = set(good)
        gateway = good
        while gateway:
            gateway = [
                one for number in gateway for one in backward[number] if one not in reached and not reached.add(one)
            ]
        if len(reached) < len(index):
            stuck = next(number for number in range(len(index)) if number not in reached)
            return self._failed(found, len(index), "STUCK: from here it never comes to rest", parents, stuck)
        return found

    def _failed(self, found, states, fault, parents, at):
        trace = []
        while at > 0:
            at, label = parents[at]
            trace.append(label)
        found.states, found.fault, found.trace = states, fault, tuple(reversed(trace))
        return found

    def quiet(self, state):
        _, _, sources, timers, processes, *_ = state
        return all(source == 3 for source in sources) and not timers and not processes

    def wrong(self, state, after):
        if not self.quiet(state):
            return ""
        _, item, _, _, _, _, covered, _ = state
        if covered != 2**self.world.events - 1 and not self.sweepable(state):
            return f"LOST: only {covered:b} of the objects are covered, and nothing is left to do"
        dirty, done, armed = item[0], item[1], item[2]
        if (dirty != done or armed) and not self.sweepable(state):
            return f"NOT AT REST: dirty {dirty}, done {done}, armed {armed!r}"
        return ""

    def sweepable(self, state):
        """Whether this is the sweeper's one case: armed by the second copy of a message whose first was deleted, then crashed."""
        return self.world.sweeper and self.quiet(state) and bool(state[1][2]) and state[5][1] < self.world.duplicates

    # Steps

    def after(self, state):
        now, item, sources, timers, processes, budget, covered, last = state
        crashes, duplicates, failures, retries = budget
        world = self.world
        if now < world.ticks:
            yield f"tick to {now + 1}", (now + 1, *state[1:]), False
        for at, source in enumerate(sources):
            if source == 0:
                yield f"put {at}", (now, item, _set(sources, at, 1), timers, processes, budget, covered, last), False
                break  # they are alike: in order is enough
        if self.sweepable(state):
            steps = self.protocol.repair_timers(self.pace, _item(item), "s", now=1e9, slack_s=0.0)
            after, answer = self._perform(item, next(steps))
            sent = steps.send(_answer(answer))
            yield "sweep", (now, after, sources, _add(timers, sent.timer.token, now), *state[4:]), False
        free = [slot for slot in range(world.slots) if all(one[0] != slot for one in processes)]
        if free:
            yield from self._deliveries(state, free[0])
        for at, process in enumerate(processes):
            yield from self._steps_of(state, at, process)
            if crashes:
                rest = processes[:at] + processes[at + 1 :]
                back_s, back_t = self._given_back(sources, timers, process, now)
                left = (crashes - 1, duplicates, failures, retries)
                yield (
                    f"crash {process[0]}",
                    _settled((now, item, back_s, back_t, rest, left, covered, last), process[0]),
                    True,
                )

    def _deliveries(self, state, slot):
        now, item, sources, timers, processes, budget, covered, last = state
        queued = [at for at, source in enumerate(sources) if source == 1]
        batches = [(at,) for at in queued]
        if self.world.batches and len(queued) > 1:
            batches.append(tuple(queued))
        for batch in batches:
            held = sources
            for at in batch:
                held = _set(held, at, 2)
            made = (slot, "count", batch, (), -1)
            yield f"deliver {batch}", (now, item, held, timers, _with(processes, made), budget, covered, last), False
        for token, ready in dict.fromkeys(timers):
            if ready <= now:
                rest = list(timers)
                rest.remove((token, ready))
                made = (slot, "fire", token, (), -1)
                yield (
                    f"timer {token}",
                    (now, item, sources, tuple(rest), _with(processes, made), budget, covered, last),
                    False,
                )
        if budget[1]:
            left = (budget[0], budget[1] - 1, *budget[2:])
            for at, source in enumerate(sources):
                if source in (2, 3):
                    made = (slot, "count", (at,), (), -1)
                    yield (
                        f"deliver {at} again",
                        (now, item, sources, timers, _with(processes, made), left, covered, last),
                        True,
                    )
            for token in {process[2] for process in processes if process[1] == "fire"}:
                made = (slot, "fire", token, (), -1)
                yield (
                    f"timer {token} again",
                    (now, item, sources, timers, _with(processes, made), left, covered, last),
                    True,
                )

    def _steps_of(self, state, at, process):
        now, item, sources, timers, processes, budget, covered, last = state
        slot, kind, what, answers, claimed_at = process
        rest = processes[:at] + processes[at + 1 :]
        effect = self.next_effect(process, now)
        if isinstance(effect, Ended):
            if kind == "count":
                gone = sources
                for one in what:
                    gone = _set(gone, one, 3)
                yield f"ack {what}", (now, item, gone, timers, rest, budget, covered, last), False
            elif isinstance(effect.verdict, fx.AckTimer):
                yield f"end {what}", _settled((now, item, sources, timers, rest, budget, covered, last), slot), False
            else:
                ready = now + int(effect.verdict.after_s) if self.world.window else 0
                back = _add(timers, what, min(ready, self.world.ticks))
                yield f"defer {what}", _settled((now, item, sources, back, rest, budget, covered, last), slot), False
            return

        def answered(
            answer, item=item, timers=timers, covered=covered, last=last, budget=budget, claimed_at=claimed_at
        ):
            again = _with(rest, (slot, kind, what, (*answers, answer), claimed_at))
            return (now, item, sources, timers, again, budget, covered, last)

        if isinstance(effect, fx.ReadClock):
            yield "moment", answered(("now", now)), False
        elif isinstance(effect, fx.SendTimer):
            sent = _add(
                timers, effect.timer.token, min(now + effect.delay_s, self.world.ticks) if self.world.window else 0
            )
            yield f"send {effect.timer.token}", answered(("none",), timers=sent), False
        elif isinstance(effect, fx.RunAction):
            if self.world.window and now > claimed_at:
                yield "late", answered(("abandoned",)), False
                return
            if self.world.window:
                if now - last < self.world.window:
                    yield "act", f"PACE: actions start at {last} and {now}", False
                last = now
            put = sum(1 << one for one, source in enumerate(sources) if source)
            yield f"act {slot}", answered(("completed",), covered=covered | put, last=last), False
            if budget[2]:
                left = (*budget[:2], budget[2] - 1, budget[3])
                yield f"act {slot} fails", answered(("failed",), budget=left, last=last), True
        else:
            yield from self._write(state, effect, answered, process)

    def _write(self, state, effect, answered, process):
        _, item, _, _, _, budget, _, _ = state
        name = type(effect).__name__.lower()
        item_1, answer_1 = self._perform(item, effect)
        more = {}
        if isinstance(effect, (fx.ClaimEvents, fx.RenewClaim)) and answer_1[0] == "item":
            more = {"claimed_at": int(effect.now)}  # the pace counts from there, however long the write took
        yield f"{name} {process[0]}", answered(answer_1, item=item_1, **more), False
        if budget[3]:
            item_2, answer_2 = self._perform(item_1, effect)
            left = (*budget[:3], budget[3] - 1)
            yield (
                f"{name} {process[0]}, answer lost, retried",
                answered(answer_2, item=item_2, budget=left, **more),
                True,
            )

    def _perform(self, item, effect):
        before = _item(item)
        after = self.transitions.apply(before, effect)
        answer = self.transitions.answer(effect, before, after)
        kept = _tuple(after) if after is not None else item
        if isinstance(answer, fx.ConditionFailed):
            return kept, ("refused", _tuple(answer.item) if answer.item else None)
        if isinstance(answer, Item):
            return kept, ("item", _tuple(answer))
        return kept, ("plain", answer)

    def next_effect(self, process, now):
        key = (process[1], process[2], process[0], process[3])
        found = self.steps.get(key)
        if found is None:
            found = self.steps[key] = self._replay(process, process[3])
        if isinstance(found, fx.CountEvents) and self.world.window:
            return replace(found, since=float(now), now=float(now))
        return found

    def _replay(self, process, answers):
        slot, kind, what = process[:3]
        if kind == "count":
            ids = tuple(f"m{one}" for one in what)
            now = 0.0
            if self.world.window and answers and answers[0][0] == "item":
                now = answers[0][1][8]  # last_at: when it was counted
            steps = self.protocol.count(self.pace, RULE, KEY, ids, len(ids), _NOTHING, since=now, now=now)
        else:
            # Only first messages count as received often: a second rotation would add states, and no new kind of them.
            receives = self.protocol.ROTATE_RECEIVES if self.world.rotate and "~" not in what else 0
            steps = self.protocol.on_timer(self.pace, Timer(RULE, KEY, what), lambda: f"a{slot}", receives=receives)
        try:
            effect = self._skipped(steps, next(steps))
            for answer in answers:
                effect = self._skipped(steps, steps.send(_answer(answer)))
        except StopIteration as stop:
            return Ended(stop.value)
        return effect

    def _skipped(self, steps, effect):
        """Without a clock, asking for the time is no step."""
        while not self.world.window and isinstance(effect, fx.ReadClock):
            effect = steps.send(0.0)
        return effect

    def _given_back(self, sources, timers, process, now):
        if process[1] == "fire":
            return sources, _add(timers, process[2], now)
        back = sources
        for one in process[2]:
            if back[one] == 2:
                back = _set(back, one, 1)
        return back, timers


def _item(plain):
    if plain is None:
        return None
    dirty, done, armed, claim, claimed, na, armed_at, token_at, last_at, failures = plain
    return Item(
        RULE, KEY, dirty, done, armed, token_at, armed_at, last_at, na, claim, claimed, failures=min(failures, 1)
    )


def _tuple(item):
    return (
        item.dirty,
        item.done,
        item.armed,
        item.claim,
        item.claimed,
        item.na,
        item.armed_at,
        item.token_at,
        item.last_at,
        min(item.failures, 1),
    )


def _answer(plain):
    match plain[0]:
        case "item":
            return _item(plain[1])
        case "refused":
            return fx.ConditionFailed(_item(plain[1]))
        case "now":
            return float(plain[1])
        case "completed":
            return fx.ActionCompleted()
        case "failed":
            return fx.ActionFailed("it failed")
        case "abandoned":
            return fx.ActionTooLate()
        case "none":
            return None
        case _:
            return plain[1]


def _settled(state, slot):
    """An ended process's attempt is nobody's: its name may be given again."""
    item = state[1]
    if item is not None and item[3] == f"a{slot}":
        return (state[0], (*item[:3], "-", *item[4:]), *state[2:])
    return state


def _set(values, at, value):
    return (*values[:at], value, *values[at + 1 :])


def _with(processes, made):
    return tuple(sorted((*processes, made), key=lambda one: one[0]))


def _add(timers, token, ready):
    if sum(timer[0] == token for timer in timers) >= _CAP:
        return timers
    return tuple(sorted((*timers, (token, ready))))
