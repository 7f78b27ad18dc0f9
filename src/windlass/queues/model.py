"""Values of the consumer: limits, outcomes, effects and counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

from windlass.core.errors import ConfigError
from windlass.wire.sqs import Message

__all__ = [
    "MAX_VISIBILITY_S",
    "AbortPolls",
    "Cancel",
    "ChangeVisibility",
    "Counts",
    "DeadLetter",
    "Delete",
    "DeletePayload",
    "Done",
    "Effect",
    "Limits",
    "Outcome",
    "Poll",
    "Reject",
    "Rejected",
    "Retry",
    "RetryLater",
    "Start",
    "Stopped",
]

MAX_VISIBILITY_S = 43_200
"""SQS keeps a message invisible for at most twelve hours from its receipt, extensions included."""

_MARGIN_S = 10.0


class Reject(Exception):
    """A handler raises this for a message that can never be handled. It goes to the dead-letter queue with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RetryLater(Exception):
    """A handler raises this to get the message again after `after_s` seconds, regardless of the back-off."""

    def __init__(self, after_s: float, reason: str = "") -> None:
        super().__init__(reason or f"retry in {after_s} s")
        self.after_s = max(0, min(MAX_VISIBILITY_S, math.ceil(after_s)))
        self.reason = reason or f"retry in {after_s} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings of a consumer. All times are in seconds.

    `concurrency` handlers run at once and `prefetch` more messages wait; a consumer never receives more than the sum.
    Every receive sets the visibility timeout `visibility_s`, which is extended while a handler runs, up to
    `max_handling_s`. After a stop, handlers have `drain_s` to end; the last calls have `flush_s` after that. Raises
    ConfigError when the times contradict each other.
    """

    concurrency: int = 16
    prefetch: int = 10
    max_pollers: int = 8
    wait_s: int = 20
    read_timeout_s: float = 35.0
    visibility_s: int = 60
    max_handling_s: float = 3600.0
    linger_s: float = 0.1
    batch_window_s: float = 0.0
    """Seconds to wait after a receive that was not full, so that more messages share a call."""
    first_backoff_s: float = 5.0
    max_backoff_s: float = 900.0
    drain_s: float = 25.0
    flush_s: float = 3.0
    fifo: bool = False
    max_receive_count: int = 0
    """maxReceiveCount of the redrive policy; 0 when the queue has none."""
    payload_bucket: str = ""
    """Bucket of the large payloads that are deleted after their messages; empty deletes none."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("concurrency", 1, 100_000),
            ("prefetch", 0, 100_000),
            ("max_pollers", 1, 1000),
            ("wait_s", 0, 20),
            ("visibility_s", 1, MAX_VISIBILITY_S),
            ("linger_s", 0, 0.1),
            ("batch_window_s", 0, 20),
            ("max_handling_s", 0.001, MAX_VISIBILITY_S),
            ("drain_s", 1, MAX_VISIBILITY_S),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(f"{name} = {value:g} is not between {least:g} and {most:g}", hint=_HINT)
        if self.read_timeout_s < self.wait_s + _MARGIN_S:
            raise ConfigError(
                f"read_timeout_s = {self.read_timeout_s:g} is too short for wait_s = {self.wait_s}: the client would cut off "
                "long polls, and their messages would stay hidden for a visibility timeout",
                hint=f"Set read_timeout_s to at least {self.wait_s + _MARGIN_S:g} (wait_s + {_MARGIN_S:g}), or lower wait_s.",
            )
        if self.visibility_s <= self.read_timeout_s:
            raise ConfigError(
                f"visibility_s = {self.visibility_s} is not above read_timeout_s = {self.read_timeout_s:g}: a message could return "
                "to the queue before its receipt arrives",
                hint=f"Set visibility_s to more than {self.read_timeout_s:g}.",
            )

    @property
    def capacity(self) -> int:
        """The most messages that may be in flight."""
        return self.concurrency + self.prefetch

    @property
    def grace_s(self) -> float:
        """The shortest terminationGracePeriodSeconds of a pod: drain, cancel, flush, and two seconds of margin."""
        return self.drain_s + self.flush_s + 3.0


_HINT = "`windlass consume --help` lists the settings and their ranges."


# Outcomes of a handler


@dataclass(frozen=True, slots=True)
class Done:
    """The handler returned."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The handler raised `error`, or was cancelled. `after_s` replaces the back-off; None keeps it."""

    reason: str = ""
    after_s: int | None = None
    error: BaseException | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The handler raised Reject."""

    reason: str


Outcome = Done | Retry | Rejected


# Effects: what the coordinator asks the driver to do


@dataclass(frozen=True, slots=True)
class Poll:
    """Receive up to `count` messages. Its result comes as `received` or `poll_failed`."""

    number: int
    count: int
    wait_s: int
    attempt_id: str = ""
    """ReceiveRequestAttemptId of a FIFO queue: a receive whose response was lost is repeated with the same id."""


@dataclass(frozen=True, slots=True)
class AbortPolls:
    """Abort these receives, which have returned nothing since the stop. Each result comes as `poll_failed`."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Start the handler of a message. Its result comes as `handled`."""

    lease: int
    message: Message


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a handler. When its lease has ended, its outcome is ignored."""

    lease: int
    reason: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the messages of these (lease, receipt). Its result comes as `deleted` or `call_failed`."""

    number: int
    entries: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class ChangeVisibility:
    """Set the visibility timeout of these (lease, receipt, seconds). Its result comes as `changed` or `call_failed`."""

    number: int
    entries: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Send a copy of a message to the dead-letter queue, with the reason. Its result comes as `dead_lettered`."""

    lease: int
    message: Message
    reason: str


@dataclass(frozen=True, slots=True)
class DeletePayload:
    """Delete the S3 object of a message whose deletion SQS confirmed. Its result comes as `payload_deleted`."""

    number: int
    message_id: str
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The shutdown is complete: no message is held."""


Effect = Poll | AbortPolls | Start | Cancel | Delete | ChangeVisibility | DeadLetter | DeletePayload | Stopped


@dataclass(slots=True)
class Counts:
    """Counters since the start of a consumer."""

    polls: int = 0
    empty_polls: int = 0
    failed_polls: int = 0
    received: int = 0
    duplicates: int = 0
    done: int = 0
    deleted: int = 0
    failed: int = 0
    rejected: int = 0
    nacked: int = 0
    extended: int = 0
    retried_calls: int = 0
    lost_leases: int = 0
    timed_out: int = 0
    blocked: int = 0
    deleted_payloads: int = 0
    failed_payload_deletes: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return counter name to value, in order."""
        return {field_.name: getattr(self, field_.name) for field_ in fields(self)}
