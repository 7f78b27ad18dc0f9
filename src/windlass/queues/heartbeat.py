"""The consumer's heartbeat: it writes its state to the store, so that `windlass queue` and the console show it."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Mapping
from datetime import datetime

from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.core.ids import new_id
from windlass.observe.log import logger
from windlass.queues import store as rows
from windlass.queues.model import Outcome, Rejected, Retry
from windlass.queues.report import ConsumerRow, Failure, Sample
from windlass.store.engine import Store
from windlass.wire.sqs import Message

__all__ = ["Heartbeat"]

_INTERVAL_S = 2.0
_QUIET_INTERVAL_S = 10.0
_PRUNE_INTERVAL_S = 300.0
_MAX_WAITING = 1000


class Heartbeat:
    """Writes on its own thread: a slow or broken database delays no message and affects only what the console shows."""

    def __init__(self, store: Store, *, name: str, queue_arn: str, handler: str) -> None:
        self.consumer_id = new_id("consumer")
        self._store = store
        self._name, self._queue_arn, self._handler = name, queue_arn, handler
        self._started_at = clock.now()
        self._failures: queue.SimpleQueue[Failure] = queue.SimpleQueue()
        self._counts: Mapping[str, int] = {}
        self._in_hand = 0
        self._ended = threading.Event()
        self._written: tuple[dict[str, int], int] = ({}, -1)
        self._written_at = self._tidied_at = 0.0
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def show(self, counts: Mapping[str, int], in_flight: int) -> None:
        """Update the counters to write next. Cheap: called often."""
        self._counts, self._in_hand = counts, in_flight

    def failed(self, message: Message, outcome: Outcome) -> None:
        """Record a message whose handler failed."""
        kind = "rejected" if isinstance(outcome, Rejected) else "failed"
        reason = outcome.reason if isinstance(outcome, (Rejected, Retry)) else ""
        if self._failures.qsize() < _MAX_WAITING:
            self._failures.put(
                Failure(clock.now(), self._queue_arn, message.message_id, message.receive_count, kind, reason)
            )

    def close(self) -> None:
        """Write the final state and stop the thread."""
        self._ended.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        log = logger("queues")
        while True:
            ended = self._ended.wait(_INTERVAL_S)
            try:
                self._write(ended=ended)
            except WindlassError as error:
                log.warning("heartbeat.failed", error=error.message)
            if ended:
                return

    def _write(self, *, ended: bool) -> None:
        now = clock.now()
        standing = (dict(self._counts), self._in_hand)
        failures = []
        while not self._failures.empty():
            failures.append(self._failures.get())
        quiet = standing == self._written and not failures
        age_s = now.timestamp() - self._written_at
        if quiet and age_s < _QUIET_INTERVAL_S and not ended:
            return
        with self._store.write() as connection:
            rows.put_consumer(connection, self._store, self._row(now), self._sample(now))
            for failure in failures:
                rows.add_failure(connection, failure)
            if now.timestamp() - self._tidied_at > _PRUNE_INTERVAL_S:
                rows.forget_old(connection, now)
                self._tidied_at = now.timestamp()
            if ended:
                rows.stop_consumer(connection, self.consumer_id, now)
        self._written, self._written_at = standing, now.timestamp()

    def _row(self, now: datetime) -> ConsumerRow:
        return ConsumerRow(
            self.consumer_id,
            self._name,
            self._queue_arn,
            self._handler,
            socket.gethostname(),
            os.getpid(),
            self._started_at,
            now,
            None,
            dict(self._counts),
        )

    def _sample(self, now: datetime) -> Sample:
        counts = self._counts
        done, failed = counts.get("done", 0), counts.get("failed", 0) + counts.get("rejected", 0)
        return Sample(self.consumer_id, now, counts.get("received", 0), done, failed, self._in_hand)
