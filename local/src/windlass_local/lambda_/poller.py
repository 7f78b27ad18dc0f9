"""One event source mapping at work: receives batches from its queue, runs the function, deletes what succeeded.

It waits for messages as a long poll does (sqs/waiting.py), so an idle mapping costs nothing. A batch that fails is left
alone: its messages come back when the queue's visibility timeout, or one that the function has set meanwhile, is over.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from windlass_local.lambda_.batches import failed_ids, record_of, split
from windlass_local.lambda_.filters import Pattern, passes
from windlass_local.lambda_.function_name import FunctionName
from windlass_local.lambda_.outcome import Throttled
from windlass_local.lambda_.versions import Unrunnable
from windlass_local.sqs.consumption import delete, receive
from windlass_local.sqs.queue import Received, Refusal
from windlass_local.sqs.receipts import encode
from windlass_local.sqs.region_queues import RegionQueues
from windlass_local.sqs.resource import SqsQueue
from windlass_local.workers import Workers, done_by

__all__ = ["Invoke", "Poller", "PollerSettings"]

logger = logging.getLogger(__name__)

_FOREVER_S = 3600.0
_REFUSED_S = 1.0
_MARGIN_S = 0.5
Invoke = Callable[[FunctionName, bytes], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerSettings:
    """A mapping's configuration. `partial`: answers are read (ReportBatchItemFailures)."""

    function: FunctionName
    batch_size: int
    window_s: float
    filters: tuple[Pattern, ...]
    partial: bool
    concurrency: int


class Poller:
    """Belongs to one event loop; all its methods are called there. `invoke` runs on a thread of `calls`."""

    def __init__(self, region: RegionQueues, queue: SqsQueue, invoke: Invoke, calls: Workers) -> None:
        self._region, self._queue = region, queue
        self._invoke, self._calls = invoke, calls
        self._collecting: asyncio.Task[None] | None = None
        self._handling: set[asyncio.Task[None]] = set()
        self._failures = 0

    def apply(self, settings: PollerSettings | None) -> None:
        """Poll with these settings from now on; None stops polling. Batches in progress are finished."""
        if self._collecting is not None:
            self._collecting.cancel()
        self._collecting = None if settings is None else asyncio.get_running_loop().create_task(self._poll(settings))

    async def _poll(self, settings: PollerSettings) -> None:
        while not self._queue.is_deleted:
            while len(self._handling) >= settings.concurrency:
                await asyncio.wait(self._handling, return_when=asyncio.FIRST_COMPLETED)
            if self._failures:  # a queue without visibility timeout must not become a busy loop
                await asyncio.sleep(min(0.025 * 2**self._failures, 1.0))
            batch = await self._collect(settings)
            task = asyncio.get_running_loop().create_task(self._handle(settings, batch))
            self._handling.add(task)
            task.add_done_callback(self._handling.discard)

    async def _collect(self, settings: PollerSettings) -> list[Received]:
        """Collect the next batch: full, or what arrived in the window that its first message opened."""
        batch: list[Received] = []
        closes_s = math.inf
        try:
            while True:
                now_s = time.time()
                with self._region.lock:
                    refused = False
                    try:
                        batch += self._take(settings, settings.batch_size - len(batch), now_s)
                    except Refusal:
                        refused = True
                    if batch and closes_s == math.inf:
                        closes_s = now_s + settings.window_s
                    if self._queue.is_deleted or len(batch) >= settings.batch_size or now_s >= closes_s:
                        return batch
                    ticket = self._queue.waiters.join()
                    if not refused:
                        self._queue.changed(now_s)
                wait_s = min(_FOREVER_S, closes_s - now_s)
                await self._queue.waiters.wait(ticket, min(wait_s, _REFUSED_S) if refused else wait_s)
        except asyncio.CancelledError:
            self._give_back(batch)
            raise

    def _take(self, settings: PollerSettings, limit: int, now_s: float) -> list[Received]:
        """Receive up to `limit` messages that pass the filters; the others are deleted, as Lambda does."""
        visibility_s = self._queue.seconds("VisibilityTimeout")
        taken: list[Received] = []
        while True:
            received = receive(self._region, self._queue, limit - len(taken), visibility_s, now_s)
            for delivery in received:
                if not settings.filters or passes(settings.filters, self._record(delivery)):
                    taken.append(delivery)
                else:
                    delete(self._queue, delivery.receipt, now_s)
            if len(taken) >= limit or not received or not settings.filters:
                return taken

    def _give_back(self, batch: Sequence[Received]) -> None:
        now_s = time.time()
        with self._region.lock:
            for delivery in batch:
                try:
                    self._queue.core.change_visibility(delivery.receipt, 0, now_s)
                except Refusal:
                    continue  # it is visible again, or deleted
            self._queue.changed(now_s, arrived=len(batch))

    def _record(self, received: Received) -> dict[str, Any]:
        queue = self._queue
        handle = encode(queue.mark, received.receipt)
        return record_of(received.message, handle, queue.queue_arn, self._region.region_name)

    async def _handle(self, settings: PollerSettings, batch: Sequence[Received]) -> None:
        receipts = {delivery.message.message_id: delivery.receipt for delivery in batch}
        until_s = min((delivery.message.due_s for delivery in batch), default=0.0) - _MARGIN_S
        succeeded = 0
        for records, event in split([self._record(delivery) for delivery in batch]):
            ids = [record["messageId"] for record in records]
            failed = await self._failed(settings, event, ids, until_s)
            now_s = time.time()
            with self._region.lock:
                for message_id in ids:
                    if message_id not in failed:
                        self._delete(receipts[message_id], now_s)
            succeeded += len(ids) - len(failed)
            if failed and self._queue.fifo_queue:
                break  # messages behind a failed one must not overtake it
        self._failures = 0 if succeeded or not batch else self._failures + 1

    def _delete(self, receipt: Any, now_s: float) -> None:
        try:
            delete(self._queue, receipt, now_s)
        except Refusal:
            logger.info("%s: the visibility timeout was over before the function was", self._queue.queue_arn)

    async def _failed(
        self, settings: PollerSettings, event: bytes, ids: Collection[str], until_s: float
    ) -> frozenset[str]:
        """Run the function; the ids of the messages that stay. Throttled runs wait, as long as the messages are hidden."""
        wait_s = 0.05
        while True:
            try:
                response = await done_by(self._calls, lambda: self._invoke(settings.function, event))
            except Throttled:
                if time.time() + wait_s >= until_s:
                    return frozenset(ids)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, 1.0)
            except (UnknownFunctionException, Unrunnable) as error:
                logger.warning("polling of %s stopped: %s", self._queue.queue_arn, error)
                return frozenset(ids)
            except Exception:
                logger.exception("%s: a batch could not be run", self._queue.queue_arn)
                return frozenset(ids)
            else:
                return failed_ids(response.payload, ids, failed=response.failed, partial=settings.partial)
