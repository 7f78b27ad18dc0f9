"""Receiving and deleting messages: shared by ReceiveMessage, DeleteMessage and Lambda's pollers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windlass_local.sqs.message import Message
from windlass_local.sqs.queue import Receipt, Received
from windlass_local.sqs.resource import SqsQueue

if TYPE_CHECKING:
    from windlass_local.sqs.region_queues import RegionQueues

__all__ = ["delete", "receive", "system_attributes"]


def receive(
    region: RegionQueues, queue: SqsQueue, limit: int, visibility_s: float, now_s: float, *, attempt_id: str = ""
) -> list[Received]:
    """Receive up to `limit` messages, hidden for `visibility_s`; wake the polls when more are left. Needs the region's lock.

    Raises Refusal at the limit of messages in flight.
    """
    received = queue.core.receive(limit, visibility_s, now_s, attempt_id=attempt_id)
    queue.changed(now_s, arrived=1 if received and queue.core.counters(now_s).visible else 0)
    if queue.core.dead_letter is not None:
        policy = queue.redrive_policy
        target = region.by_arn(policy.target_arn) if policy else None
        if target is not None:
            target.changed(now_s, arrived=1)
    return received


def delete(queue: SqsQueue, receipt: Receipt, now_s: float) -> None:
    """Delete the delivery. Raises Refusal where a FIFO queue's receipt has expired. Under the region's lock."""
    queue.core.delete(receipt, now_s)
    if queue.fifo_queue:
        queue.changed(now_s, arrived=1)  # its group is open again


def system_attributes(message: Message) -> dict[str, str]:
    """Return the attributes that SQS itself sets on a received message, by name."""
    values = {
        "SenderId": message.sender_id,
        "SentTimestamp": str(int(message.sent_s * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": str(int(message.first_received_s * 1000)),
    }
    optional = {
        "SequenceNumber": message.sequence_number,
        "MessageDeduplicationId": message.deduplication_id,
        "MessageGroupId": message.group_id,
        "AWSTraceHeader": message.system_attributes.get("AWSTraceHeader", {}).get("StringValue"),
        "DeadLetterQueueSourceArn": message.dead_letter_source_arn,
    }
    return values | {key: value for key, value in optional.items() if value is not None}
