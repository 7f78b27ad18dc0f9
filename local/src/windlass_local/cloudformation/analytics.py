"""AWS::CloudTrail::Trail, AWS::Glue::Database and Table, AWS::Athena::WorkGroup and NamedQuery."""

from __future__ import annotations

from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, selected, tags_of

__all__ = ["KINDS"]


def _trail(props: Props) -> dict[str, Any]:
    result = selected(
        props, "S3BucketName", "S3KeyPrefix", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "IsOrganizationTrail"
    )
    key = {"KmsKeyId": props["KMSKeyId"]} if "KMSKeyId" in props else {}
    return result | key | {"EnableLogFileValidation": props.get("EnableLogFileValidation", False)}


def _selectors(context: ResourceContext, name: str, props: Props) -> None:
    advanced = props.get("AdvancedEventSelectors")
    if advanced:
        context.call("cloudtrail", "put_event_selectors", TrailName=name, AdvancedEventSelectors=list(advanced))
    elif props.get("EventSelectors"):
        context.call("cloudtrail", "put_event_selectors", TrailName=name, EventSelectors=list(props["EventSelectors"]))
    context.call("cloudtrail", "start_logging" if props["IsLogging"] else "stop_logging", Name=name)


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    tags = [{"Key": key, "Value": value} for key, value in tags_of(props).items()]
    created = context.call("cloudtrail", "create_trail", Name=name, TagsList=tags, **_trail(props))
    _selectors(context, name, props)
    return Created(name, {"Arn": created["TrailARN"]})


def _update(context: ResourceContext, created: Created, _before: Props, props: Props) -> Created:
    context.call("cloudtrail", "update_trail", Name=created.id, **_trail(props))
    _selectors(context, created.id, props)
    return created


def _delete(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("cloudtrail", "delete_trail", Name=created.id)


def _create_database(context: ResourceContext, _name: str, props: Props) -> Created:
    value = props["DatabaseInput"]
    context.call("glue", "create_database", DatabaseInput=value)
    return Created(value["Name"])


def _update_database(context: ResourceContext, created: Created, _before: Props, props: Props) -> Created:
    context.call("glue", "update_database", Name=created.id, DatabaseInput=props["DatabaseInput"])
    return created


def _delete_database(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("glue", "delete_database", Name=created.id)


def _create_table(context: ResourceContext, _name: str, props: Props) -> Created:
    value = props["TableInput"]
    context.call("glue", "create_table", DatabaseName=props["DatabaseName"], TableInput=value)
    return Created(value["Name"])


def _update_table(context: ResourceContext, created: Created, _before: Props, props: Props) -> Created:
    context.call("glue", "update_table", DatabaseName=props["DatabaseName"], TableInput=props["TableInput"])
    return created


def _delete_table(context: ResourceContext, created: Created, props: Props) -> None:
    context.gone("glue", "delete_table", DatabaseName=props["DatabaseName"], Name=created.id)


def _create_group(context: ResourceContext, name: str, props: Props) -> Created:
    context.call(
        "athena",
        "create_work_group",
        Name=name,
        Description=props.get("Description", ""),
        Configuration=props.get("WorkGroupConfiguration", {}),
        Tags=[{"Key": key, "Value": value} for key, value in tags_of(props).items()],
    )
    return Created(name)


def _update_group(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    # The embedded AWS has no UpdateWorkGroup, so the workgroup is created again under its name.
    _delete_group(context, created, before)
    return _create_group(context, created.id, props)


def _delete_group(context: ResourceContext, created: Created, props: Props) -> None:
    recursive = bool(props.get("RecursiveDeleteOption", False))
    context.gone("athena", "delete_work_group", WorkGroup=created.id, RecursiveDeleteOption=recursive)


def _create_query(context: ResourceContext, _name: str, props: Props) -> Created:
    created = context.call(
        "athena", "create_named_query", **selected(props, "Name", "Description", "Database", "QueryString", "WorkGroup")
    )
    return Created(created["NamedQueryId"], {"NamedQueryId": created["NamedQueryId"]})


def _update_query(context: ResourceContext, _made: Created, _before: Props, props: Props) -> Created:
    return _create_query(context, "", props)


def _delete_query(_here: ResourceContext, _made: Created, _props: Props) -> None:
    """Do nothing: moto keeps named queries for ever."""


KINDS = (
    ResourceType("AWS::CloudTrail::Trail", "TrailName", _create, _update, _delete, ("TrailName",)),
    ResourceType("AWS::Glue::Database", "", _create_database, _update_database, _delete_database),
    ResourceType("AWS::Glue::Table", "", _create_table, _update_table, _delete_table, ("DatabaseName",)),
    ResourceType("AWS::Athena::WorkGroup", "Name", _create_group, _update_group, _delete_group, ("Name",)),
    ResourceType("AWS::Athena::NamedQuery", "", _create_query, _update_query, _delete_query),
)
