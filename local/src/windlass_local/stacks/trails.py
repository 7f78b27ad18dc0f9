"""AWS::CloudTrail::Trail, AWS::Glue::Database and Table, AWS::Athena::WorkGroup and NamedQuery."""

from __future__ import annotations

from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, chosen, tags_of

__all__ = ["KINDS"]


def _trail(props: Props) -> dict[str, Any]:
    found = chosen(
        props, "S3BucketName", "S3KeyPrefix", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "IsOrganizationTrail"
    )
    key = {"KmsKeyId": props["KMSKeyId"]} if "KMSKeyId" in props else {}
    return found | key | {"EnableLogFileValidation": props.get("EnableLogFileValidation", False)}


def _selectors(here: Here, name: str, props: Props) -> None:
    advanced = props.get("AdvancedEventSelectors")
    if advanced:
        here.call("cloudtrail", "put_event_selectors", TrailName=name, AdvancedEventSelectors=list(advanced))
    elif props.get("EventSelectors"):
        here.call("cloudtrail", "put_event_selectors", TrailName=name, EventSelectors=list(props["EventSelectors"]))
    here.call("cloudtrail", "start_logging" if props["IsLogging"] else "stop_logging", Name=name)


def _create(here: Here, name: str, props: Props) -> Made:
    tags = [{"Key": key, "Value": value} for key, value in tags_of(props).items()]
    made = here.call("cloudtrail", "create_trail", Name=name, TagsList=tags, **_trail(props))
    _selectors(here, name, props)
    return Made(name, {"Arn": made["TrailARN"]})


def _update(here: Here, made: Made, _before: Props, props: Props) -> Made:
    here.call("cloudtrail", "update_trail", Name=made.id, **_trail(props))
    _selectors(here, made.id, props)
    return made


def _delete(here: Here, made: Made, _props: Props) -> None:
    here.gone("cloudtrail", "delete_trail", Name=made.id)


def _create_database(here: Here, _name: str, props: Props) -> Made:
    given = props["DatabaseInput"]
    here.call("glue", "create_database", DatabaseInput=given)
    return Made(given["Name"])


def _update_database(here: Here, made: Made, _before: Props, props: Props) -> Made:
    here.call("glue", "update_database", Name=made.id, DatabaseInput=props["DatabaseInput"])
    return made


def _delete_database(here: Here, made: Made, _props: Props) -> None:
    here.gone("glue", "delete_database", Name=made.id)


def _create_table(here: Here, _name: str, props: Props) -> Made:
    given = props["TableInput"]
    here.call("glue", "create_table", DatabaseName=props["DatabaseName"], TableInput=given)
    return Made(given["Name"])


def _update_table(here: Here, made: Made, _before: Props, props: Props) -> Made:
    here.call("glue", "update_table", DatabaseName=props["DatabaseName"], TableInput=props["TableInput"])
    return made


def _delete_table(here: Here, made: Made, props: Props) -> None:
    here.gone("glue", "delete_table", DatabaseName=props["DatabaseName"], Name=made.id)


def _create_group(here: Here, name: str, props: Props) -> Made:
    here.call(
        "athena",
        "create_work_group",
        Name=name,
        Description=props.get("Description", ""),
        Configuration=props.get("WorkGroupConfiguration", {}),
        Tags=[{"Key": key, "Value": value} for key, value in tags_of(props).items()],
    )
    return Made(name)


def _update_group(here: Here, made: Made, before: Props, props: Props) -> Made:
    # The embedded AWS has no UpdateWorkGroup; a new one of the same name is the same.
    _delete_group(here, made, before)
    return _create_group(here, made.id, props)


def _delete_group(here: Here, made: Made, props: Props) -> None:
    recursive = bool(props.get("RecursiveDeleteOption", False))
    here.gone("athena", "delete_work_group", WorkGroup=made.id, RecursiveDeleteOption=recursive)


def _create_query(here: Here, _name: str, props: Props) -> Made:
    made = here.call(
        "athena", "create_named_query", **chosen(props, "Name", "Description", "Database", "QueryString", "WorkGroup")
    )
    return Made(made["NamedQueryId"], {"NamedQueryId": made["NamedQueryId"]})


def _update_query(here: Here, _made: Made, _before: Props, props: Props) -> Made:
    return _create_query(here, "", props)


def _delete_query(_here: Here, _made: Made, _props: Props) -> None:
    """moto keeps named queries for ever."""


KINDS = (
    Kind("AWS::CloudTrail::Trail", "TrailName", _create, _update, _delete, ("TrailName",)),
    Kind("AWS::Glue::Database", "", _create_database, _update_database, _delete_database),
    Kind("AWS::Glue::Table", "", _create_table, _update_table, _delete_table, ("DatabaseName",)),
    Kind("AWS::Athena::WorkGroup", "Name", _create_group, _update_group, _delete_group, ("Name",)),
    Kind("AWS::Athena::NamedQuery", "", _create_query, _update_query, _delete_query),
)
