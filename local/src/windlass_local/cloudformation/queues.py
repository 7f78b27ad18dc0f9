"""AWS::SQS::Queue and QueuePolicy."""

from __future__ import annotations

import json
from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, tags_of

__all__ = ["KINDS"]

_ATTRIBUTES = (
    "DelaySeconds",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)


def _attributes(props: Props) -> dict[str, str]:
    return {name: _text(props[name]) for name in _ATTRIBUTES if name in props}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    url = context.call("sqs", "create_queue", QueueName=name, Attributes=_attributes(props), tags=tags_of(props))[
        "QueueUrl"
    ]
    return Created(url, {"Arn": context.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    attributes, was = _attributes(props), _attributes(before)
    changed = {name: value for name, value in attributes.items() if was.get(name) != value}
    if changed:
        context.call("sqs", "set_queue_attributes", QueueUrl=created.id, Attributes=changed)
    tags, removed = tags_of(props), [key for key in tags_of(before) if key not in tags_of(props)]
    if tags:
        context.call("sqs", "tag_queue", QueueUrl=created.id, Tags=tags)
    if removed:
        context.call("sqs", "untag_queue", QueueUrl=created.id, TagKeys=removed)
    return created


def _delete(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("sqs", "delete_queue", QueueUrl=created.id)


def _set_policies(context: ResourceContext, urls: list[str], policy: str) -> None:
    for url in urls:
        context.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": policy})


def _create_policy(context: ResourceContext, name: str, props: Props) -> Created:
    _set_policies(context, props["Queues"], json.dumps(props["PolicyDocument"]))
    return Created(name)


def _update_policy(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    for url in [queue for queue in before["Queues"] if queue not in props["Queues"]]:
        context.gone("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})
    return _create_policy(context, created.id, props)


def _delete_policy(context: ResourceContext, _made: Created, props: Props) -> None:
    for url in props["Queues"]:
        context.gone("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})


KINDS = (
    ResourceType("AWS::SQS::Queue", "QueueName", _create, _update, _delete, ("QueueName", "FifoQueue")),
    ResourceType("AWS::SQS::QueuePolicy", "", _create_policy, _update_policy, _delete_policy),
)
