"""The protocol's effects and their results, as values. A table performs the writes; handlers perform the others."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.aggregation.model import KeyState, Summary, Timer, WindowPace

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


# Writes to a key's item: each is atomic


@dataclass(frozen=True, slots=True)
class CountEvents:
    """Add events to a key, and arm its timer for `token` when no timer is armed. Result: the item after the write."""

    rule: str
    key: str
    token: str
    events: int
    since: float
    now: float
    summary: Summary


@dataclass(frozen=True, slots=True)
class ClaimEvents:
    """Claim the uncovered events. Result: the item after the write, or ConditionFailed.

    New claim: the token owns the key, uncovered events are due, and no claim is unsettled; `summary` moves to `held`.
    `repeat`: claim the unsettled claim's events once more, after its pace and its deadline; `held` stays.
    """

    rule: str
    key: str
    token: str
    attempt: str
    now: float
    pace: WindowPace
    repeat: bool


@dataclass(frozen=True, slots=True)
class RenewClaim:
    """Renew the attempt's claim, because it took too long to act on. Result: the item after the write, or None.

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
    """Reserve a resource that processes share (a file share), or extend the reservation. Result: seconds to wait, 0 when reserved.

    `rule` is SHARED and `key` the resource's name. Succeeds when no reservation lasts at `now`, or the holder has it already.
    """

    rule: str
    key: str
    holder: str
    now: float
    until: float


@dataclass(frozen=True, slots=True)
class CommitCoverage:
    """Raise the number of covered events. Result: the item after the write, or None when as many were covered before."""

    rule: str
    key: str
    claimed: int
    now: float


@dataclass(frozen=True, slots=True)
class AwaitCompletions:
    """Strict mode: make the attempt wait for these completions. Result: whether it is still the key's attempt."""

    rule: str
    key: str
    attempt: str
    tokens: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """Record the attempt's failure. Result: the number of failures in a row."""

    rule: str
    key: str
    attempt: str
    reason: str


@dataclass(frozen=True, slots=True)
class DisarmTimer:
    """Disarm the timer, if the token owns it and nothing is uncovered. Result: whether no token owns it now."""

    rule: str
    key: str
    token: str


@dataclass(frozen=True, slots=True)
class RotateTimer:
    """Replace the timer's token. Result: the item after the write, or None when the old token did not own the timer."""

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


# Performed by handlers, not by the table


@dataclass(frozen=True, slots=True)
class SendTimer:
    """Send a timer that arrives after `delay_s` (at most 900)."""

    timer: Timer
    delay_s: int


@dataclass(frozen=True, slots=True)
class RunAction:
    """Run the rule's action promptly: the pace counts from the claim, which allows `slack_s`. Result: an ActionOutcome."""

    rule: str
    key: str
    attempt: str
    claimed: int
    summary: Summary
    slack_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Read the clock. Result: epoch seconds now."""


ProtocolEffect = StoreEffect | SendTimer | RunAction | ReadClock


# Results


@dataclass(frozen=True, slots=True)
class ConditionFailed:
    """A condition did not hold; `item` is the stored item, None when there is none."""

    item: KeyState | None


@dataclass(frozen=True, slots=True)
class ActionCompleted:
    """The action completed."""


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """The action started; these completions will follow."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActionPostponed:
    """The action could not start now; this is not a failure."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The action raised."""

    reason: str


@dataclass(frozen=True, slots=True)
class ActionTooLate:
    """The action was not run: it is too long after the claim for the pace."""

    late_s: float = 0.0


ActionOutcome = ActionCompleted | ActionStarted | ActionPostponed | ActionFailed | ActionTooLate


# The fate of a timer


@dataclass(frozen=True, slots=True)
class AckTimer:
    """The timer has ended: delete it."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeferTimer:
    """The timer arrives again after `after_s`."""

    after_s: float
    reason: str


TimerVerdict = AckTimer | DeferTimer
