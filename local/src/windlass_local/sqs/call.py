"""The input of every operation: its parameters, its caller, its region, and the lookup of queues that the caller may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from windlass_local.sqs.errors import SqsError, missing
from windlass_local.sqs.policy import allows
from windlass_local.sqs.resource import SqsQueue

if TYPE_CHECKING:
    from windlass_local.sqs.region_queues import RegionQueues

__all__ = ["SqsCall", "required"]

_SHARED_AS = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
_OWNER_ONLY = frozenset(
    (
        "AddPermission",
        "DeleteQueue",
        "ListQueueTags",
        "RemovePermission",
        "SetQueueAttributes",
        "TagQueue",
        "UntagQueue",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqsCall:
    """One request of either protocol; `parameters` are in the JSON protocol's shape."""

    operation: str
    parameters: Mapping[str, Any]
    account_id: str
    region: str
    access_key: str
    base_url: str
    now_s: float

    @property
    def queues(self) -> RegionQueues:
        """Return the caller's own queues."""
        return self.queues_of(self.account_id)

    def queues_of(self, account_id: str) -> RegionQueues:
        """Return the queues of `account_id` in the call's region."""
        from moto.sqs.models import sqs_backends

        try:
            return sqs_backends[account_id][self.region]
        except KeyError:
            raise SqsError("InvalidAddress", f"There is no region {self.region}.") from None

    def locate(self) -> tuple[RegionQueues, SqsQueue]:
        """Return the queue that QueueUrl names (on any host), if the caller may do the operation on it. SqsError."""
        url = str(required(self.parameters, "QueueUrl"))
        segments = urlsplit(url).path.strip("/").split("/")
        if len(segments) < 2 or not segments[-2].isdecimal():
            raise SqsError("InvalidAddress", f"The address {url} is not valid for this endpoint.")
        region = self.queues_of(segments[-2])
        queue = region.find(segments[-1])
        self.authorize(queue)
        return region, queue

    def authorize(self, queue: SqsQueue) -> None:
        """Raise AccessDenied unless the caller owns the queue or its policy lets them."""
        if queue.account_id == self.account_id:
            return
        action = _SHARED_AS.get(self.operation, self.operation)
        policy = queue.attributes.get("Policy", "")
        if action in _OWNER_ONLY or not allows(
            policy, account_id=self.account_id, action=action, queue_arn=queue.queue_arn
        ):
            raise SqsError("AccessDenied", f"Access to the resource {queue.url(self.base_url)} is denied.")


def required(parameters: Mapping[str, Any], name: str) -> Any:
    """Return the parameter. MissingParameter."""
    value = parameters.get(name)
    if value is None or value == "":
        raise missing(name)
    return value
