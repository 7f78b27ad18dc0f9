"""AWS::Lambda::Function, EventSourceMapping and Permission; AWS::Logs::LogGroup."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, selected, tags_of

__all__ = ["KINDS"]

_CONFIGURATION = (
    "Description",
    "Handler",
    "Role",
    "Runtime",
    "Timeout",
    "MemorySize",
    "Environment",
    "Layers",
    "DeadLetterConfig",
    "TracingConfig",
    "KmsKeyArn",
    "EphemeralStorage",
    "LoggingConfig",
    "VpcConfig",
)
_MAPPING = (
    "BatchSize",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "ScalingConfig",
    "MaximumRetryAttempts",
)


def _code(value: Props) -> dict[str, Any]:
    """Return the code; inline code becomes index.py in a zip, as in Lambda."""
    if "ZipFile" not in value:
        return dict(value)
    created = io.BytesIO()
    with zipfile.ZipFile(created, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", (2026, 1, 1, 0, 0, 0)), str(value["ZipFile"]))
    return {"ZipFile": created.getvalue()}


def _configuration(props: Props) -> dict[str, Any]:
    result = selected(props, *_CONFIGURATION)
    for name in ("Timeout", "MemorySize"):
        if name in result:
            result[name] = int(result[name])
    return result


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    created = context.call(
        "lambda",
        "create_function",
        FunctionName=name,
        Code=_code(props["Code"]),
        Tags=tags_of(props),
        **_configuration(props),
        **selected(props, "Architectures", "PackageType"),
    )
    _reserve(context, name, {}, props)
    return Created(name, {"Arn": created["FunctionArn"]})


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    if before["Code"] != props["Code"]:
        context.call("lambda", "update_function_code", FunctionName=created.id, **_code(props["Code"]))
    now, was = _configuration(props), _configuration(before)
    if now != was:
        context.call("lambda", "update_function_configuration", FunctionName=created.id, **now)
    _reserve(context, created.id, before, props)
    return created


def _reserve(context: ResourceContext, name: str, before: Props, props: Props) -> None:
    reserved = props.get("ReservedConcurrentExecutions")
    if reserved == before.get("ReservedConcurrentExecutions"):
        return
    if reserved is None:
        context.call("lambda", "delete_function_concurrency", FunctionName=name)
    else:
        context.call(
            "lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=int(reserved)
        )


def _delete(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("lambda", "delete_function", FunctionName=created.id)


def _mapping(props: Props) -> dict[str, Any]:
    result = selected(props, *_MAPPING)
    for name in ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts"):
        if name in result:
            result[name] = int(result[name])
    if "ScalingConfig" in result:
        result["ScalingConfig"] = {"MaximumConcurrency": int(result["ScalingConfig"]["MaximumConcurrency"])}
    return result


def _create_mapping(context: ResourceContext, _name: str, props: Props) -> Created:
    created = context.call(
        "lambda", "create_event_source_mapping", **selected(props, "FunctionName", "EventSourceArn"), **_mapping(props)
    )
    return Created(
        created["UUID"],
        {
            "Id": created["UUID"],
            "EventSourceMappingArn": context.arn("lambda", f"event-source-mapping:{created['UUID']}"),
        },
    )


def _update_mapping(context: ResourceContext, created: Created, _before: Props, props: Props) -> Created:
    context.call(
        "lambda", "update_event_source_mapping", UUID=created.id, FunctionName=props["FunctionName"], **_mapping(props)
    )
    return created


def _delete_mapping(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("lambda", "delete_event_source_mapping", UUID=created.id)


def _create_permission(context: ResourceContext, name: str, props: Props) -> Created:
    params = selected(props, "Action", "FunctionName", "Principal", "SourceArn", "SourceAccount")
    context.call("lambda", "add_permission", StatementId=name, **params)
    return Created(name, {"Id": name})


def _update_permission(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    _delete_permission(context, created, before)
    return _create_permission(context, created.id, props)


def _delete_permission(context: ResourceContext, created: Created, props: Props) -> None:
    context.gone("lambda", "remove_permission", FunctionName=props["FunctionName"], StatementId=created.id)


def _create_group(context: ResourceContext, name: str, props: Props) -> Created:
    context.call("logs", "create_log_group", logGroupName=name, tags=tags_of(props))
    _keep(context, name, props)
    return Created(name, {"Arn": context.arn("logs", f"log-group:{name}:*")})


def _keep(context: ResourceContext, name: str, props: Props) -> None:
    if "RetentionInDays" in props:
        context.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=int(props["RetentionInDays"]))


def _update_group(context: ResourceContext, created: Created, _before: Props, props: Props) -> Created:
    _keep(context, created.id, props)
    return created


def _delete_group(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("logs", "delete_log_group", logGroupName=created.id)


KINDS = (
    ResourceType("AWS::Lambda::Function", "FunctionName", _create, _update, _delete, ("FunctionName",)),
    ResourceType(
        "AWS::Lambda::EventSourceMapping", "", _create_mapping, _update_mapping, _delete_mapping, ("EventSourceArn",)
    ),
    ResourceType("AWS::Lambda::Permission", "", _create_permission, _update_permission, _delete_permission),
    ResourceType("AWS::Logs::LogGroup", "LogGroupName", _create_group, _update_group, _delete_group, ("LogGroupName",)),
)
