"""What each write does to an item, as pure functions: memory and the SQL store do exactly this, DynamoDB says it in expressions."""

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
from windlass.aggregation.model import Item, Mode, Summary, merge

__all__ = ["answer", "apply", "complete"]


def apply(item: Item | None, effect: StoreEffect) -> Item | None:
    """The item after a write, or None when its condition does not hold (which leaves it as it was)."""
    if isinstance(effect, CountEvents):
        return count(item, effect)
    if isinstance(effect, ReserveResource):
        return reserve(item, effect)
    return None if item is None else _apply(item, effect)


def _apply(
    item: Item,
    effect: ClaimEvents | RenewClaim | CommitCoverage | AwaitCompletions | RecordFailure | DisarmTimer | RotateTimer,
) -> Item | None:
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


def answer(effect: StoreEffect, before: Item | None, after: Item | None) -> Any:
    """What the protocol is told of a write (effects.py says what each is answered)."""
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


def count(item: Item | None, asked: CountEvents) -> Item:
    """The item with the events counted; armed for the asker when nobody was."""
    found = item or Item(asked.rule, asked.key)
    if not found.armed:
        found = replace(found, armed=asked.mine, token_at=asked.now, armed_at=asked.since)
    return replace(
        found, dirty=found.dirty + asked.events, last_at=asked.now, summary=merge(found.summary, asked.summary)
    )


def claim(item: Item, asked: ClaimEvents) -> Item | None:
    """The item claimed, or None when a condition does not hold."""
    if item.armed != asked.token or item.paused or item.na > asked.now:
        return None
    taken = replace(
        item, na=asked.now + asked.pace.window_s, claim=asked.attempt, armed_at=asked.now, pending=(), hold=0.0
    )
    if asked.again:
        return taken if item.unsettled and item.hold <= asked.now else None
    if item.unsettled or item.uncovered <= 0 or not _due(item, asked):
        return None
    return replace(taken, claimed=item.dirty, held=item.summary, summary=Summary())


def renew(item: Item, asked: RenewClaim) -> Item | None:
    """The item whose pace counts from now, or None when another attempt claimed it, or its events are covered."""
    if item.claim != asked.attempt or not item.unsettled or item.paused:
        return None
    return replace(item, na=asked.now + asked.pace.window_s + asked.slack_s)


def reserve(item: Item | None, asked: ReserveResource) -> Item | None:
    """The resource's item taken by the holder, or None while another's reservation lasts."""
    found = item or Item(asked.rule, asked.key)
    if found.na > asked.now and found.claim != asked.holder:
        return None
    return replace(found, na=asked.until, claim=asked.holder)


def commit(item: Item, asked: CommitCoverage) -> Item | None:
    """The item with that much done, or None when as much was done before."""
    if item.done >= asked.claimed:
        return None
    return replace(
        item, done=asked.claimed, acted_at=asked.now, failures=0, note="", hold=0.0, pending=(), held=Summary()
    )


def hold(item: Item, asked: AwaitCompletions) -> Item | None:
    """The item waiting for completions, or None when the attempt is not its own any more."""
    if item.claim != asked.attempt or not item.unsettled:
        return None
    return replace(item, hold=asked.until, pending=tuple(sorted(asked.tokens)))


def complete(item: Item, attempt: str, token: str) -> Item | None:
    """The item without one of its pending completions, or None when it does not wait for it."""
    if item.claim != attempt or token not in item.pending:
        return None
    return replace(item, pending=tuple(one for one in item.pending if one != token))


def note(item: Item, asked: RecordFailure) -> Item:
    """The item with one more failure of its attempt."""
    if item.claim != asked.attempt:
        return item
    return replace(item, failures=item.failures + 1, note=asked.reason[:500])


def disarm(item: Item, asked: DisarmTimer) -> Item | None:
    """The item without an owner, or None when it is another's or events are uncovered."""
    if item.armed != asked.token or item.uncovered > 0:
        return None
    return replace(item, armed="", armed_at=0.0, token_at=0.0)


def rotate(item: Item, asked: RotateTimer) -> Item | None:
    """The item with its new owner, or None when the old one is not its owner."""
    if item.armed != asked.old:
        return None
    return replace(item, armed=asked.new, token_at=asked.now)


def _due(item: Item, asked: ClaimEvents) -> bool:
    pace = asked.pace
    if pace.mode is Mode.DEBOUNCE:
        quiet = item.last_at + pace.quiet_s <= asked.now
        return quiet or item.armed_at + pace.max_wait_s <= asked.now
    return item.armed_at + pace.window_s <= asked.now
