"""The effect of each write on an item, as pure functions: memory and SQL use them, DynamoDB has them as expressions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from windlass.aggregation.effects import (
    AwaitCompletions,
    ClaimEvents,
    CommitCoverage,
    ConditionFailed,
    CountEvents,
    DisarmTimer,
    RecordFailure,
    RenewClaim,
    ReserveResource,
    RotateTimer,
    StoreEffect,
)
from windlass.aggregation.model import KeyState, Mode, Summary, merge

__all__ = ["answer", "apply", "complete"]


def apply(item: KeyState | None, effect: StoreEffect) -> KeyState | None:
    """Return the item after a write, or None when the write's condition does not hold (the item then stays)."""
    if isinstance(effect, CountEvents):
        return count(item, effect)
    if isinstance(effect, ReserveResource):
        return reserve(item, effect)
    return None if item is None else _apply(item, effect)


def _apply(
    item: KeyState,
    effect: ClaimEvents | RenewClaim | CommitCoverage | AwaitCompletions | RecordFailure | DisarmTimer | RotateTimer,
) -> KeyState | None:
    match effect:
        case ClaimEvents():
            return claim(item, effect)
        case RenewClaim():
            return renew(item, effect)
        case CommitCoverage():
            return commit(item, effect)
        case AwaitCompletions():
            return hold(item, effect)
        case RecordFailure():
            return note(item, effect)
        case DisarmTimer():
            return disarm(item, effect)
        case RotateTimer():
            return rotate(item, effect)


def answer(effect: StoreEffect, before: KeyState | None, after: KeyState | None) -> Any:
    """Return the result of a write for the protocol (effects.py describes each)."""
    match effect:
        case ClaimEvents():
            return after if after is not None else ConditionFailed(before)
        case ReserveResource():
            return 0.0 if after is not None or before is None else before.na - effect.now
        case RecordFailure():
            return after.failures if after is not None else 0
        case DisarmTimer() | AwaitCompletions():
            return after is not None
        case _:
            return after


def count(item: KeyState | None, effect: CountEvents) -> KeyState:
    """Return the item with the events counted, and armed for the caller's token when no timer was armed."""
    after = item or KeyState(effect.rule, effect.key)
    if not after.armed:
        after = replace(after, armed=effect.token, token_at=effect.now, armed_at=effect.since)
    return replace(
        after, dirty=after.dirty + effect.events, last_at=effect.now, summary=merge(after.summary, effect.summary)
    )


def claim(item: KeyState, effect: ClaimEvents) -> KeyState | None:
    """Return the claimed item, or None when a condition does not hold."""
    if item.armed != effect.token or item.paused or item.na > effect.now:
        return None
    claimed = replace(
        item, na=effect.now + effect.pace.window_s, claim=effect.attempt, armed_at=effect.now, pending=(), hold=0.0
    )
    if effect.repeat:
        return claimed if item.unsettled and item.hold <= effect.now else None
    if item.unsettled or item.uncovered <= 0 or not _due(item, effect):
        return None
    return replace(claimed, claimed=item.dirty, held=item.summary, summary=Summary())


def renew(item: KeyState, effect: RenewClaim) -> KeyState | None:
    """Return the item with its pace counted from now; None when another attempt claimed it, or its events are covered."""
    if item.claim != effect.attempt or not item.unsettled or item.paused:
        return None
    return replace(item, na=effect.now + effect.pace.window_s + effect.slack_s)


def reserve(item: KeyState | None, effect: ReserveResource) -> KeyState | None:
    """Return the resource's item reserved for the holder; None while another reservation lasts."""
    resource = item or KeyState(effect.rule, effect.key)
    if resource.na > effect.now and resource.claim != effect.holder:
        return None
    return replace(resource, na=effect.until, claim=effect.holder)


def commit(item: KeyState, effect: CommitCoverage) -> KeyState | None:
    """Return the item with this many events covered; None when as many were covered before."""
    if item.done >= effect.claimed:
        return None
    return replace(
        item, done=effect.claimed, acted_at=effect.now, failures=0, note="", hold=0.0, pending=(), held=Summary()
    )


def hold(item: KeyState, effect: AwaitCompletions) -> KeyState | None:
    """Return the item that awaits the completions; None when it belongs to another attempt now."""
    if item.claim != effect.attempt or not item.unsettled:
        return None
    return replace(item, hold=effect.until, pending=tuple(sorted(effect.tokens)))


def complete(item: KeyState, attempt: str, token: str) -> KeyState | None:
    """Return the item without the completion; None when it does not await it."""
    if item.claim != attempt or token not in item.pending:
        return None
    return replace(item, pending=tuple(awaited for awaited in item.pending if awaited != token))


def note(item: KeyState, effect: RecordFailure) -> KeyState:
    """Return the item with one more failure of its attempt."""
    if item.claim != effect.attempt:
        return item
    return replace(item, failures=item.failures + 1, note=effect.reason[:500])


def disarm(item: KeyState, effect: DisarmTimer) -> KeyState | None:
    """Return the item with no armed timer; None when another token owns it or events are uncovered."""
    if item.armed != effect.token or item.uncovered > 0:
        return None
    return replace(item, armed="", armed_at=0.0, token_at=0.0)


def rotate(item: KeyState, effect: RotateTimer) -> KeyState | None:
    """Return the item with its new token; None when the old token does not own it."""
    if item.armed != effect.old:
        return None
    return replace(item, armed=effect.new, token_at=effect.now)


def _due(item: KeyState, effect: ClaimEvents) -> bool:
    pace = effect.pace
    if pace.mode is Mode.DEBOUNCE:
        quiet = item.last_at + pace.quiet_s <= effect.now
        return quiet or item.armed_at + pace.max_wait_s <= effect.now
    return item.armed_at + pace.window_s <= effect.now
