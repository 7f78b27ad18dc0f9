"""A DynamoDB table with the string key `id` and on-demand billing. `desired`: the `ttl` attribute.

A table of others is used unchanged, if it has the same key.
"""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.errors import Conflict
from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, find, tag_list, tags_of
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "read", "update"]

_KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
_BEING_CREATED = ("ResourceInUseException", "ResourceNotFoundException", "being created", "being updated")


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the table, its key and its time to live."""
    response = find(call, "dynamodb", "DescribeTable", TableName=resource.name)
    if response is None or response["Table"]["TableStatus"] == "DELETING":
        return None
    table = response["Table"]
    ttl = call("dynamodb", "DescribeTimeToLive", TableName=resource.name)["TimeToLiveDescription"]
    lives = ttl.get("AttributeName", "") if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") else ""
    tags = tags_of(call("dynamodb", "ListTagsOfResource", ResourceArn=table["TableArn"]).get("Tags"))
    actual = {"ttl": lives, "key": table["KeySchema"]}
    return ExistingResource(
        resource.name, tags, actual, {"arn": table["TableArn"], "state": table["TableStatus"].lower()}
    )


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the table, then its time to live."""
    params = {
        "TableName": resource.name,
        "KeySchema": _KEY,
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": tag_list(tags),
    }
    created = ApiCall(
        resource.purpose,
        "dynamodb",
        "CreateTable",
        params,
        f"table {resource.name}",
        ("being deleted", "ResourceInUse"),
    )
    return (created, _time_to_live(resource))


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update the time to live of our own table."""
    if existing.actual["key"] != _KEY:
        raise Conflict(
            f"table {resource.name} does not have the string key `id`", hint="Name another table in windlass.toml."
        )
    return (_time_to_live(resource),) if ours and existing.actual["ttl"] != resource.desired["ttl"] else ()


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the table with its contents."""
    if not ours:
        return ()
    return (ApiCall(resource.purpose, "dynamodb", "DeleteTable", {"TableName": existing.id}, f"table {resource.name}"),)


def _time_to_live(resource: StackResource) -> ApiCall:
    params = {
        "TableName": resource.name,
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": resource.desired["ttl"]},
    }
    return ApiCall(
        resource.purpose, "dynamodb", "UpdateTimeToLive", params, f"time to live of {resource.name}", _BEING_CREATED
    )
