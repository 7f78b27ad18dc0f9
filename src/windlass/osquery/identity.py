"""The host of a node: its EC2 instance, else the machine. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from windlass.facts.model import HostIdentity
from windlass.osquery.model import HostDetails, Node
from windlass.osquery.pack import pack_digest

__all__ = ["assigned_epoch", "host_identity", "instance_of", "is_maybe_instance"]

_INSTANCE = re.compile(r"i-[0-9a-f]{8,32}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_NOT_IN_ID = re.compile(r"[^a-z0-9._:-]+")


def is_maybe_instance(details: HostDetails) -> bool:
    """True when the hardware is EC2's (AWS: "Identify EC2 instances"). Its instance ID is worth waiting for."""
    return details.vendor.lower().startswith("amazon ec2") or details.host_uuid.startswith("ec2")


def instance_of(row: Mapping[str, object]) -> tuple[str, str, str] | None:
    """Return instance ID, account and region of a row with these columns. None when it names no instance."""
    instance_id, account_id, region = (str(row.get(name, "")) for name in ("instance_id", "account_id", "region"))
    if not _INSTANCE.fullmatch(instance_id):
        return None
    return (
        instance_id,
        account_id if _ACCOUNT.fullmatch(account_id) else "",
        region if _REGION.fullmatch(region) else "",
    )


def host_identity(node: Node) -> HostIdentity:
    """Return the host that the node's facts are recorded for."""
    host_id = _NOT_IN_ID.sub("-", node.host_id.lower()).strip("-._:")[:128]
    return HostIdentity(
        host_id=host_id or node.node_id.replace("_", "-"),
        account_id=node.account_id,
        region=node.region,
        name=node.details.name,
        platform=node.details.platform,
    )


def assigned_epoch(node: Node) -> int:
    """Return the schedule epoch of a node: it changes with the pack, and when a full set is needed."""
    return (pack_digest() << 31) + node.epoch
