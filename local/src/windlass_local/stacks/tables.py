"""AWS::DynamoDB::Table."""

from __future__ import annotations

from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, chosen, tags_of

__all__ = ["KINDS"]


def _create(here: Here, name: str, props: Props) -> Made:
    params = chosen(
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
        given = props["SSESpecification"]
        params["SSESpecification"] = {"Enabled": given["SSEEnabled"]} | chosen(given, "SSEType", "KMSMasterKeyId")
    if "StreamSpecification" in props:
        params["StreamSpecification"] = {"StreamEnabled": True, **props["StreamSpecification"]}
    tags = [{"Key": key, "Value": value} for key, value in tags_of(props).items()]
    made = here.call("dynamodb", "create_table", TableName=name, Tags=tags, **params)["TableDescription"]
    _settle(here, name, {}, props)
    return Made(name, {"Arn": made["TableArn"], "StreamArn": made.get("LatestStreamArn", "")})


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    changed: dict[str, Any] = {
        name: props[name]
        for name in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass")
        if name in props and before.get(name) != props[name]
    }
    if changed:
        here.call("dynamodb", "update_table", TableName=made.id, **changed)
    _settle(here, made.id, before, props)
    return made


def _settle(here: Here, name: str, before: Props, props: Props) -> None:
    """What has calls of its own."""
    now, was = props.get("TimeToLiveSpecification"), before.get("TimeToLiveSpecification")
    if now != was:
        given = now or {**(was or {}), "Enabled": False}
        here.call("dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=given)
    recovery = props.get("PointInTimeRecoverySpecification")
    if recovery != before.get("PointInTimeRecoverySpecification") and recovery:
        here.call("dynamodb", "update_continuous_backups", TableName=name, PointInTimeRecoverySpecification=recovery)


def _delete(here: Here, made: Made, _props: Props) -> None:
    here.gone("dynamodb", "delete_table", TableName=made.id)


KINDS = (
    Kind(
        "AWS::DynamoDB::Table",
        "TableName",
        _create,
        _update,
        _delete,
        ("TableName", "KeySchema", "LocalSecondaryIndexes"),
    ),
)
