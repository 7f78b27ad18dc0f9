"""The first published design, step by step, in a small world: a search shows how it loses events.

Per event: SET until = event time + window IF it is missing, or event time > until. If the condition holds, send a message with a
delay of the window; otherwise skip the event. The message's reader refreshes and deletes it, whatever the result. Times are
ticks; `skew` is added to the stamp of odd events (S3 has many clocks); a retried write finds its condition false.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    skew: int = 0
    crashes: int = 0
    retries: int = 0
    failures: int = 0


def lost(faults, *, window=2, events=2, lag=1, horizon=8):
    """Return the first schedule in which an object is never covered, as its steps; None when there is none.

    `lag` is the minimum number of ticks between a put and the handling of its event.
    """
    # (now, until, per event: (stage, put at), timers, budget, covered); stage: 0 not put, 1 sent, 2 arming, 3 ended
    first = (0, None, ((0, 0),) * events, (), (faults.crashes, faults.retries, faults.failures), 0)
    reached, todo = {first}, deque([(first, ())])
    while todo:
        state, trace = todo.popleft()
        _, _, objects, timers, _, covered = state
        if all(stage == 3 for stage, _ in objects) and not timers and covered != 2**events - 1:
            return trace
        for label, after in _after(state, faults, window, lag, horizon):
            if after not in reached:
                reached.add(after)
                todo.append((after, (*trace, label)))
    return None


def _after(state, faults, window, lag, horizon):
    now, until, objects, timers, budget, covered = state
    crashes, retries, failures = budget
    if now < horizon:
        yield f"tick {now + 1}", (now + 1, *state[1:])
    for at, (stage, put_at) in enumerate(objects):
        stamp = put_at + (faults.skew if at % 2 else 0)

        def to(stage, at=at, put_at=put_at):
            return (*objects[:at], (stage, put_at), *objects[at + 1 :])

        if stage == 0:
            stored = (*objects[:at], (1, now), *objects[at + 1 :])
            yield f"put {at}", (now, until, stored, timers, budget, covered)
        elif stage == 1 and now >= put_at + lag:
            if until is None or stamp > until:
                yield f"arm {at}", (now, stamp + window, to(2), timers, budget, covered)
                if retries:
                    left = (crashes, retries - 1, failures)
                    yield f"arm {at}, retried and refused", (now, stamp + window, to(3), timers, left, covered)
            else:
                yield f"skip {at}", (now, until, to(3), timers, budget, covered)
        elif stage == 2:
            yield f"send {at}", (now, until, to(3), tuple(sorted((*timers, now + window))), budget, covered)
            if crashes:  # the event is redelivered, and finds the window that it armed itself
                yield f"crash {at}", (now, until, to(1), timers, (crashes - 1, retries, failures), covered)
    for due in dict.fromkeys(timers):
        if due <= now:
            rest = list(timers)
            rest.remove(due)
            covered_now = sum(1 << at for at, (stage, _) in enumerate(objects) if stage)
            yield "refresh", (now, until, objects, tuple(rest), budget, covered | covered_now)
            if failures:
                left = (crashes, retries, failures - 1)
                yield "refresh fails, and is forgotten", (now, until, objects, tuple(rest), left, covered)
