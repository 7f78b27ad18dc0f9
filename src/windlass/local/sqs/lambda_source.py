"""Event source mappings: Lambda's poller takes batches from a queue and invokes the function with each.

moto keeps a queue's mappings on the queue and leaves the invoking to `send_sqs_batch` of its Lambda backend. A batch
that fails comes back after the queue's visibility timeout, as with Lambda.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windlass.local.sqs.queue import Refusal
from windlass.local.sqs.receipts import encode
from windlass.local.sqs.resource import SqsQueue

if TYPE_CHECKING:
    from windlass.local.sqs.region import RegionQueues

__all__ = ["Record", "feed_mappings"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A delivered message under the names that moto's Lambda backend reads."""

    id: str
    receipt_handle: str
    body: str
    group_id: str | None
    deduplication_id: str | None


def feed_mappings(region: RegionQueues, queue: SqsQueue) -> None:
    """Let the queue's enabled mappings take what there is, on one thread per queue; at once if there are none."""
    mappings = [each for each in queue.lambda_event_source_mappings.values() if each.enabled]
    if not mappings:
        return
    with region.lock:
        if queue.is_feeding:
            return  # the thread that feeds looks once more before it ends
        queue.is_feeding = True
    threading.Thread(target=_drain, args=(region, queue, mappings), name="event-source", daemon=True).start()


def _drain(region: RegionQueues, queue: SqsQueue, mappings: list[Any]) -> None:
    try:
        for mapping in itertools.cycle(mappings):
            if not _one_batch(region, queue, mapping):
                return
    except Exception:  # whatever the function's runtime raised: its batch comes back after the visibility timeout
        logger.exception("the mapping of %s failed", queue.queue_arn)
    finally:
        queue.is_feeding = False


def _one_batch(region: RegionQueues, queue: SqsQueue, mapping: Any) -> bool:
    """Whether there was anything to deliver."""
    from moto.awslambda.utils import get_backend

    with region.lock:
        try:
            received = queue.core.receive(
                min(int(mapping.batch_size or 10), 10_000), queue.seconds("VisibilityTimeout"), time.time()
            )
        except Refusal:
            received = []
        if not received:
            queue.is_feeding = False  # under the lock: a send after this starts a new thread
            return False
    records = [
        Record(
            id=each.message.message_id,
            receipt_handle=encode(queue.mark, each.receipt),
            body=each.message.body,
            group_id=each.message.group_id,
            deduplication_id=each.message.deduplication_id,
        )
        for each in received
    ]
    lambda_backend = get_backend(region.account_id, region.region_name)
    if lambda_backend.send_sqs_batch(mapping.function_arn, records, queue.queue_arn):
        with region.lock:
            for each in received:
                queue.core.delete(each.receipt, time.time())
    return True
