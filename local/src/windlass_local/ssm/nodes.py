"""A managed node, and what the Describe operations show of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Node", "node_information", "patch_rows", "patch_state"]

_COUNTS = (
    "InstalledCount",
    "InstalledOtherCount",
    "InstalledPendingRebootCount",
    "InstalledRejectedCount",
    "MissingCount",
    "FailedCount",
    "NotApplicableCount",
    "CriticalNonCompliantCount",
    "SecurityNonCompliantCount",
    "OtherNonCompliantCount",
)


@dataclass(slots=True, kw_only=True)
class Node:
    """A managed node. `items` are its inventory items by type, `compliance` its compliance items by compliance type."""

    id: str
    registered_at: float
    last_ping_at: float = 0.0
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    compliance: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def node_information(node: Node, *, is_running: bool) -> dict[str, Any]:
    """Return the node's row of DescribeInstanceInformation."""
    sent = _first(node, "AWS:InstanceInformation")
    is_hybrid = node.id.startswith("mi-")
    row = {
        "InstanceId": node.id,
        "PingStatus": "Online" if is_running else "ConnectionLost",
        "LastPingDateTime": node.last_ping_at,
        "AgentVersion": sent.get("AgentVersion", ""),
        "IsLatestVersion": True,
        "PlatformType": sent.get("PlatformType", "Linux"),
        "PlatformName": sent.get("PlatformName", ""),
        "PlatformVersion": sent.get("PlatformVersion", ""),
        "ResourceType": "ManagedInstance" if is_hybrid else "EC2Instance",
        "ComputerName": sent.get("ComputerName", ""),
        "SourceId": node.id,
        "SourceType": "AWS::SSM::ManagedInstance" if is_hybrid else "AWS::EC2::Instance",
    }
    if sent.get("IpAddress"):
        row["IPAddress"] = sent["IpAddress"]
    return row | ({"RegistrationDate": node.registered_at} if is_hybrid else {})


def patch_state(node: Node) -> dict[str, Any]:
    """Return the node's row of DescribeInstancePatchStates, from its AWS:PatchSummary."""
    sent = _first(node, "AWS:PatchSummary")
    return {
        "InstanceId": node.id,
        "PatchGroup": sent.get("PatchGroup", ""),
        "BaselineId": sent.get("BaselineId", ""),
        "Operation": sent.get("OperationType", "Scan"),
        "OperationStartTime": _seconds(sent["OperationStartTime"]),
        "OperationEndTime": _seconds(sent["OperationEndTime"]),
        **{name: int(sent.get(name) or 0) for name in _COUNTS},
    }


def patch_rows(node: Node) -> list[dict[str, Any]]:
    """Return the node's rows of DescribeInstancePatches, from its AWS:PatchCompliance. A missing patch was installed at time 0."""
    return [
        {
            **{name: sent.get(name, "") for name in ("Title", "KBId", "Classification", "Severity", "State")},
            "InstalledTime": _seconds(sent["InstalledTime"]) if sent.get("InstalledTime") else 0.0,
        }
        for sent in node.items.get("AWS:PatchCompliance", {}).get("Content", ())
    ]


def _first(node: Node, type_name: str) -> Mapping[str, Any]:
    content = node.items.get(type_name, {}).get("Content") or [{}]
    return content[0]


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
