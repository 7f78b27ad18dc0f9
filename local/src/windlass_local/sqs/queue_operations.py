"""The operations on queues: create, find, list, describe, change, delete, purge, tags, permissions, move tasks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from windlass_local.sqs import move_tasks, policy
from windlass_local.sqs.call import SqsCall, required
from windlass_local.sqs.errors import SqsError, invalid_value, missing
from windlass_local.sqs.region_queues import as_text
from windlass_local.sqs.resource import SqsQueue
from windlass_local.sqs.send_operation import whole_number

__all__ = [
    "add_permission",
    "cancel_message_move_task",
    "create_queue",
    "delete_queue",
    "get_queue_attributes",
    "get_queue_url",
    "list_dead_letter_source_queues",
    "list_message_move_tasks",
    "list_queue_tags",
    "list_queues",
    "purge_queue",
    "remove_permission",
    "set_queue_attributes",
    "start_message_move_task",
    "tag_queue",
    "untag_queue",
]

_PURGE_INTERVAL_S = 60
_MAX_TAGS = 50
_PAGE = 1000
Answer = dict[str, Any]


def create_queue(call: SqsCall) -> Answer:
    """Answer CreateQueue."""
    name = required(call.parameters, "QueueName")
    attributes = {key: as_text(value) for key, value in (call.parameters.get("Attributes") or {}).items()}
    tags = call.parameters.get("tags") or {}
    region = call.queues
    with region.lock:
        return {"QueueUrl": region.create(name, attributes, tags, call.now_s).url(call.base_url)}


def get_queue_url(call: SqsCall) -> Answer:
    """Answer GetQueueUrl, for another account's queue too when its policy permits the caller."""
    owner = call.parameters.get("QueueOwnerAWSAccountId") or call.account_id
    queue = call.queues_of(owner).find(required(call.parameters, "QueueName"))
    call.authorize(queue)
    return {"QueueUrl": queue.url(call.base_url)}


def list_queues(call: SqsCall) -> Answer:
    """Answer ListQueues."""
    prefix = call.parameters.get("QueueNamePrefix") or ""
    region = call.queues
    with region.lock:
        result = sorted(
            (queue for queue in region.queues.values() if queue.name.startswith(prefix)), key=lambda q: q.name
        )
    return _page(call, result, "QueueUrls")


def list_dead_letter_source_queues(call: SqsCall) -> Answer:
    """Answer ListDeadLetterSourceQueues (whose list is spelled `queueUrls`)."""
    region, queue = call.locate()
    with region.lock:
        return _page(call, sorted(region.sources_of(queue), key=lambda q: q.name), "queueUrls")


def _page(call: SqsCall, queues: Sequence[SqsQueue], key: str) -> Answer:
    limit = whole_number(call.parameters, "MaxResults", low=1, high=_PAGE)
    token = call.parameters.get("NextToken")
    if token:
        try:
            after = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, ValueError):
            raise invalid_value(token, "NextToken", "Unable to decode.") from None
        queues = [queue for queue in queues if queue.name > after]
    page = queues[: limit or _PAGE]
    response: Answer = {key: [source.url(call.base_url) for source in page]} if page or key == "queueUrls" else {}
    if limit and len(queues) > len(page):
        response["NextToken"] = base64.b64encode(page[-1].name.encode()).decode()
    return response


def get_queue_attributes(call: SqsCall) -> Answer:
    """Answer GetQueueAttributes."""
    region, queue = call.locate()
    names = call.parameters.get("AttributeNames") or []
    with region.lock:
        result = queue.describe(names, call.now_s)
    return {"Attributes": result} if result else {}


def set_queue_attributes(call: SqsCall) -> Answer:
    """Answer SetQueueAttributes."""
    region, queue = call.locate()
    attributes = {key: as_text(value) for key, value in required(call.parameters, "Attributes").items()}
    with region.lock:
        region.change(queue, attributes, call.now_s)
    return {}


def delete_queue(call: SqsCall) -> Answer:
    """Answer DeleteQueue. The name can be used again at once (AWS requires 60 s)."""
    region, queue = call.locate()
    with region.lock:
        region.remove(queue)
    return {}


def purge_queue(call: SqsCall) -> Answer:
    """Answer PurgeQueue, at most once a minute per queue."""
    region, queue = call.locate()
    with region.lock:
        if call.now_s - queue.purged_s < _PURGE_INTERVAL_S:
            raise SqsError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every {_PURGE_INTERVAL_S} seconds.",
            )
        queue.core.purge()
        queue.purged_s = call.now_s
    return {}


def tag_queue(call: SqsCall) -> Answer:
    """Answer TagQueue."""
    region, queue = call.locate()
    tags = required(call.parameters, "Tags")
    with region.lock:
        merged = {**queue.tags, **tags}
        if len(merged) > _MAX_TAGS:
            raise SqsError("InvalidParameterValue", f"Too many tags added for queue {queue.name}.")
        queue.tags = merged
    return {}


def untag_queue(call: SqsCall) -> Answer:
    """Answer UntagQueue; a tag that does not exist is no error."""
    region, queue = call.locate()
    keys = set(required(call.parameters, "TagKeys"))
    with region.lock:
        queue.tags = {key: value for key, value in queue.tags.items() if key not in keys}
    return {}


def list_queue_tags(call: SqsCall) -> Answer:
    """Answer ListQueueTags."""
    _, queue = call.locate()
    return {"Tags": dict(queue.tags)} if queue.tags else {}


def add_permission(call: SqsCall) -> Answer:
    """Answer AddPermission."""
    region, queue = call.locate()
    account_ids = required(call.parameters, "AWSAccountIds")
    actions = required(call.parameters, "Actions")
    with region.lock:
        changed = policy.add_permission(
            queue.attributes.get("Policy", ""),
            label=required(call.parameters, "Label"),
            account_ids=account_ids,
            actions=actions,
            queue_arn=queue.queue_arn,
        )
        queue.set_attributes({"Policy": changed}, call.now_s)
    return {}


def remove_permission(call: SqsCall) -> Answer:
    """Answer RemovePermission."""
    region, queue = call.locate()
    with region.lock:
        before = queue.attributes.get("Policy", "")
        changed = policy.remove_permission(before, label=required(call.parameters, "Label"))
        queue.set_attributes({"Policy": changed}, call.now_s)
    return {}


def start_message_move_task(call: SqsCall) -> Answer:
    """Answer StartMessageMoveTask."""
    source = _queue_by_arn(call, required(call.parameters, "SourceArn"))
    destination_arn = call.parameters.get("DestinationArn")
    destination = _queue_by_arn(call, destination_arn) if destination_arn else None
    per_s = whole_number(call.parameters, "MaxNumberOfMessagesPerSecond", low=1, high=500)
    region = call.queues
    with region.lock:
        return {"TaskHandle": move_tasks.start(region, source, destination, per_s, call.now_s).handle}


def list_message_move_tasks(call: SqsCall) -> Answer:
    """Answer ListMessageMoveTasks, newest first."""
    source = _queue_by_arn(call, required(call.parameters, "SourceArn"))
    limit = whole_number(call.parameters, "MaxResults", low=1, high=10) or 1
    region = call.queues
    with region.lock:
        tasks = [task for task in reversed(region.moves) if task.source is source]
        return {"Results": move_tasks.describe(tasks[:limit])}


def cancel_message_move_task(call: SqsCall) -> Answer:
    """Answer CancelMessageMoveTask."""
    region = call.queues
    with region.lock:
        task = move_tasks.cancel(region, required(call.parameters, "TaskHandle"))
    return {"ApproximateNumberOfMessagesMoved": task.moved}


def _queue_by_arn(call: SqsCall, arn: str) -> SqsQueue:
    if arn.count(":") != 5:
        raise missing("SourceArn") if not arn else invalid_value(arn, "SourceArn", "Not a queue's ARN.")
    queue = call.queues.by_arn(arn)
    if queue is None:
        raise SqsError(
            "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."
        )
    return queue
