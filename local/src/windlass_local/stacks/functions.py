"""AWS::Lambda::Function, EventSourceMapping and Permission; AWS::Logs::LogGroup."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, chosen, tags_of

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


def _code(given: Props) -> dict[str, Any]:
    """Inline code is index.py (Lambda's name for it) in a zip."""
    if "ZipFile" not in given:
        return dict(given)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", (2026, 1, 1, 0, 0, 0)), str(given["ZipFile"]))
    return {"ZipFile": made.getvalue()}


def _configuration(props: Props) -> dict[str, Any]:
    found = chosen(props, *_CONFIGURATION)
    for name in ("Timeout", "MemorySize"):
        if name in found:
            found[name] = int(found[name])
    return found


def _create(here: Here, name: str, props: Props) -> Made:
    made = here.call(
        "lambda",
        "create_function",
        FunctionName=name,
        Code=_code(props["Code"]),
        Tags=tags_of(props),
        **_configuration(props),
        **chosen(props, "Architectures", "PackageType"),
    )
    _reserve(here, name, {}, props)
    return Made(name, {"Arn": made["FunctionArn"]})


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    if before["Code"] != props["Code"]:
        here.call("lambda", "update_function_code", FunctionName=made.id, **_code(props["Code"]))
    now, was = _configuration(props), _configuration(before)
    if now != was:
        here.call("lambda", "update_function_configuration", FunctionName=made.id, **now)
    _reserve(here, made.id, before, props)
    return made


def _reserve(here: Here, name: str, before: Props, props: Props) -> None:
    reserved = props.get("ReservedConcurrentExecutions")
    if reserved == before.get("ReservedConcurrentExecutions"):
        return
    if reserved is None:
        here.call("lambda", "delete_function_concurrency", FunctionName=name)
    else:
        here.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=int(reserved))


def _delete(here: Here, made: Made, _props: Props) -> None:
    here.gone("lambda", "delete_function", FunctionName=made.id)


def _mapping(props: Props) -> dict[str, Any]:
    found = chosen(props, *_MAPPING)
    for name in ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts"):
        if name in found:
            found[name] = int(found[name])
    if "ScalingConfig" in found:
        found["ScalingConfig"] = {"MaximumConcurrency": int(found["ScalingConfig"]["MaximumConcurrency"])}
    return found


def _create_mapping(here: Here, _name: str, props: Props) -> Made:
    made = here.call(
        "lambda", "create_event_source_mapping", **chosen(props, "FunctionName", "EventSourceArn"), **_mapping(props)
    )
    return Made(
        made["UUID"],
        {"Id": made["UUID"], "EventSourceMappingArn": here.arn("lambda", f"event-source-mapping:{made['UUID']}")},
    )


def _update_mapping(here: Here, made: Made, _before: Props, props: Props) -> Made:
    here.call(
        "lambda", "update_event_source_mapping", UUID=made.id, FunctionName=props["FunctionName"], **_mapping(props)
    )
    return made


def _delete_mapping(here: Here, made: Made, _props: Props) -> None:
    here.gone("lambda", "delete_event_source_mapping", UUID=made.id)


def _create_permission(here: Here, name: str, props: Props) -> Made:
    params = chosen(props, "Action", "FunctionName", "Principal", "SourceArn", "SourceAccount")
    here.call("lambda", "add_permission", StatementId=name, **params)
    return Made(name, {"Id": name})


def _update_permission(here: Here, made: Made, before: Props, props: Props) -> Made:
    _delete_permission(here, made, before)
    return _create_permission(here, made.id, props)


def _delete_permission(here: Here, made: Made, props: Props) -> None:
    here.gone("lambda", "remove_permission", FunctionName=props["FunctionName"], StatementId=made.id)


def _create_group(here: Here, name: str, props: Props) -> Made:
    here.call("logs", "create_log_group", logGroupName=name, tags=tags_of(props))
    _keep(here, name, props)
    return Made(name, {"Arn": here.arn("logs", f"log-group:{name}:*")})


def _keep(here: Here, name: str, props: Props) -> None:
    if "RetentionInDays" in props:
        here.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=int(props["RetentionInDays"]))


def _update_group(here: Here, made: Made, _before: Props, props: Props) -> Made:
    _keep(here, made.id, props)
    return made


def _delete_group(here: Here, made: Made, _props: Props) -> None:
    here.gone("logs", "delete_log_group", logGroupName=made.id)


KINDS = (
    Kind("AWS::Lambda::Function", "FunctionName", _create, _update, _delete, ("FunctionName",)),
    Kind("AWS::Lambda::EventSourceMapping", "", _create_mapping, _update_mapping, _delete_mapping, ("EventSourceArn",)),
    Kind("AWS::Lambda::Permission", "", _create_permission, _update_permission, _delete_permission),
    Kind("AWS::Logs::LogGroup", "LogGroupName", _create_group, _update_group, _delete_group, ("LogGroupName",)),
)
