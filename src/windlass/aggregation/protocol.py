"""The protocol: many events become one action, and every event is covered. No I/O, no clock of its own.

Two generators: each yields the next effect (effects.py) and is sent its result. `count` runs once per source batch and key,
before the batch is acknowledged; `on_timer` runs once per delivery of a timer, and returns whether the timer ends or comes
again. `repair_timers` gives a key whose timer was lost a new one.

Why no event is lost after a crash, a duplicate, a retry or a delay:
- an event is counted (`dirty`) in the same write that arms a timer when none is armed; the writer that armed it sends it,
and a redelivery of the arming message finds its own id and sends it again;
- a claim reads how much is dirty *before* the action starts, and only that much is `done` when the action succeeded;
- a timer ends only in the write that finds nothing dirty; otherwise it comes again.
No step compares a clock with S3's. `na` bounds the pace: two claims of a key are never closer than the window.

An action may start late and still cover its claim; only the pace needs promptness. A claim that took longer than PROMPT_S is
renewed by the same attempt, with twice the time it took as slack, until the action starts in time: with a slow table or a cold
function the action runs later, but it runs.

Three rules go beyond the published design, and are checked like the rest. A claim that follows an unsettled one takes the same
events, not more, so its success covers exactly the folders in its summary. A token is replaced when it is a day old, or when
its message was received ROTATE_RECEIVES times, so a key that is always busy outlives SQS's retention of 14 days and a redrive
policy's maximum of receives. A new token is derived from the old one: a worker that finds the new token knows that its message
may not have been sent, and sends it.
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
from windlass.aggregation.model import KeyState, Summary, Timer, WindowPace

__all__ = ["MAX_DELAY_S", "ROTATE_RECEIVES", "Steps", "count", "on_timer", "repair_timers", "successor"]

MAX_DELAY_S = 900
"""SQS delays a new message for at most 15 minutes. A timer for a later time is deferred when it arrives."""
ROTATE_RECEIVES = 50
"""After this many receives a timer message is replaced by a new one: a redrive policy would move it to the dead-letter queue."""
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
    """Count a source batch's events of one key. Only after it ends may their messages (`ids`) be acknowledged.

    `since` is when the oldest message was received: the window begins there.
    """
    token = next(iter(ids))
    item: KeyState = yield CountEvents(rule, key, token, events, since, now, summary)
    if item.armed not in ids and now - item.token_at > _TOKEN_S:
        renewed: KeyState | None = yield RotateTimer(rule, key, item.armed, token, now)
        item = renewed or item
    if item.armed in ids:
        yield SendTimer(Timer(rule, key, item.armed), _delay_s(pace.due(item) - now))


def successor(token: str) -> str:
    """Return the token that replaces this one."""
    base, tilde, number = token.rpartition("~")
    return f"{base}~{int(number) + 1}" if tilde and number.isdigit() else f"{token}~1"


def on_timer(
    pace: WindowPace, timer: Timer, new_attempt: Callable[[], str], *, paused: bool = False, receives: int = 0
) -> Firing:
    """Handle a timer: claim, act, commit, disarm. Return whether it ends, or when it comes again.

    `receives` is how often its message was received; at ROTATE_RECEIVES a new message replaces it.
    """
    verdict = yield from _fire(pace, timer, new_attempt, paused=paused)
    if receives < ROTATE_RECEIVES or not isinstance(verdict, DeferTimer):
        return verdict
    now: float = yield ReadClock()
    fresh = Timer(timer.rule, timer.key, successor(timer.token))
    renewed: KeyState | None = yield RotateTimer(timer.rule, timer.key, timer.token, fresh.token, now)
    if renewed is None:
        return verdict
    yield SendTimer(fresh, _delay_s(verdict.after_s))
    return AckTimer("a new message replaces it")


def _fire(pace: WindowPace, timer: Timer, new_attempt: Callable[[], str], *, paused: bool) -> Firing:
    if paused:
        return DeferTimer(_PAUSED_S, "the rule is paused")
    claim: KeyState | TimerVerdict | None = None
    while claim is None:
        now: float = yield ReadClock()
        attempt = new_attempt()
        claim = yield from _take(pace, timer, attempt, now)
    if not isinstance(claim, KeyState):
        return claim
    outcome, claim = yield from _act(pace, timer, attempt, claim)
    now = yield ReadClock()
    next_s = max(claim.na - now, 1.0)
    match outcome:
        case ActionPostponed(after_s, reason):
            return DeferTimer(max(after_s, next_s), reason)
        case ActionTooLate():
            return DeferTimer(next_s, "another attempt claimed the events")
        case ActionFailed(reason):
            failures: int = yield RecordFailure(timer.rule, timer.key, attempt, reason)
            return DeferTimer(max(next_s, _retry_s(failures)), reason)
        case ActionStarted(tokens) if pace.strict and tokens:
            yield AwaitCompletions(timer.rule, timer.key, attempt, tokens, now + pace.strict_s)
            return DeferTimer(min(next_s, pace.strict_s), "its completion is awaited")
    after: KeyState | None = yield CommitCoverage(timer.rule, timer.key, claim.claimed, now)
    if after is not None and after.uncovered > 0:
        return DeferTimer(max(pace.due(after) - now, 1.0), "events arrived during the action")
    if (yield DisarmTimer(timer.rule, timer.key, timer.token)):
        return AckTimer("covered")
    return DeferTimer(next_s, "events arrived during the action")


def _act(
    pace: WindowPace, timer: Timer, attempt: str, claim: KeyState
) -> Generator[ProtocolEffect, Any, tuple[ActionOutcome, KeyState]]:
    """Run the action of a claim, renewing a claim that is too old. Return the outcome and the item as last claimed."""
    slack_s = 0.0
    for _ in range(_RENEWALS):
        outcome: ActionOutcome = yield RunAction(timer.rule, timer.key, attempt, claim.claimed, claim.held, slack_s)
        if not isinstance(outcome, ActionTooLate):
            return outcome, claim
        slack_s = min(max(slack_s, 2.0 * outcome.late_s), max(pace.window_s, _MAX_SLACK_S))
        now: float = yield ReadClock()
        renewed: KeyState | None = yield RenewClaim(timer.rule, timer.key, attempt, now, pace, slack_s)
        if renewed is None:
            break
        claim = renewed
    return ActionTooLate(), claim


def _take(
    pace: WindowPace, timer: Timer, attempt: str, now: float
) -> Generator[ProtocolEffect, Any, KeyState | TimerVerdict | None]:
    """Claim uncovered events. Return the item, the verdict when there is no action to run now, or None to retry."""
    rule, key, token = timer.rule, timer.key, timer.token
    item: KeyState | ConditionFailed = yield ClaimEvents(rule, key, token, attempt, now, pace, repeat=False)
    if isinstance(item, ConditionFailed) and _retry_due(item.item, token, now):
        item = yield ClaimEvents(rule, key, token, attempt, now, pace, repeat=True)
    if not isinstance(item, ConditionFailed):
        return item
    current = item.item
    if current is not None and current.armed == successor(token):
        yield SendTimer(Timer(rule, key, current.armed), _delay_s(pace.due(current) - now))
        return AckTimer("a new message replaces it")
    if current is None or current.armed != token:
        return AckTimer("another timer owns the key, or no timer is needed")
    if current.claim == attempt:
        return current  # our own claim, whose response was lost
    if current.uncovered > 0:
        return _defer_until_due(pace, current, now)
    if (yield DisarmTimer(rule, key, token)):
        return AckTimer("no event is uncovered")
    return None  # an event arrived in between


def repair_timers(pace: WindowPace, item: KeyState, token: str, *, now: float, slack_s: float) -> Steps:
    """Replace a key's timer that is long overdue. The old one ends when it arrives late: its token no longer owns the key."""
    if item.paused or not (item.armed or item.uncovered > 0):
        return
    if now > max(pace.due(item), item.hold) + slack_s:
        renewed: KeyState | None = yield RotateTimer(item.rule, item.key, item.armed, token, now)
        if renewed is not None:
            yield SendTimer(Timer(item.rule, item.key, token), 0)


def _retry_due(item: KeyState | None, token: str, now: float) -> bool:
    """Return whether a new claim failed because of an unsettled one that is due for a retry."""
    if item is None or item.armed != token or item.paused:
        return False
    return item.unsettled and max(item.na, item.hold) <= now


def _defer_until_due(pace: WindowPace, item: KeyState, now: float) -> DeferTimer:
    if item.paused:
        return DeferTimer(_PAUSED_S, "the key is paused")
    if item.unsettled:
        # In strict mode the completion may arrive before the deadline: check again after a window.
        wait_s = item.na - now if item.na > now else min(item.hold - now, max(pace.window_s, 1.0))
        return DeferTimer(max(wait_s, 1.0), "another attempt is running")
    return DeferTimer(max(pace.due(item) - now, 1.0), "it is not due yet")


def _delay_s(wait_s: float) -> int:
    return max(0, min(MAX_DELAY_S, round(wait_s + 0.5)))


def _retry_s(failures: int) -> float:
    return min(_MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(max(failures - 1, 0), 20))
