"""A queue as a resource: its name, attributes and tags, its messages (queue.py), and the polls that wait for one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from windlass_local.sqs import attributes as queue_attributes
from windlass_local.sqs.long_polls import LongPolls
from windlass_local.sqs.queue import Queue
from windlass_local.sqs.receipts import MARK_BYTES

__all__ = ["SqsQueue"]


class SqsQueue:
    """One queue of one account and region.

    `attributes` holds the settable attributes as text. `queue_arn`, `fifo_queue`, `lambda_event_source_mappings`,
    `physical_resource_id`, `get_cfn_attribute` and `is_created` are what moto's other services read.
    """

    def __init__(
        self,
        name: str,
        *,
        arn: str,
        account_id: str,
        attributes: Mapping[str, str],
        tags: Mapping[str, str],
        now_s: float,
    ) -> None:
        self.name = name
        self.account_id = account_id
        self.queue_arn = arn
        self.fifo_queue = name.endswith(".fifo")
        self.attributes = queue_attributes.defaults(fifo=self.fifo_queue)
        self.tags = dict(tags)
        self.created_s = self.modified_s = now_s
        self.purged_s = float("-inf")
        self.is_deleted = False
        self.mark = secrets.token_bytes(MARK_BYTES)
        self.waiters = LongPolls()
        self.lambda_event_source_mappings: dict[str, Any] = {}
        self.core = Queue(fifo=self.fifo_queue, retention_s=0)
        self.core.arn = arn
        self.set_attributes(attributes, now_s)

    def set_attributes(self, argument: Mapping[str, str], now_s: float) -> None:
        """Take over checked attributes; an empty document (or key id) removes the attribute."""
        for name, value in argument.items():
            if value == "":
                self.attributes.pop(name, None)
            else:
                self.attributes[name] = value
        if argument.get("KmsMasterKeyId"):
            self.attributes["SqsManagedSseEnabled"] = "false"  # one kind of encryption at a time
        self.modified_s = now_s
        self.core.retention_s = self.seconds("MessageRetentionPeriod")
        redrive = self.redrive_policy
        self.core.max_receive_count = redrive.max_receive_count if redrive else None

    @property
    def redrive_policy(self) -> queue_attributes.RedrivePolicy | None:
        """Return the redrive policy, or None."""
        return queue_attributes.parse_redrive_policy(self.attributes.get("RedrivePolicy", ""))

    def seconds(self, name: str) -> int:
        """Return an integer attribute."""
        return int(self.attributes[name])

    def is_on(self, name: str) -> bool:
        """Return a boolean attribute."""
        return self.attributes.get(name) == "true"

    def changed(self, now_s: float, *, arrived: int = 0) -> None:
        """Wake polls: `arrived` of them now, for new messages, and one more when the next timer ends."""
        self.waiters.wake(arrived)
        self.waiters.watch(self.core.next_change_s(), now_s)

    def describe(self, names: list[str], now_s: float) -> dict[str, str]:
        """Return GetQueueAttributes' response."""
        computed = {
            "QueueArn": self.queue_arn,
            "CreatedTimestamp": str(int(self.created_s)),
            "LastModifiedTimestamp": str(int(self.modified_s)),
        }
        counters = self.core.counters(now_s)
        return queue_attributes.render(names, self.attributes, counters=counters, computed=computed)

    def url(self, base_url: str) -> str:
        """Return the queue's URL on the server whose address is `base_url`."""
        return f"{base_url.rstrip('/')}/{self.account_id}/{self.name}"

    @property
    def physical_resource_id(self) -> str:
        """Return what CloudFormation's Ref returns: the URL, on the host that received the template."""
        import flask

        base_url = flask.request.host_url if flask.has_request_context() else "http://127.0.0.1"
        return self.url(base_url)

    def get_cfn_attribute(self, name: str) -> str:
        """Return what CloudFormation's Fn::GetAtt returns. KeyError for an unknown attribute."""
        return {"Arn": self.queue_arn, "QueueName": self.name, "QueueUrl": self.physical_resource_id}[name]

    def is_created(self) -> bool:
        """Return True: CloudFormation need not wait."""
        return True
