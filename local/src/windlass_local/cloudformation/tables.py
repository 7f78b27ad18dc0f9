"""AWS::DynamoDB::Table."""

from __future__ import annotations

from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, selected, tags_of

__all__ = ["KINDS"]


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    params = selected(
        props,
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "ProvisionedThroughput",
        "DeletionProtectionEnabled",
        "TableClass",
    )
    if "SSESpecification" in props:
        argument = props["SSESpecification"]
        params["SSESpecification"] = {"Enabled": argument["SSEEnabled"]} | selected(
            argument, "SSEType", "KMSMasterKeyId"
        )
    if "StreamSpecification" in props:
        params["StreamSpecification"] = {"StreamEnabled": True, **props["StreamSpecification"]}
    tags = [{"Key": key, "Value": value} for key, value in tags_of(props).items()]
    created = context.call("dynamodb", "create_table", TableName=name, Tags=tags, **params)["TableDescription"]
    _settle(context, name, {}, props)
    return Created(name, {"Arn": created["TableArn"], "StreamArn": created.get("LatestStreamArn", "")})


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    changed: dict[str, Any] = {
        name: props[name]
        for name in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass")
        if name in props and before.get(name) != props[name]
    }
    if changed:
        context.call("dynamodb", "update_table", TableName=created.id, **changed)
    _settle(context, created.id, before, props)
    return created


def _settle(context: ResourceContext, name: str, before: Props, props: Props) -> None:
    """Apply the properties that have separate calls."""
    now, was = props.get("TimeToLiveSpecification"), before.get("TimeToLiveSpecification")
    if now != was:
        value = now or {**(was or {}), "Enabled": False}
        context.call("dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=value)
    recovery = props.get("PointInTimeRecoverySpecification")
    if recovery != before.get("PointInTimeRecoverySpecification") and recovery:
        context.call("dynamodb", "update_continuous_backups", TableName=name, PointInTimeRecoverySpecification=recovery)


def _delete(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("dynamodb", "delete_table", TableName=created.id)


KINDS = (
    ResourceType(
        "AWS::DynamoDB::Table",
        "TableName",
        _create,
        _update,
        _delete,
        ("TableName", "KeySchema", "LocalSecondaryIndexes"),
    ),
)
