"""Systems Manager: moto's, with managed nodes, their inventory, patch state and compliance.

AWS facts kept: a node is managed when its agent sends AWS:InstanceInformation, and no longer once its instance is terminated;
PutInventory replaces the types that it names and keeps the others; a type that was never sent has no CaptureTime; the patch
operations answer from what AWS-RunPatchBaseline sends (AWS:PatchSummary, AWS:PatchCompliance); pages hold at most 50 or 100
entries (AWS Systems Manager API Reference).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.ec2.models import ec2_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from windlass_local.ssm.compliance import compliance_of, replace_compliance
from windlass_local.ssm.nodes import Node, node_information, patch_rows, patch_state
from windlass_local.ssm.schemas import SCHEMAS

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.ec2.models.ec2_backends",
    "moto.ssm.responses.SimpleSystemManagerResponse.ssm_backend",
)
_NODES = "windlass_nodes"


def install() -> None:
    """Add the operations; a second call changes nothing."""
    for method in (
        put_inventory,
        list_inventory_entries,
        get_inventory_schema,
        describe_instance_information,
        describe_instance_patch_states,
        describe_instance_patches,
        put_compliance_items,
        list_compliance_items,
    ):
        setattr(SimpleSystemManagerResponse, method.__name__, method)


def put_inventory(self: Any) -> str:
    """Answer PutInventory: replace the types that the request names."""
    request = _parameters(self)
    node_id = request["InstanceId"]
    if not node_id.startswith("mi-") and _instance_state(self, node_id) in ("", "terminated"):
        raise JsonRESTError("InvalidInstanceId", f"Instance {node_id} not found.")
    node = _all_nodes(self).setdefault(node_id, Node(id=node_id, registered_at=time.time()))
    for item in request["Items"]:
        node.items[item["TypeName"]] = item
    node.last_ping_at = time.time()
    return json.dumps({"Message": "Inventory was accepted."})


def list_inventory_entries(self: Any) -> str:
    """Answer ListInventoryEntries. A type that the node never sent has no entries and no CaptureTime."""
    request = _parameters(self)
    node = _nodes(self).get(request["InstanceId"])
    if node is None:
        raise JsonRESTError("InvalidInstanceId", f"Instance {request['InstanceId']} is not managed.")
    response: dict[str, Any] = {"TypeName": request["TypeName"], "InstanceId": node.id}
    item = node.items.get(request["TypeName"], {})
    response |= {name: item[name] for name in ("SchemaVersion", "CaptureTime") if name in item}
    return json.dumps(response | _page(request, "Entries", item.get("Content", []), most=50))


def get_inventory_schema(self: Any) -> str:
    """Answer GetInventorySchema: AWS's types, and the custom types that a node of the region sent."""
    request = _parameters(self)
    sent = {item["TypeName"]: item for node in _nodes(self).values() for item in node.items.values()}
    custom = [
        {
            "TypeName": name,
            "Version": item["SchemaVersion"],
            "Attributes": [{"Name": key, "DataType": "string"} for key in (item.get("Content") or [{}])[0]],
        }
        for name, item in sorted(sent.items())
        if name.startswith("Custom:")
    ]
    wanted = request.get("TypeName", "")
    schemas = [schema for schema in (*SCHEMAS, *custom) if str(schema["TypeName"]).startswith(wanted)]
    return json.dumps(_page(request, "Schemas", schemas, most=200))


def describe_instance_information(self: Any) -> str:
    """Answer DescribeInstanceInformation, with the filter InstanceIds."""
    request = _parameters(self)
    ids = {
        value
        for condition in (*request.get("Filters", ()), *request.get("InstanceInformationFilterList", ()))
        if condition.get("Key", condition.get("key")) == "InstanceIds"
        for value in condition.get("Values", condition.get("valueSet"))
    }
    rows = [
        node_information(node, is_running=_instance_state(self, node.id) in ("", "running"))
        for node in _nodes(self).values()
        if "AWS:InstanceInformation" in node.items and (not ids or node.id in ids)
    ]
    return json.dumps(_page(request, "InstanceInformationList", rows, most=50))


def describe_instance_patch_states(self: Any) -> str:
    """Answer DescribeInstancePatchStates: the nodes that were scanned for patches."""
    request = _parameters(self)
    nodes = [node for node_id, node in _nodes(self).items() if node_id in request["InstanceIds"]]
    rows = [patch_state(node) for node in nodes if "AWS:PatchSummary" in node.items]
    return json.dumps(_page(request, "InstancePatchStates", rows, most=100))


def describe_instance_patches(self: Any) -> str:
    """Answer DescribeInstancePatches."""
    request = _parameters(self)
    node = _nodes(self).get(request["InstanceId"])
    if node is None:
        raise JsonRESTError("InvalidFilter", f"Instance {request['InstanceId']} is not managed.")
    return json.dumps(_page(request, "Patches", patch_rows(node), most=100))


def put_compliance_items(self: Any) -> str:
    """Answer PutComplianceItems: replace the node's items of one compliance type."""
    request = _parameters(self)
    node = _nodes(self).get(request["ResourceId"])
    if node is None or request["ResourceType"] != "ManagedInstance":
        raise JsonRESTError("InvalidResourceId", f"{request['ResourceId']} is not a managed node.")
    replace_compliance(node, request)
    return "{}"


def list_compliance_items(self: Any) -> str:
    """Answer ListComplianceItems of the nodes in ResourceIds, or of all."""
    request = _parameters(self)
    ids = request.get("ResourceIds")
    nodes = [node for node in _nodes(self).values() if ids is None or node.id in ids]
    return json.dumps(
        _page(request, "ComplianceItems", [row for node in nodes for row in compliance_of(node)], most=50)
    )


def _parameters(response: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(response.body or "{}")
    return document


def _all_nodes(response: Any) -> dict[str, Node]:
    nodes: dict[str, Node] = response.ssm_backend.__dict__.setdefault(_NODES, {})
    return nodes


def _nodes(response: Any) -> Mapping[str, Node]:
    """Return the nodes whose instance is not terminated."""
    return {
        node_id: node
        for node_id, node in sorted(_all_nodes(response).items())
        if node_id.startswith("mi-") or _instance_state(response, node_id) not in ("", "terminated")
    }


def _instance_state(response: Any, instance_id: str) -> str:
    """Return the state of an instance; empty when there is none, as for a hybrid node."""
    backend = ec2_backends[response.current_account][response.region]
    for reservation in list(backend.reservations.values()):
        for instance in reservation.instances:
            if instance.id == instance_id:
                return str(instance.state)
    return ""


def _page(request: Mapping[str, Any], name: str, rows: Sequence[Any], *, most: int) -> dict[str, Any]:
    first = int(request.get("NextToken") or 0)
    last = first + min(int(request.get("MaxResults") or most), most)
    return {name: list(rows[first:last])} | ({"NextToken": str(last)} if last < len(rows) else {})
