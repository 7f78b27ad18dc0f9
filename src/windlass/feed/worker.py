"""The feed worker: a consumer that collects events in batches and reads the resources that they touched."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from windlass.core import clock
from windlass.core.errors import AwsError
from windlass.facts.sources.ssm_files import sync_file_of
from windlass.facts.sync_import import SyncImport
from windlass.feed.config import FeedConfig
from windlass.feed.metrics import FeedMetrics
from windlass.feed.outcome import MessageOutcome, outcome_of, recheck_after_s
from windlass.inventory.events.messages import parse_message
from windlass.inventory.events.model import Parsed, Touch
from windlass.inventory.events.refresh import Refresh, RefreshResult
from windlass.inventory.imports.service import HistoryImport
from windlass.observe.log import logger
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.model import Reject, RetryLater
from windlass.queues.received_message import ReceivedMessage
from windlass.queues.service import Queues
from windlass.store.engine import Store

__all__ = ["FeedWorker"]

_IN_FLIGHT = 2_000
_MAX_TOUCHES = 500


@dataclass(slots=True)
class _Batch:
    """Touches that wait to be read, and the messages that wait for them."""

    touches: list[Touch] = field(default_factory=list)
    buckets: list[Touch] = field(default_factory=list)
    waiting: list[tuple[asyncio.Future[RefreshResult], ReceivedMessage]] = field(default_factory=list)


class FeedWorker:
    """Consumes the queue of `[feed]`. `run` blocks until SIGTERM (with `signals`) or until `stop` is set."""

    def __init__(
        self,
        config: FeedConfig,
        refresh: Refresh,
        imports: HistoryImport,
        sync: SyncImport,
        *,
        queues: Queues,
        store: Callable[[], Store] | None,
        metrics: FeedMetrics,
        health: tuple[str, int] | None = None,
    ) -> None:
        self._config, self._refresh, self._imports, self._sync = config, refresh, imports, sync
        self._queues, self._store = queues, store
        self._metrics = metrics
        self._health = health
        self._batch = _Batch()
        self._reading: asyncio.Task[None] | None = None
        self._stopping = False

    def run(self, *, stop: threading.Event | None = None, signals: bool = True) -> int:
        """Keep the inventory current; return the exit code."""
        consumer = Consumer(
            self._consume_config(),
            self.handle,
            queues=self._queues,
            store=self._store,
            registry=self._metrics.registry,
            health=self._health,
            stopping=self._stop,
        )
        return consumer.run(stop=stop, signals=signals)

    def _consume_config(self) -> ConsumeConfig:
        return ConsumeConfig(
            name="feed",
            queue=self._config.queue,
            handler="windlass.feed",
            account=self._config.account,
            region=self._config.region,
            concurrency=_IN_FLIGHT,
            prefetch=0,
            first_backoff_s=2.0,
            max_backoff_s=300.0,
        )

    async def handle(self, received: ReceivedMessage) -> None:
        """Handle a message; return when every resource that it touched is read and written."""
        parsed = parse_message(received.body, self._refresh.index)
        self._metrics.parsed(parsed)
        if parsed.unrecognised and not (parsed.touches or parsed.ignored or parsed.files or parsed.buckets):
            raise Reject(f"not an event of AWS: {parsed.unrecognised[0]}")
        files = [(bucket, key) for bucket, key in parsed.files if bucket in self._config.file_buckets]
        if files:
            touches = await asyncio.to_thread(self._touches_of_files, files)
            parsed = replace(parsed, touches=(*parsed.touches, *touches))
        if not (parsed.touches or parsed.buckets):
            return
        result = await self._read(received, parsed)
        outcome = outcome_of(
            {touch.event.event_id for touch in parsed.touches},
            failed=result.failed,
            unconfirmed=result.unconfirmed,
            receive_count=received.receive_count,
        )
        if outcome is MessageOutcome.FAILED:
            raise AwsError("; ".join(sorted(set(result.failures.values()))), code="ReadFailed")
        if outcome is MessageOutcome.RECHECK:
            after_s = math.ceil(recheck_after_s(self._config.recheck_s, received.receive_count))
            raise RetryLater(after_s, "AWS does not show the change yet")
        self._metrics.done(parsed.touches, clock.now())

    def _touches_of_files(self, files: Sequence[tuple[str, str]]) -> list[Touch]:
        """Import the files of Config and of Systems Manager, and return what the records of CloudTrail's files touched."""
        touches: list[Touch] = []
        for bucket, key in files:
            if sync_file_of(key) is not None:
                self._sync.delivered_file(bucket, key)
            else:
                touches += self._imports.delivered_file(bucket, key)
        return touches

    async def _read(self, received: ReceivedMessage, parsed: Parsed) -> RefreshResult:
        """Add the message to the open batch, and wait until the batch is read."""
        future: asyncio.Future[RefreshResult] = asyncio.get_running_loop().create_future()
        self._batch.touches += parsed.touches
        self._batch.buckets += parsed.buckets
        self._batch.waiting.append((future, received))
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read_batches())
        return await future

    async def _read_batches(self) -> None:
        """Read one batch at a time while there are messages; the next batch fills meanwhile."""
        try:
            while self._batch.waiting:
                if not self._stopping and len(self._batch.touches) < _MAX_TOUCHES:
                    await asyncio.sleep(self._config.batch_window_s)
                batch, self._batch = self._batch, _Batch()
                await self._read_batch(batch)
        finally:
            self._reading = None

    async def _read_batch(self, batch: _Batch) -> None:
        try:
            result = await asyncio.to_thread(self._refresh.refresh, batch.touches, buckets=batch.buckets)
        except Exception as error:  # noqa: BLE001  every message of the batch is retried
            for future, _ in batch.waiting:
                if not future.done():
                    future.set_exception(error)
            return
        self._metrics.refreshed(result)
        for scope, failure in result.failures.items():
            logger("feed").warning(
                "read.failed", account=scope.account_id, region=scope.region, type=scope.type, error=failure
            )
        for future, _ in batch.waiting:
            if not future.done():  # its lease may have ended
                future.set_result(result)

    def _stop(self) -> None:
        """Read what was collected now: the worker stops."""
        self._stopping = True
