"""Compliance items of a managed node. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass_local.ssm.nodes import Node

__all__ = ["compliance_of", "replace_compliance"]


def replace_compliance(node: Node, request: Mapping[str, Any]) -> None:
    """Replace the items of the request's compliance type; with UploadType PARTIAL, only those with the same IDs."""
    kind, summary = request["ComplianceType"], request["ExecutionSummary"]
    rows = [
        {
            "ComplianceType": kind,
            "ResourceType": request["ResourceType"],
            "ResourceId": request["ResourceId"],
            "ExecutionSummary": summary,
            **item,
        }
        for item in request["Items"]
    ]
    if request.get("UploadType") == "PARTIAL":
        ids = {row.get("Id") for row in rows}
        rows = [row for row in node.compliance.get(kind, ()) if row.get("Id") not in ids] + rows
    node.compliance[kind] = rows


def compliance_of(node: Node) -> Iterator[dict[str, Any]]:
    """Yield the node's items, by compliance type."""
    for kind in sorted(node.compliance):
        yield from node.compliance[kind]
