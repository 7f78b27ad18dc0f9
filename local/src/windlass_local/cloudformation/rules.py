"""AWS::Events::Rule with its targets."""

from __future__ import annotations

import json
from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, pruned

__all__ = ["KINDS"]


def _put(context: ResourceContext, name: str, props: Props) -> None:
    params: dict[str, Any] = {"State": props.get("State", "ENABLED"), "Description": props.get("Description", "")}
    if "EventPattern" in props:
        params["EventPattern"] = json.dumps(props["EventPattern"])
    if "ScheduleExpression" in props:
        params["ScheduleExpression"] = props["ScheduleExpression"]
    context.call("events", "put_rule", Name=name, **params)
    targets = pruned(list(props.get("Targets", ())))
    if targets:
        context.call("events", "put_targets", Rule=name, Targets=targets)


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    _put(context, name, props)
    return Created(name, {"Arn": context.arn("events", f"rule/{name}")})


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    _put(context, created.id, props)
    stored = {target["Id"] for target in props.get("Targets", ())}
    removed = [target["Id"] for target in before.get("Targets", ()) if target["Id"] not in stored]
    if removed:
        context.call("events", "remove_targets", Rule=created.id, Ids=removed)
    return created


def _delete(context: ResourceContext, created: Created, props: Props) -> None:
    ids = [target["Id"] for target in props.get("Targets", ())]
    if ids:
        context.gone("events", "remove_targets", Rule=created.id, Ids=ids)
    context.gone("events", "delete_rule", Name=created.id)


KINDS = (ResourceType("AWS::Events::Rule", "Name", _create, _update, _delete, ("Name",)),)
