"""The queues of one account in one region, and one lock over them.

moto's other services (S3 notifications, SNS, EventBridge, Scheduler, CloudFormation) reach SQS through
`moto.sqs.models.sqs_backends[account][region]`. `RegionQueues` replaces
moto's backend there, so that these services and clients of the API share the same messages. POST /moto-api/reset empties it as it does
every moto backend.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from moto.sqs.exceptions import QueueDoesNotExist, SQSException
from moto.sqs.models import SQSBackend

from windlass_local.sqs import attributes as queue_attributes
from windlass_local.sqs.errors import SqsError, invalid_value, shape_of
from windlass_local.sqs.move_tasks import MoveTask
from windlass_local.sqs.resource import SqsQueue
from windlass_local.sqs.send_operation import send

__all__ = ["RegionQueues", "as_text"]

_SERVICE_SENDER = "AIDAJQR6QDGQ7PATMSYEY"  # AWS services appear under their own ids


class RegionQueues(SQSBackend):
    """Queues by name. Methods named as moto's are for moto's services; `lock` guards every queue of the region."""

    __module__ = "moto.sqs.models"  # moto finds a backend's URLs through its module

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.queues: dict[str, SqsQueue] = {}
        self.moves: list[MoveTask] = []
        self.lock = threading.RLock()

    def reset(self) -> None:
        """Delete every queue and wake its polls."""
        queues = list(self.queues.values())
        super().reset()
        for queue in queues:
            queue.is_deleted = True
            queue.waiters.wake_all()

    # -- for the operations ----------------------------------------------------------------------------------------

    def arn_of(self, name: str) -> str:
        """Return the ARN that a queue of that name has here."""
        return f"arn:{self.partition}:sqs:{self.region_name}:{self.account_id}:{name}"

    def find(self, name: str) -> SqsQueue:
        """Return the queue. SqsError QueueDoesNotExist."""
        queue = self.queues.get(name)
        if queue is None:
            raise SqsError("QueueDoesNotExist", "The specified queue does not exist.")
        return queue

    def by_arn(self, arn: str) -> SqsQueue | None:
        """Return the queue with that ARN, if it is of this account and region, else None."""
        queue = self.queues.get(arn.rpartition(":")[2])
        return queue if queue is not None and queue.queue_arn == arn else None

    def create(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str], now_s: float) -> SqsQueue:
        """Create a queue; the same attributes return the existing queue, others raise QueueNameExists."""
        fifo = attributes.get("FifoQueue") == "true"
        existing = self.queues.get(name)
        if existing is not None:
            for key, value in attributes.items():
                if not queue_attributes.same_value(key, value, existing.attributes.get(key, "")):
                    what = f"A queue already exists with the same name and a different value for attribute {key}"
                    raise SqsError("QueueNameExists", what)
            return existing
        queue_attributes.check_name(name, fifo=fifo)
        queue_attributes.check(attributes, fifo=fifo)
        self._check_redrive(self.arn_of(name), attributes, fifo=fifo)
        queue = SqsQueue(
            name, arn=self.arn_of(name), account_id=self.account_id, attributes=attributes, tags=tags, now_s=now_s
        )
        self.queues[name] = queue
        self._link()
        return queue

    def change(self, queue: SqsQueue, attributes: Mapping[str, str], now_s: float) -> None:
        """Apply SetQueueAttributes."""
        queue_attributes.check(attributes, fifo=queue.fifo_queue)
        self._check_redrive(queue.queue_arn, attributes, fifo=queue.fifo_queue)
        queue.set_attributes(attributes, now_s)
        self._link()

    def remove(self, queue: SqsQueue) -> None:
        """Apply DeleteQueue."""
        del self.queues[queue.name]
        queue.is_deleted = True
        queue.core.purge()
        queue.waiters.wake_all()
        self._link()

    def sources_of(self, queue: SqsQueue) -> list[SqsQueue]:
        """Return the queues whose dead letters go to `queue`."""
        return [source for source in self.queues.values() if source.core.dead_letter is queue.core]

    def _link(self) -> None:
        """Connect every queue with its dead-letter queue, if that exists now."""
        for queue in self.queues.values():
            policy = queue.redrive_policy
            target = self.by_arn(policy.target_arn) if policy else None
            queue.core.dead_letter = target.core if target else None

    def _check_redrive(self, source_arn: str, attributes: Mapping[str, str], *, fifo: bool) -> None:
        text = attributes.get("RedrivePolicy", "")
        policy = queue_attributes.parse_redrive_policy(text)
        if policy is None:
            return
        target = self.by_arn(policy.target_arn)
        if target is None:
            raise invalid_value(text, "RedrivePolicy", "Dead letter target does not exist.")
        if target.fifo_queue is not fifo:
            raise invalid_value(text, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
        allow = json.loads(target.attributes.get("RedriveAllowPolicy") or "{}")
        permission = allow.get("redrivePermission", "allowAll")
        allowed = permission == "allowAll" or (
            permission == "byQueue" and source_arn in allow.get("sourceQueueArns", ())
        )
        if not allowed:
            reason = f"Queue {source_arn} is not allowed to use {policy.target_arn} as its dead-letter queue."
            raise invalid_value(text, "RedrivePolicy", reason)

    # -- for moto's services ---------------------------------------------------------------------------------------

    def create_queue(self, name: str, tags: Mapping[str, str] | None = None, **properties: Any) -> SqsQueue:
        """Create AWS::SQS::Queue for CloudFormation: properties are of any JSON type."""
        properties.pop("region", None)
        properties.pop("QueueName", None)
        attributes = {key: as_text(value) for key, value in properties.items()}
        if attributes.get("FifoQueue") == "true" and not name.endswith(".fifo"):
            name = f"{name[:75]}.fifo"
        with self.lock:
            try:
                return self.create(name, attributes, tags or {}, time.time())
            except SqsError as error:
                raise as_moto(error) from error

    def get_queue(self, queue_name: str) -> SqsQueue:
        """Return the queue. Raises moto's QueueDoesNotExist."""
        queue = self.queues.get(queue_name)
        if queue is None:
            raise QueueDoesNotExist
        return queue

    def delete_queue(self, queue_name: str) -> None:
        """Delete CloudFormation's queue."""
        with self.lock:
            self.remove(self.get_queue(queue_name))

    def get_queue_attributes(self, queue_name: str, attribute_names: Sequence[str]) -> dict[str, str]:
        """Return ContentBasedDeduplication for EventBridge."""
        with self.lock:
            return self.get_queue(queue_name).describe(list(attribute_names), time.time())

    def set_queue_attributes(self, queue_name: str, attributes: Mapping[str, Any]) -> SqsQueue:
        """Change CloudFormation's queue."""
        queue = self.get_queue(queue_name)
        with self.lock:
            try:
                self.change(queue, {key: as_text(value) for key, value in attributes.items()}, time.time())
            except SqsError as error:
                raise as_moto(error) from error
        return queue

    def send_message(
        self,
        queue_name: str,
        message_body: str,
        message_attributes: Mapping[str, Any] | None = None,
        delay_seconds: int | None = None,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        system_attributes: Mapping[str, Any] | None = None,
        **_ignored: Any,
    ) -> dict[str, Any]:
        """Send a message of an AWS service, from any thread."""
        queue = self.get_queue(queue_name)
        entry = {
            "MessageBody": message_body,
            "MessageAttributes": message_attributes,
            "DelaySeconds": delay_seconds,
            "MessageDeduplicationId": deduplication_id if queue.fifo_queue else None,
            "MessageGroupId": group_id,
            "MessageSystemAttributes": system_attributes,
        }
        with self.lock:
            try:
                return send(queue, entry, sender_id=_SERVICE_SENDER, now_s=time.time())
            except SqsError as error:
                raise as_moto(error) from error


def as_text(value: Any) -> str:
    """Return a template's property as an attribute's text."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else str(value)


def as_moto(error: SqsError) -> SQSException:
    """Return the error as moto's services raise it."""
    return SQSException(shape_of(error.name).query_code, error.message)
