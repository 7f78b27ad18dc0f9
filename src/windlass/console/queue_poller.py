"""Depths of queues for the console's pages, polled in the background while a page shows them."""

from __future__ import annotations

import operator
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from windlass.core.background import Poller
from windlass.core.errors import WindlassError
from windlass.queues.address import Queue
from windlass.queues.report import Depth
from windlass.queues.service import Queues

__all__ = ["QueuePoller", "QueueState"]

_INTERVAL_S = 2.0
_IDLE_S = 15.0  # polling ends when no page was shown for so long
_MAX_TOTALS = 120


@dataclass(frozen=True, slots=True)
class QueueState:
    """What is known of one queue; `error` is why SQS could not be read, empty when it was."""

    queue: Queue | None = None
    depth: Depth | None = None
    dead: Depth | None = None
    error: str = ""
    totals: deque[int] = field(default_factory=lambda: deque(maxlen=_MAX_TOTALS))


class QueuePoller:
    """The last known depth of each queue that a page shows; `mark` is another text when one of them changed."""

    def __init__(self, queues: Callable[[], Queues], now: Callable[[], float] = time.monotonic) -> None:
        self._queues = queues
        self._depths = Poller[str, QueueState](
            "queue-depths", self._poll, interval_s=_INTERVAL_S, idle_s=_IDLE_S, changed=operator.ne, now=now
        )

    @property
    def mark(self) -> str:
        """The version of what the pages were made from."""
        return str(self._depths.version)

    def read(self, arns: Iterable[str]) -> dict[str, QueueState]:
        """Return what is known of these queues now; they are polled as long as they are read."""
        arns = list(arns)
        known = self._depths.read(arns)
        return {arn: known.get(arn, QueueState()) for arn in arns}

    def _poll(self, arn: str, previous: QueueState | None) -> QueueState:
        before = previous or QueueState()
        try:
            queues = self._queues()
            queue = before.queue or queues.open(arn)
            depth = queues.depth(queue)
            dead = queues.depth(queues.dead_letters_of(queue)) if queue.dead_letter_arn else None
            state = replace(before, queue=queue, depth=depth, dead=dead, error="")
        except WindlassError as error:
            state = replace(before, error=error.message)
        state.totals.append(state.depth.total if state.depth else 0)
        return state
