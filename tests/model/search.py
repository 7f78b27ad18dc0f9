"""A search of every state that the aggregation protocol can reach, with the real code taking each step.

The world: objects are put, each with a message; up to `slots` processes at a time hold a source batch or a timer, and each runs
one generator of protocol.py, stopped between any two effects. At every stop any process may continue, crash (its messages are
redelivered), lose its last response and repeat the effect, or a message may be delivered once more; the budget limits each
fault. The table is transitions.py. A process is the list of its generator's results so far: the generator is replayed up to
them, so a state is a plain value.

Without a clock (`window = 0`) nothing is too early, so every order that any clocks could cause is allowed: what is covered there
is covered for all clocks. With a window and ticks, the pace is checked.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from windlass.aggregation import effects as fx
from windlass.aggregation.model import KeyState, Summary, Timer, WindowPace

RULE, KEY = "r", "k"
_NOTHING = Summary()
_CAP = 2  # copies of one message in the queue; a third copy allows no new behaviour


@dataclass(frozen=True)
class World:
    """The limits of what may happen."""

    events: int = 3
    crashes: int = 1
    duplicates: int = 1
    failures: int = 1
    retries: int = 1
    slots: int = 2
    window: int = 0
    ticks: int = 0
    batches: bool = True
    repair: bool = True
    rotate: bool = False


@dataclass
class SearchResult:
    """The result of a search; `fault` is empty when no state is wrong."""

    states: int = 0
    fault: str = ""
    trace: tuple[str, ...] = ()
    terminal: int = field(default=0)


class Ended(Exception):
    """The generator has ended, with this verdict."""

    def __init__(self, verdict):
        super().__init__()
        self.verdict = verdict


class Search:
    """One search of a world, with the given protocol and table modules (the real ones, or mutants)."""

    def __init__(self, protocol, transitions, world):
        self.protocol, self.transitions, self.world = protocol, transitions, world
        self.pace = WindowPace(float(world.window))
        self.steps = {}

    # States: (now, item, sources, timers, processes, budget, covered, last action)
    # source: 0 not put, 1 queued, 2 in flight, 3 deleted   timers: sorted ((token, ready), ...)
    # process: (slot, kind, subject, results, claimed at)   budget: (crashes, duplicates, failures, retries)

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
        result = SearchResult()
        start = self.first()
        index = {start: 0}
        parents = [(-1, "")]
        backward = [[]]  # over steps without a fault
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
                return self._failed(result, len(index), fault, parents, at)
            if self.quiet(state) and not self.needs_repair(state):
                good.append(at)
            assert len(index) < most, "more states than expected"
        result.states, result.terminal = len(index), len(good)
        if self.world.window:
            return result  # time ends after some ticks: later states are not searched
        reached = set(good)
        gateway = good
        while gateway:
            gateway = [
                before
                for number in gateway
                for before in backward[number]
                if before not in reached and not reached.add(before)
            ]
        if len(reached) < len(index):
            stuck = next(number for number in range(len(index)) if number not in reached)
            return self._failed(result, len(index), "STUCK: from here it never comes to rest", parents, stuck)
        return result

    def _failed(self, result, states, fault, parents, at):
        trace = []
        while at > 0:
            at, label = parents[at]
            trace.append(label)
        result.states, result.fault, result.trace = states, fault, tuple(reversed(trace))
        return result

    def quiet(self, state):
        _, _, sources, timers, processes, *_ = state
        return all(source == 3 for source in sources) and not timers and not processes

    def wrong(self, state, after):
        if not self.quiet(state):
            return ""
        _, item, _, _, _, _, covered, _ = state
        if covered != 2**self.world.events - 1 and not self.needs_repair(state):
            return f"LOST: only {covered:b} of the objects are covered, and nothing is left to do"
        dirty, done, armed = item[0], item[1], item[2]
        if (dirty != done or armed) and not self.needs_repair(state):
            return f"NOT AT REST: dirty {dirty}, done {done}, armed {armed!r}"
        return ""

    def needs_repair(self, state):
        """Return whether this is the one case for repair: armed by the second copy of a deleted message, then crashed."""
        return self.world.repair and self.quiet(state) and bool(state[1][2]) and state[5][1] < self.world.duplicates

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
                break  # batches are alike: deliver them in order
        if self.needs_repair(state):
            steps = self.protocol.repair_timers(self.pace, _item(item), "s", now=1e9, slack_s=0.0)
            after, answer = self._perform(item, next(steps))
            sent = steps.send(_answer(answer))
            yield "repair", (now, after, sources, _add(timers, sent.timer.token, now), *state[4:]), False
        free = [slot for slot in range(world.slots) if all(process[0] != slot for process in processes)]
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
            delivered = sources
            for at in batch:
                delivered = _set(delivered, at, 2)
            process = (slot, "count", batch, (), -1)
            yield (
                f"deliver {batch}",
                (now, item, delivered, timers, _with(processes, process), budget, covered, last),
                False,
            )
        for token, ready in dict.fromkeys(timers):
            if ready <= now:
                rest = list(timers)
                rest.remove((token, ready))
                process = (slot, "fire", token, (), -1)
                yield (
                    f"timer {token}",
                    (now, item, sources, tuple(rest), _with(processes, process), budget, covered, last),
                    False,
                )
        if budget[1]:
            left = (budget[0], budget[1] - 1, *budget[2:])
            for at, source in enumerate(sources):
                if source in (2, 3):
                    process = (slot, "count", (at,), (), -1)
                    yield (
                        f"deliver {at} again",
                        (now, item, sources, timers, _with(processes, process), left, covered, last),
                        True,
                    )
            for token in {process[2] for process in processes if process[1] == "fire"}:
                process = (slot, "fire", token, (), -1)
                yield (
                    f"timer {token} again",
                    (now, item, sources, timers, _with(processes, process), left, covered, last),
                    True,
                )

    def _steps_of(self, state, at, process):
        now, item, sources, timers, processes, budget, covered, last = state
        slot, kind, subject, answers, claimed_at = process
        rest = processes[:at] + processes[at + 1 :]
        effect = self.next_effect(process, now)
        if isinstance(effect, Ended):
            if kind == "count":
                acknowledged = sources
                for message in subject:
                    acknowledged = _set(acknowledged, message, 3)
                yield f"ack {subject}", (now, item, acknowledged, timers, rest, budget, covered, last), False
            elif isinstance(effect.verdict, fx.AckTimer):
                yield f"end {subject}", _settled((now, item, sources, timers, rest, budget, covered, last), slot), False
            else:
                ready = now + int(effect.verdict.after_s) if self.world.window else 0
                back = _add(timers, subject, min(ready, self.world.ticks))
                yield f"defer {subject}", _settled((now, item, sources, back, rest, budget, covered, last), slot), False
            return

        def answered(
            answer, item=item, timers=timers, covered=covered, last=last, budget=budget, claimed_at=claimed_at
        ):
            advanced = _with(rest, (slot, kind, subject, (*answers, answer), claimed_at))
            return (now, item, sources, timers, advanced, budget, covered, last)

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
            covered_now = sum(1 << event for event, source in enumerate(sources) if source)
            yield f"act {slot}", answered(("completed",), covered=covered | covered_now, last=last), False
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
        stored = _tuple(after) if after is not None else item
        if isinstance(answer, fx.ConditionFailed):
            return stored, ("refused", _tuple(answer.item) if answer.item else None)
        if isinstance(answer, KeyState):
            return stored, ("item", _tuple(answer))
        return stored, ("plain", answer)

    def next_effect(self, process, now):
        key = (process[1], process[2], process[0], process[3])
        replayed = self.steps.get(key)
        if replayed is None:
            replayed = self.steps[key] = self._replay(process, process[3])
        if isinstance(replayed, fx.CountEvents) and self.world.window:
            return replace(replayed, since=float(now), now=float(now))
        return replayed

    def _replay(self, process, answers):
        slot, kind, subject = process[:3]
        if kind == "count":
            ids = tuple(f"m{event}" for event in subject)
            now = 0.0
            if self.world.window and answers and answers[0][0] == "item":
                now = answers[0][1][8]  # last_at: when it was counted
            steps = self.protocol.count(self.pace, RULE, KEY, ids, len(ids), _NOTHING, since=now, now=now)
        else:
            # Only first messages count as received often: a second rotation would add states without new behaviour.
            receives = self.protocol.ROTATE_RECEIVES if self.world.rotate and "~" not in subject else 0
            steps = self.protocol.on_timer(self.pace, Timer(RULE, KEY, subject), lambda: f"a{slot}", receives=receives)
        try:
            effect = self._skipped(steps, next(steps))
            for answer in answers:
                effect = self._skipped(steps, steps.send(_answer(answer)))
        except StopIteration as stop:
            return Ended(stop.value)
        return effect

    def _skipped(self, steps, effect):
        """Skip the effect: without a clock, reading the time is no step."""
        while not self.world.window and isinstance(effect, fx.ReadClock):
            effect = steps.send(0.0)
        return effect

    def _given_back(self, sources, timers, process, now):
        if process[1] == "fire":
            return sources, _add(timers, process[2], now)
        back = sources
        for event in process[2]:
            if back[event] == 2:
                back = _set(back, event, 1)
        return back, timers


def _item(plain):
    if plain is None:
        return None
    dirty, done, armed, claim, claimed, na, armed_at, token_at, last_at, failures = plain
    return KeyState(
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
    """Free an ended process's attempt: its name may be used again."""
    item = state[1]
    if item is not None and item[3] == f"a{slot}":
        return (state[0], (*item[:3], "-", *item[4:]), *state[2:])
    return state


def _set(values, at, value):
    return (*values[:at], value, *values[at + 1 :])


def _with(processes, added):
    return tuple(sorted((*processes, added), key=lambda process: process[0]))


def _add(timers, token, ready):
    if sum(timer[0] == token for timer in timers) >= _CAP:
        return timers
    return tuple(sorted((*timers, (token, ready))))
