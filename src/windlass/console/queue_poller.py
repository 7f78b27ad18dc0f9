"""Queue depths for the Queues pages: SQS is called in the background, and only while a page is viewed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from windlass.core.background import Poller
from windlass.core.errors import WindlassError
from windlass.queues.address import Queue
from windlass.queues.report import Depth
from windlass.queues.service import Queues

__all__ = ["QueuePoller", "QueueSnapshot"]

INTERVAL_S = 2.0
IDLE_S = 15.0  # polling ends when no page was viewed for this long
TREND_POINTS = 120  # four minutes of the sparkline


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The last known depth of one queue and of its dead-letter queue; `error` says why SQS did not answer.

    `totals` is the trend of the depth, oldest first. It does not count as a change: the page refreshes when a number
    moves.
    """

    queue: Queue | None = None
    depth: Depth | None = None
    dead: Depth | None = None
    error: str = ""
    totals: tuple[int, ...] = field(default=(), compare=False)


class QueuePoller:
    """Snapshots of queues by ARN."""

    def __init__(self, queues: Callable[[], Queues]) -> None:
        self._queues = queues
        self._poller = Poller[str, QueueSnapshot](
            "queue-depths", self._fetch, interval_s=INTERVAL_S, idle_s=IDLE_S, changed=operator.ne
        )

    @property
    def etag(self) -> str:
        """A text that differs after a snapshot changed."""
        return str(self._poller.version)

    def snapshots(self, arns: Iterable[str]) -> dict[str, QueueSnapshot]:
        """The snapshot of each queue, an empty one before SQS has answered."""
        listed = list(arns)
        return dict.fromkeys(listed, QueueSnapshot()) | self._poller.read(listed)

    def _fetch(self, arn: str, previous: QueueSnapshot | None) -> QueueSnapshot:
        before, queues = previous or QueueSnapshot(), self._queues()
        try:
            queue = before.queue or queues.open(arn)
            depth = queues.depth(queue)
            dead = queues.depth(queues.dead_letters_of(queue)) if queue.dead_letter_arn else None
            snapshot = replace(before, queue=queue, depth=depth, dead=dead, error="")
        except WindlassError as error:
            snapshot = replace(before, error=error.message)
        if snapshot.error or snapshot.depth is None:
            return snapshot  # an unknown depth is no point of the trend
        return replace(snapshot, totals=(*before.totals, snapshot.depth.total)[-TREND_POINTS:])
