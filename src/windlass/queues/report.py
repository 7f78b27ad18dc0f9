"""Values that describe queues and consumers to people: depths, dead letters, consumers, failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["ConsumerRow", "DeadLetterQueue", "Depth", "Failure", "Move", "Peeked", "Sample"]

_SILENT_S = 30.0


@dataclass(frozen=True, slots=True)
class Depth:
    """The number of messages in a queue, as SQS counts them (approximately); `oldest_s` is None when it is unknown."""

    visible: int
    in_flight: int
    delayed: int
    oldest_s: float | None = None

    @property
    def total(self) -> int:
        """The sum of all three."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True)
class Peeked:
    """A message as `peek` shows it."""

    message_id: str
    sent_at: datetime | None
    receive_count: int
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """A queue and its dead-letter queue; `waiting` is -1 when the dead-letter queue does not exist."""

    queue: str
    queue_arn: str
    dead_letter_queue: str
    dead_letter_arn: str
    max_receive_count: int
    waiting: int


@dataclass(frozen=True, slots=True)
class ConsumerRow:
    """A consumer in any process, as its heartbeat reports it."""

    consumer_id: str
    name: str
    queue_arn: str
    handler: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    counts: Mapping[str, int]

    def state(self, now: datetime) -> str:
        """Return `running`, `stopped`, or `lost` (no heartbeat for 30 s and no orderly stop)."""
        if self.stopped_at is not None:
            return "stopped"
        return "lost" if (now - self.seen_at).total_seconds() > _SILENT_S else "running"


@dataclass(frozen=True, slots=True)
class Sample:
    """A consumer's counters at one time."""

    consumer_id: str
    at: datetime
    received: int
    done: int
    failed: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A message whose handler failed; `kind` is `failed` or `rejected`."""

    at: datetime
    queue_arn: str
    message_id: str
    receive_count: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Move:
    """Progress of a redrive: messages moved, of how many (approximately), and the status."""

    moved: int
    total: int
    status: str
