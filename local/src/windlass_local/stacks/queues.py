"""AWS::SQS::Queue and QueuePolicy."""

from __future__ import annotations

import json
from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, tags_of

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


def _create(here: Here, name: str, props: Props) -> Made:
    url = here.call("sqs", "create_queue", QueueName=name, Attributes=_attributes(props), tags=tags_of(props))[
        "QueueUrl"
    ]
    return Made(url, {"Arn": here.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    attributes, was = _attributes(props), _attributes(before)
    changed = {name: value for name, value in attributes.items() if was.get(name) != value}
    if changed:
        here.call("sqs", "set_queue_attributes", QueueUrl=made.id, Attributes=changed)
    tags, gone = tags_of(props), [key for key in tags_of(before) if key not in tags_of(props)]
    if tags:
        here.call("sqs", "tag_queue", QueueUrl=made.id, Tags=tags)
    if gone:
        here.call("sqs", "untag_queue", QueueUrl=made.id, TagKeys=gone)
    return made


def _delete(here: Here, made: Made, _props: Props) -> None:
    here.gone("sqs", "delete_queue", QueueUrl=made.id)


def _set_policies(here: Here, urls: list[str], policy: str) -> None:
    for url in urls:
        here.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": policy})


def _create_policy(here: Here, name: str, props: Props) -> Made:
    _set_policies(here, props["Queues"], json.dumps(props["PolicyDocument"]))
    return Made(name)


def _update_policy(here: Here, made: Made, before: Props, props: Props) -> Made:
    for url in [one for one in before["Queues"] if one not in props["Queues"]]:
        here.gone("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})
    return _create_policy(here, made.id, props)


def _delete_policy(here: Here, _made: Made, props: Props) -> None:
    for url in props["Queues"]:
        here.gone("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})


KINDS = (
    Kind("AWS::SQS::Queue", "QueueName", _create, _update, _delete, ("QueueName", "FifoQueue")),
    Kind("AWS::SQS::QueuePolicy", "", _create_policy, _update_policy, _delete_policy),
)
