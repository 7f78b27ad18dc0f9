"""AWS::Events::Rule with its targets."""

from __future__ import annotations

import json
from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, pruned

__all__ = ["KINDS"]


def _put(here: Here, name: str, props: Props) -> None:
    params: dict[str, Any] = {"State": props.get("State", "ENABLED"), "Description": props.get("Description", "")}
    if "EventPattern" in props:
        params["EventPattern"] = json.dumps(props["EventPattern"])
    if "ScheduleExpression" in props:
        params["ScheduleExpression"] = props["ScheduleExpression"]
    here.call("events", "put_rule", Name=name, **params)
    targets = pruned(list(props.get("Targets", ())))
    if targets:
        here.call("events", "put_targets", Rule=name, Targets=targets)


def _create(here: Here, name: str, props: Props) -> Made:
    _put(here, name, props)
    return Made(name, {"Arn": here.arn("events", f"rule/{name}")})


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    _put(here, made.id, props)
    kept = {one["Id"] for one in props.get("Targets", ())}
    gone = [one["Id"] for one in before.get("Targets", ()) if one["Id"] not in kept]
    if gone:
        here.call("events", "remove_targets", Rule=made.id, Ids=gone)
    return made


def _delete(here: Here, made: Made, props: Props) -> None:
    ids = [one["Id"] for one in props.get("Targets", ())]
    if ids:
        here.gone("events", "remove_targets", Rule=made.id, Ids=ids)
    here.gone("events", "delete_rule", Name=made.id)


KINDS = (Kind("AWS::Events::Rule", "Name", _create, _update, _delete, ("Name",)),)
