"""Files with Systems Manager's inventory: answers of the AWS CLI, and the files of a Resource Data Sync.

- `aws ssm list-inventory-entries`: {"InstanceId", "TypeName", "CaptureTime", "Entries": […]}
- `aws ssm get-inventory`: {"Entities": [{"Id", "Data": {type: {"CaptureTime", "Content": […]}}}]}
- a Resource Data Sync: one object a line with `resourceId` and `captureTime`; the key names the type, account and region.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.clock import parse_time
from windlass.core.errors import UsageError
from windlass.facts.model import HostIdentity, Report
from windlass.facts.sources.json_lines import json_objects
from windlass.facts.sources.ssm_types import NODE_TYPE, platform_of, section_of

__all__ = ["SYNC_KEY", "SyncFile", "read", "read_sync_file", "report_of", "sync_file_of"]

SYNC_KEY = re.compile(
    r"(?:^|.*/)(?P<type>(?:AWS|Custom):[^/]+)/accountid=(?P<account>\d{12})/region=(?P<region>[a-z0-9-]+)"
    r"/resourcetype=ManagedInstanceInventory/(?P<host>m?i-[0-9a-f]+)\.json$"
)


@dataclass(frozen=True, slots=True)
class SyncFile:
    """What the key of a Resource Data Sync's file says."""

    type_name: str
    account_id: str
    region: str
    host_id: str


def sync_file_of(key: str) -> SyncFile | None:
    """Return what a key says; None for any other object."""
    match = SYNC_KEY.match(key)
    return SyncFile(match["type"], match["account"], match["region"], match["host"]) if match else None


def read(name: str, text: str, observed_at: datetime) -> Iterator[Report]:
    """Yield the reports of a file. UsageError for another format."""
    sync_file = sync_file_of(name.replace("\\", "/"))
    if sync_file is not None:
        yield from read_sync_file(sync_file, name, text, observed_at)
        return
    for value in json_objects(name, text):
        if "Entities" in value:
            for entity in value["Entities"]:
                yield from _entity_reports(entity, observed_at)
        elif "Entries" in value and "TypeName" in value:
            host = HostIdentity(host_id=str(value.get("InstanceId", "")))
            yield from report_of(host, value["TypeName"], value["Entries"], _time(value, observed_at))
        else:
            raise UsageError(
                f"{name}: this is no inventory of Systems Manager",
                hint="Give the output of `aws ssm list-inventory-entries` or `get-inventory`, or a file of a Resource Data "
                "Sync under its full key (AWS:Application/accountid=…/i-….json).",
            )


def read_sync_file(file: SyncFile, name: str, text: str, observed_at: datetime, platform: str = "") -> Iterator[Report]:
    """Yield the report of a file of a Resource Data Sync. `platform` is the node's PlatformName. UsageError for another format."""
    objects = list(json_objects(name, text))
    nodes = objects if file.type_name == NODE_TYPE else ()
    host = HostIdentity(host_id=file.host_id, account_id=file.account_id, region=file.region, **_names_in(nodes))
    times = [parse_time(value["captureTime"]) for value in objects if value.get("captureTime")]
    yield from report_of(host, file.type_name, objects, max(times, default=observed_at), platform)


def report_of(
    host: HostIdentity, type_name: str, entries: Iterable[Mapping[str, Any]], observed_at: datetime, platform: str = ""
) -> Iterator[Report]:
    """Yield the report of one type of one node; nothing for a type that no section is for."""
    listed = [dict(entry) for entry in entries]
    section = section_of(type_name, listed, platform=platform)
    if section is not None:
        yield Report(host=host, observed_at=observed_at, source="ssm", sections=(section,))


def _entity_reports(entity: Mapping[str, Any], observed_at: datetime) -> Iterator[Report]:
    data: Mapping[str, Any] = entity.get("Data", {})
    nodes = data.get(NODE_TYPE, {}).get("Content", ())
    host = HostIdentity(host_id=str(entity.get("Id", "")), **_names_in(nodes))
    for type_name, item in data.items():
        content = item.get("Content", ())
        yield from report_of(host, type_name, content, _time(item, observed_at), platform_of(nodes))


def _names_in(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the name and the platform in the entries of AWS:InstanceInformation."""
    names = {"name": "", "platform": ""}
    for node in nodes:
        names["name"] = names["name"] or str(node.get("ComputerName") or "")
        names["platform"] = names["platform"] or str(node.get("PlatformType") or "").lower()
    return names


def _time(value: Mapping[str, Any], observed_at: datetime) -> datetime:
    return parse_time(value["CaptureTime"]) if value.get("CaptureTime") else observed_at
