"""Systems Manager's API as a source: managed nodes, their inventory, patches and compliance, as reports.

The time of an inventory type is its CaptureTime, that of patches the end of the scan, that of compliance items, which have
none, the read. A type without a CaptureTime was never gathered: it stays unknown, as does a node without patch state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import WindlassError
from windlass.facts.model import HostIdentity, Report
from windlass.facts.sources.ssm_files import report_of
from windlass.facts.sources.ssm_types import (
    COMPLIANCE_TYPE,
    INVENTORY_TYPES,
    NODE_TYPE,
    PATCH_STATE_TYPE,
    PATCH_TYPE,
    is_of_platform,
)

__all__ = ["Node", "OnFailure", "ReadPages", "list_nodes", "list_patch_states", "list_types", "read_node"]

ReadPages = Callable[..., Iterable[Mapping[str, Any]]]
"""Yields the pages of an operation of SSM in one account and region: `pages(operation, **params)`."""
OnFailure = Callable[[str, WindlassError], None]
"""Called with the operation (and the inventory type) that failed."""

_NODES_OF_A_CALL = 50
_OTHER_OPERATION = frozenset({NODE_TYPE, PATCH_TYPE, PATCH_STATE_TYPE, COMPLIANCE_TYPE})
"""Types that an operation of their own returns."""


@dataclass(frozen=True, slots=True)
class Node:
    """A managed node, its row of DescribeInstanceInformation, and its row of DescribeInstancePatchStates."""

    host: HostIdentity
    information: Mapping[str, Any]
    patch_state: Mapping[str, Any] | None = None

    @property
    def platform(self) -> str:
        """Return the PlatformName: `Ubuntu`, `Microsoft Windows Server 2022 Datacenter`."""
        return str(self.information.get("PlatformName", ""))


def list_nodes(pages: ReadPages, account_id: str, region: str) -> Iterator[Node]:
    """Yield the managed nodes of an account and region."""
    for page in pages("DescribeInstanceInformation"):
        for row in page["InstanceInformationList"]:
            host = HostIdentity(
                host_id=row["InstanceId"],
                account_id=account_id,
                region=region,
                name=row.get("ComputerName", ""),
                platform=row.get("PlatformType", "").lower(),
            )
            yield Node(host, row)


def list_types(pages: ReadPages) -> tuple[str, ...]:
    """Return the inventory types to read from each node: those that a section is for, and the account's custom types."""
    names = {str(schema["TypeName"]) for page in pages("GetInventorySchema") for schema in page["Schemas"]}
    return tuple(
        sorted(name for name in names - _OTHER_OPERATION if name in INVENTORY_TYPES or name.startswith("Custom:"))
    )


def list_patch_states(pages: ReadPages, node_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the patch states by node ID. A node that was never scanned has none."""
    remaining = iter(node_ids)
    states: dict[str, Mapping[str, Any]] = {}
    while ids := list(islice(remaining, _NODES_OF_A_CALL)):
        for page in pages("DescribeInstancePatchStates", InstanceIds=ids):
            states.update({row["InstanceId"]: row for row in page["InstancePatchStates"]})
    return states


def read_node(
    pages: ReadPages, node: Node, types: Sequence[str], *, now: datetime, on_failure: OnFailure
) -> Iterator[Report]:
    """Yield the reports of a node. A call that fails is given to `on_failure`: what it would read stays as it was."""
    pinged_at = node.information.get("LastPingDateTime")
    yield from _report(node, NODE_TYPE, [node.information], pinged_at if isinstance(pinged_at, datetime) else now)
    for name in types:
        if is_of_platform(name, node.platform):
            yield from _attempt(f"ListInventoryEntries {name}", partial(_inventory, pages, node, name), on_failure)
    if node.patch_state is not None:
        yield from _attempt("DescribeInstancePatches", partial(_patches, pages, node), on_failure)
    yield from _attempt("ListComplianceItems", partial(_compliance, pages, node, now), on_failure)


def _attempt(operation: str, read: Callable[[], list[Report]], on_failure: OnFailure) -> list[Report]:
    try:
        return read()
    except WindlassError as error:
        on_failure(operation, error)
        return []


def _inventory(pages: ReadPages, node: Node, type_name: str) -> list[Report]:
    entries: list[Mapping[str, Any]] = []
    captured_at = ""
    for page in pages("ListInventoryEntries", InstanceId=node.information["InstanceId"], TypeName=type_name):
        entries += page.get("Entries", ())
        # The agent may replace the entries between two pages. The older time lets the next read be newer.
        captured_at = min(filter(None, (captured_at, page.get("CaptureTime", ""))), default="")
    return list(_report(node, type_name, entries, parse_time(captured_at))) if captured_at else []


def _patches(pages: ReadPages, node: Node) -> list[Report]:
    """Return the patch state, and the patches of the same scan."""
    state = node.patch_state or {}
    scanned_at: datetime = state["OperationEndTime"]
    summary = _texts(state) | {"OperationType": str(state.get("Operation", ""))}
    reports = list(_report(node, PATCH_STATE_TYPE, [summary], scanned_at))
    if is_of_platform(PATCH_TYPE, node.platform):
        listed = pages("DescribeInstancePatches", InstanceId=node.information["InstanceId"])
        patches = [_texts(patch) for page in listed for patch in page["Patches"]]
        reports += _report(node, PATCH_TYPE, patches, scanned_at)
    return reports


def _compliance(pages: ReadPages, node: Node, now: datetime) -> list[Report]:
    listed = pages(
        "ListComplianceItems", ResourceIds=[node.information["InstanceId"]], ResourceTypes=["ManagedInstance"]
    )
    items = [item for page in listed for item in page["ComplianceItems"]]
    return list(_report(node, COMPLIANCE_TYPE, items, now)) if items else []


def _report(
    node: Node, type_name: str, entries: Iterable[Mapping[str, Any]], observed_at: datetime
) -> Iterator[Report]:
    return report_of(node.host, type_name, entries, observed_at, node.platform)


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row as the files of a Resource Data Sync have it. A patch that is not installed has the time 0: it is left out."""
    return {
        name: format_time(value) if isinstance(value, datetime) else str(value)
        for name, value in row.items()
        if not isinstance(value, datetime) or value.timestamp() > 0
    }
