"""Depths of queues as the console sees them: SQS is asked beside the pages, and only while somebody looks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from windlass.core.errors import WindlassError
from windlass.queues.address import Queue
from windlass.queues.report import Depth
from windlass.queues.service import Queues

__all__ = ["Depths", "Seen"]

_EVERY_S = 2.0
_LOOKED_S = 15.0
_KEPT = 120


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one queue, replaced as a whole; `error` says why SQS could not be asked."""

    queue: Queue | None = None
    depth: Depth | None = None
    dead: Depth | None = None
    error: str = ""
    totals: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Depths:
    """The last known depth of every queue that was looked at; `mark` is another text when one of them moved."""

    def __init__(self, queues: Callable[[], Queues], now: Callable[[], float] = time.monotonic) -> None:
        self._queues = queues
        self._now = now
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._looked: dict[str, float] = {}
        self._seen: dict[str, Seen] = {}
        self._version = 0

    @property
    def mark(self) -> str:
        """What the pages were made from."""
        return str(self._version)

    def look(self, arns: Iterable[str]) -> dict[str, Seen]:
        """What is known of these queues now; they are asked for as long as somebody looks."""
        now = self._now()
        with self._lock:
            self._looked.update(dict.fromkeys(arns, now))
            found = {arn: self._seen.setdefault(arn, Seen()) for arn in arns}
            if self._thread is None and self._looked:
                self._thread = threading.Thread(target=self._renew, name="depths", daemon=True)
                self._thread.start()
        return found

    def _renew(self) -> None:
        while True:
            with self._lock:
                wanted = [arn for arn, at in self._looked.items() if self._now() - at < _LOOKED_S]
                if not wanted:
                    self._looked.clear()
                    self._thread = None
                    return
            moved = [self._ask(arn) for arn in wanted]
            self._version += any(moved)
            time.sleep(_EVERY_S)

    def _ask(self, arn: str) -> bool:
        before, queues = self._seen[arn], self._queues()
        seen = before
        try:
            queue = before.queue or queues.open(arn)
            depth = queues.depth(queue)
            dead = queues.depth(queues.dead_letters_of(queue)) if queue.dead_letter_arn else None
            seen = replace(before, queue=queue, depth=depth, dead=dead, error="")
        except WindlassError as error:
            seen = replace(before, error=error.message)
        seen.totals.append(seen.depth.total if seen.depth else 0)
        self._seen[arn] = seen
        return seen != before
