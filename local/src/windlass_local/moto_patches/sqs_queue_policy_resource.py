"""CloudFormation updates queues and has AWS::SQS::QueuePolicy.

Upstream: an update of AWS::SQS::Queue has no effect, and AWS::SQS::QueuePolicy does not exist.
AWS: both resource types can be created, updated and deleted.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queuepolicy.html
Offered upstream: no.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.sqs.models import Queue, sqs_backends

__all__ = ["PRIVATE_NAMES", "QueuePolicy", "apply"]

PRIVATE_NAMES = (
    "moto.sqs.models.Queue.update_from_cloudformation_json",
    "moto.sqs.models.Queue.has_cfn_attr",
    "moto.core.common_models.CloudFormationModel",
)

_FIXED = ("QueueName", "FifoQueue", "Tags")


def apply() -> None:
    """Let moto's CloudFormation change queues through our backend, and declare the attributes of queues."""
    Queue.update_from_cloudformation_json = classmethod(_update_queue)
    Queue.has_cfn_attr = classmethod(lambda _cls, attribute: attribute in ("Arn", "QueueName", "QueueUrl"))


def _update_queue(
    _cls: type,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    del new_resource_name  # a queue that keeps its logical id keeps its name here
    properties = cloudformation_json.get("Properties", {})
    changed = {key: value for key, value in properties.items() if key not in _FIXED}
    return sqs_backends[account_id][region_name].set_queue_attributes(original_resource.name, changed)


class QueuePolicy(CloudFormationModel):
    """One policy document on one or more queues."""

    __module__ = "moto.sqs.models"  # moto files its models by the service in their module's name

    def __init__(self, name: str, queue_urls: Sequence[str]) -> None:
        self.name = name
        self.queue_urls = tuple(queue_urls)

    @property
    def physical_resource_id(self) -> str:
        """Return what `Ref` returns."""
        return self.name

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return "": the type has no name property."""
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        """Return the type in a template."""
        return "AWS::SQS::QueuePolicy"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return True for Id, the only attribute of `Fn::GetAtt`."""
        return attr == "Id"

    def get_cfn_attribute(self, name: str) -> str:
        """Return what `Fn::GetAtt` returns. KeyError for an unknown attribute."""
        return {"Id": self.name}[name]

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_context: Any
    ) -> QueuePolicy:
        """Put the document on each of its queues."""
        properties: Mapping[str, Any] = cloudformation_json["Properties"]
        document = properties["PolicyDocument"]
        text = document if isinstance(document, str) else json.dumps(document)
        _set_policy(properties["Queues"], text, account_id, region_name)
        return cls(resource_name, properties["Queues"])

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> QueuePolicy:
        """Take the document off the queues that are no longer named, put the new one on the others."""
        properties = cloudformation_json["Properties"]
        dropped = [url for url in original_resource.queue_urls if url not in properties["Queues"]]
        _set_policy(dropped, "", account_id, region_name)
        return cls.create_from_cloudformation_json(
            original_resource.name or new_resource_name, cloudformation_json, account_id, region_name
        )

    def delete(self, account_id: str, region_name: str) -> None:
        """Take the document off its queues, as far as they still exist."""
        queues = sqs_backends[account_id][region_name].queues
        _set_policy([url for url in self.queue_urls if _name(url) in queues], "", account_id, region_name)


def _set_policy(queue_urls: Sequence[str], text: str, account_id: str, region_name: str) -> None:
    for url in queue_urls:
        sqs_backends[account_id][region_name].set_queue_attributes(_name(url), {"Policy": text})


def _name(queue_url: str) -> str:
    return queue_url.rpartition("/")[2]
