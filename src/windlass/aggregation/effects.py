"""What the protocol wants done, and what may come of it: values. A store answers the first seven, the rest are others'."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.aggregation.model import Item, Summary, Timer, WindowPace

__all__ = [
    "AckTimer",
    "ActionCompleted",
    "ActionFailed",
    "ActionOutcome",
    "ActionPostponed",
    "ActionStarted",
    "ActionTooLate",
    "AwaitCompletions",
    "ClaimEvents",
    "CommitCoverage",
    "ConditionFailed",
    "CountEvents",
    "DeferTimer",
    "DisarmTimer",
    "ProtocolEffect",
    "ReadClock",
    "RecordFailure",
    "RenewClaim",
    "ReserveResource",
    "RotateTimer",
    "RunAction",
    "SendTimer",
    "StoreEffect",
    "TimerVerdict",
]


# Writes to a key's item: each one atomic


@dataclass(frozen=True, slots=True)
class CountEvents:
    """Add events to a key, and arm it for `mine` when nobody has armed it. Answer: the item after it."""

    rule: str
    key: str
    mine: str
    events: int
    since: float
    now: float
    summary: Summary


@dataclass(frozen=True, slots=True)
class ClaimEvents:
    """Take what is uncovered. Answer: the item after it, or Refused.

    Afresh: when the token owns the key, something is dirty and due, and no claim is unsettled; `summary` moves to `held`.
    `again`: the unsettled claim's events once more, when its pace and its deadline are over; `held` stays.
    """

    rule: str
    key: str
    token: str
    attempt: str
    now: float
    pace: WindowPace
    again: bool


@dataclass(frozen=True, slots=True)
class RenewClaim:
    """The attempt claims again what it claimed, because its claim took too long to act on. Answer: the item after it, or None.

    The next claim may be made `slack_s` later than a window from now, and the action may start that much later.
    """

    rule: str
    key: str
    attempt: str
    now: float
    pace: WindowPace
    slack_s: float


@dataclass(frozen=True, slots=True)
class ReserveResource:
    """Take a resource that all processes share (a file share) until then, or keep it longer. Answer: seconds to wait, 0 when taken.

    `rule` is SHARED and `key` the resource's name. Taken when nobody's reservation lasts at `now`, or it is the holder's own.
    """

    rule: str
    key: str
    holder: str
    now: float
    until: float


@dataclass(frozen=True, slots=True)
class CommitCoverage:
    """So many events are covered, if not more are already. Answer: the item after it, or None when it was so before."""

    rule: str
    key: str
    claimed: int
    now: float


@dataclass(frozen=True, slots=True)
class AwaitCompletions:
    """Strict mode: the attempt waits until then for these completions. Answer: whether it is still the key's attempt."""

    rule: str
    key: str
    attempt: str
    tokens: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """The attempt failed. Answer: how many did in a row."""

    rule: str
    key: str
    attempt: str
    reason: str


@dataclass(frozen=True, slots=True)
class DisarmTimer:
    """Nobody owns the timer any more, if the token did and nothing is uncovered. Answer: whether that is so now."""

    rule: str
    key: str
    token: str


@dataclass(frozen=True, slots=True)
class RotateTimer:
    """The timer's owner changes from one token to another. Answer: the item after it, or None when it was not the first's."""

    rule: str
    key: str
    old: str
    new: str
    now: float


StoreEffect = (
    CountEvents
    | ClaimEvents
    | RenewClaim
    | ReserveResource
    | CommitCoverage
    | AwaitCompletions
    | RecordFailure
    | DisarmTimer
    | RotateTimer
)


# What others do


@dataclass(frozen=True, slots=True)
class SendTimer:
    """Send a timer that comes after `delay_s` (at most 900)."""

    timer: Timer
    delay_s: int


@dataclass(frozen=True, slots=True)
class RunAction:
    """Run the rule's action, promptly: the pace counts from the claim, which left `slack_s` for it. Answer: an Outcome."""

    rule: str
    key: str
    attempt: str
    claimed: int
    summary: Summary
    slack_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Answer: epoch seconds now."""


ProtocolEffect = StoreEffect | SendTimer | RunAction | ReadClock


# Answers


@dataclass(frozen=True, slots=True)
class ConditionFailed:
    """A condition did not hold; `item` is what it met, None when there is none."""

    item: Item | None


@dataclass(frozen=True, slots=True)
class ActionCompleted:
    """The action did it."""


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """The action began it; these completions will be told."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActionPostponed:
    """The action could not start now, and that is no failure."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The action raised."""

    reason: str


@dataclass(frozen=True, slots=True)
class ActionTooLate:
    """So long after the claim that the pace would be broken: nothing was done."""

    late_s: float = 0.0


ActionOutcome = ActionCompleted | ActionStarted | ActionPostponed | ActionFailed | ActionTooLate


# A timer's end


@dataclass(frozen=True, slots=True)
class AckTimer:
    """It is over: delete it."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeferTimer:
    """It comes again, after `after_s`."""

    after_s: float
    reason: str


TimerVerdict = AckTimer | DeferTimer
