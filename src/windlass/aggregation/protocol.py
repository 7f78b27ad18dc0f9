"""The protocol: how many events become one action, and none is ever left uncovered. No I/O, no clock of its own.

Two conversations, each a generator: it yields what is to be done next (effects.py) and is sent what came of it.
`count` is had once per source batch and key, before the batch is acknowledged; `on_timer` once per delivery of a timer, and says
at its end whether the timer is over or comes again. `repair_timers` gives a key whose timer was lost for good a new one.

Why no event is lost, whatever crashes, is doubled, retried or late:
- an event is counted (`dirty`) in the same write that arms a timer when none is armed; who armed it sends it, and a
  redelivery of the arming message finds its own id and sends it again;
- a claim reads how much is dirty *before* the action starts, and only that much is `done` when the action succeeded;
- a timer is only over when nothing is dirty, in the same write that says so; any other end brings it back.
No step compares a clock with S3's. `na` bounds the pace: two claims of a key are never closer than the window.

An action needs no promptness to cover what was claimed before it started; only the pace does. A claim that took longer than
PROMPT_S is renewed by the same attempt, with twice the time it took as slack, until the action starts in time: a slow table or a
cold function acts later, and does act.

Three departures from spec/aggregation.md, all checked like the rest: a claim that follows an unsettled one takes the same
events, not more, so that what an action is told of (its folders) is exactly what its success covers; and a token is replaced
when it is a day old, or its message was received ROTATE_RECEIVES times, so that a key that is never quiet outlives the 14 days that
SQS keeps a message and the receives that a redrive policy grants it. The new token follows from the old one: whoever meets it knows
that its message may never have been sent, and sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from typing import Any

from windlass.aggregation.effects import (
    AckTimer,
    ActionFailed,
    ActionOutcome,
    ActionPostponed,
    ActionStarted,
    ActionTooLate,
    AwaitCompletions,
    ClaimEvents,
    CommitCoverage,
    ConditionFailed,
    CountEvents,
    DeferTimer,
    DisarmTimer,
    ProtocolEffect,
    ReadClock,
    RecordFailure,
    RenewClaim,
    RotateTimer,
    RunAction,
    SendTimer,
    TimerVerdict,
)
from windlass.aggregation.model import Item, Summary, Timer, WindowPace

__all__ = ["MAX_DELAY_S", "ROTATE_RECEIVES", "Steps", "count", "on_timer", "repair_timers", "successor"]

MAX_DELAY_S = 900
"""SQS delays a new message for at most 15 minutes; longer waits are had by deferring the timer when it comes."""
ROTATE_RECEIVES = 50
"""A timer message received so often is replaced by a new one: a redrive policy would take it for poison in the end."""
_TOKEN_S = 86_400.0
_RENEWALS = 6
_MAX_SLACK_S = 60.0
_PAUSED_S = 60.0
_FIRST_RETRY_S, _MAX_RETRY_S = 5.0, 900.0

Steps = Generator[ProtocolEffect, Any, None]
Firing = Generator[ProtocolEffect, Any, TimerVerdict]


def count(
    pace: WindowPace,
    rule: str,
    key: str,
    ids: Collection[str],
    events: int,
    summary: Summary,
    *,
    since: float,
    now: float,
) -> Steps:
    """Count a source batch's events of one key; only when it has ended may their messages (`ids`) be acknowledged.

    `since` is when the oldest of them was received: the window begins there.
    """
    mine = next(iter(ids))
    item: Item = yield CountEvents(rule, key, mine, events, since, now, summary)
    if item.armed not in ids and now - item.token_at > _TOKEN_S:
        renewed: Item | None = yield RotateTimer(rule, key, item.armed, mine, now)
        item = renewed or item
    if item.armed in ids:
        yield SendTimer(Timer(rule, key, item.armed), _delay_s(pace.due(item) - now))


def successor(token: str) -> str:
    """The token that replaces this one."""
    base, tilde, number = token.rpartition("~")
    return f"{base}~{int(number) + 1}" if tilde and number.isdigit() else f"{token}~1"


def on_timer(
    pace: WindowPace, timer: Timer, new_attempt: Callable[[], str], *, paused: bool = False, receives: int = 0
) -> Firing:
    """A timer came: claim, act, commit, disarm. The verdict says whether it is over, or when it comes again.

    `receives` is how often its message was received; many times, and a new message takes over.
    """
    verdict = yield from _fire(pace, timer, new_attempt, paused=paused)
    if receives < ROTATE_RECEIVES or not isinstance(verdict, DeferTimer):
        return verdict
    now: float = yield ReadClock()
    fresh = Timer(timer.rule, timer.key, successor(timer.token))
    renewed: Item | None = yield RotateTimer(timer.rule, timer.key, timer.token, fresh.token, now)
    if renewed is None:
        return verdict
    yield SendTimer(fresh, _delay_s(verdict.after_s))
    return AckTimer("a new message took over")


def _fire(pace: WindowPace, timer: Timer, new_attempt: Callable[[], str], *, paused: bool) -> Firing:
    if paused:
        return DeferTimer(_PAUSED_S, "the rule is paused")
    taken: Item | TimerVerdict | None = None
    while taken is None:
        now: float = yield ReadClock()
        attempt = new_attempt()
        taken = yield from _take(pace, timer, attempt, now)
    if not isinstance(taken, Item):
        return taken
    outcome, taken = yield from _act(pace, timer, attempt, taken)
    now = yield ReadClock()
    next_s = max(taken.na - now, 1.0)
    match outcome:
        case ActionPostponed(after_s, reason):
            return DeferTimer(max(after_s, next_s), reason)
        case ActionTooLate():
            return DeferTimer(next_s, "another attempt took over")
        case ActionFailed(reason):
            failures: int = yield RecordFailure(timer.rule, timer.key, attempt, reason)
            return DeferTimer(max(next_s, _retry_s(failures)), reason)
        case ActionStarted(tokens) if pace.strict and tokens:
            yield AwaitCompletions(timer.rule, timer.key, attempt, tokens, now + pace.strict_s)
            return DeferTimer(min(next_s, pace.strict_s), "its completion is awaited")
    after: Item | None = yield CommitCoverage(timer.rule, timer.key, taken.claimed, now)
    if after is not None and after.uncovered > 0:
        return DeferTimer(max(pace.due(after) - now, 1.0), "events came in during the action")
    if (yield DisarmTimer(timer.rule, timer.key, timer.token)):
        return AckTimer("covered")
    return DeferTimer(next_s, "events came in during the action")


def _act(
    pace: WindowPace, timer: Timer, attempt: str, taken: Item
) -> Generator[ProtocolEffect, Any, tuple[ActionOutcome, Item]]:
    """Act on a claim, renewed while it is too old; the outcome and the item as it was last claimed."""
    slack_s = 0.0
    for _ in range(_RENEWALS):
        outcome: ActionOutcome = yield RunAction(timer.rule, timer.key, attempt, taken.claimed, taken.held, slack_s)
        if not isinstance(outcome, ActionTooLate):
            return outcome, taken
        slack_s = min(max(slack_s, 2.0 * outcome.late_s), max(pace.window_s, _MAX_SLACK_S))
        now: float = yield ReadClock()
        renewed: Item | None = yield RenewClaim(timer.rule, timer.key, attempt, now, pace, slack_s)
        if renewed is None:
            break
        taken = renewed
    return ActionTooLate(), taken


def _take(
    pace: WindowPace, timer: Timer, attempt: str, now: float
) -> Generator[ProtocolEffect, Any, Item | TimerVerdict | None]:
    """Claim what is uncovered: the item, or the verdict when there is nothing to act on now, or None to look again."""
    rule, key, token = timer.rule, timer.key, timer.token
    item: Item | ConditionFailed = yield ClaimEvents(rule, key, token, attempt, now, pace, again=False)
    if isinstance(item, ConditionFailed) and _to_settle(item.item, token, now):
        item = yield ClaimEvents(rule, key, token, attempt, now, pace, again=True)
    if not isinstance(item, ConditionFailed):
        return item
    met = item.item
    if met is not None and met.armed == successor(token):
        yield SendTimer(Timer(rule, key, met.armed), _delay_s(pace.due(met) - now))
        return AckTimer("a new message took over")
    if met is None or met.armed != token:
        return AckTimer("another timer owns the key, or none is needed")
    if met.claim == attempt:
        return met  # our own claim, whose answer was lost on the way
    if met.uncovered > 0:
        return _not_yet(pace, met, now)
    if (yield DisarmTimer(rule, key, token)):
        return AckTimer("nothing is uncovered")
    return None  # an event came in between


def repair_timers(pace: WindowPace, item: Item, token: str, *, now: float, slack_s: float) -> Steps:
    """A key whose timer is long overdue gets a new one; the old one, should it still come, finds itself replaced."""
    if item.paused or not (item.armed or item.uncovered > 0):
        return
    if now > max(pace.due(item), item.hold) + slack_s:
        renewed: Item | None = yield RotateTimer(item.rule, item.key, item.armed, token, now)
        if renewed is not None:
            yield SendTimer(Timer(item.rule, item.key, token), 0)


def _to_settle(item: Item | None, token: str, now: float) -> bool:
    """Whether what refused a fresh claim is an older one without an end, whose turn to be tried again it is."""
    if item is None or item.armed != token or item.paused:
        return False
    return item.unsettled and max(item.na, item.hold) <= now


def _not_yet(pace: WindowPace, item: Item, now: float) -> DeferTimer:
    if item.paused:
        return DeferTimer(_PAUSED_S, "the key is paused")
    if item.unsettled:
        # In strict mode the completion may come before the deadline: look again after a window.
        wait_s = item.na - now if item.na > now else min(item.hold - now, max(pace.window_s, 1.0))
        return DeferTimer(max(wait_s, 1.0), "an attempt is under way")
    return DeferTimer(max(pace.due(item) - now, 1.0), "it is not due")


def _delay_s(wait_s: float) -> int:
    return max(0, min(MAX_DELAY_S, round(wait_s + 0.5)))


def _retry_s(failures: int) -> float:
    return min(_MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(max(failures - 1, 0), 20))
