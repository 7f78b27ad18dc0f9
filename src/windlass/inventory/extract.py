"""From what AWS answered to an Observation: plain, canonical, redacted, with tags, relations and addresses. Pure.

Lists whose order means nothing are sorted, so that the order in which AWS happens to answer never makes a change.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from typing import Any

from windlass.core.arns import parse_arn
from windlass.core.canonical import canonical_json, plain
from windlass.inventory.catalog.declare import ResourceType
from windlass.inventory.model import Edge, Observation, Scope
from windlass.inventory.paths import find, find_texts, remove_at
from windlass.inventory.redact import redact

__all__ = ["addresses_of", "edges_of", "is_kept", "items_of", "name_of", "observe", "stabilise", "tags_of"]

# Texts under these keys are JSON documents; as documents they can be compared, searched and diffed.
_JSON_KEYS = frozenset(
    {
        "Policy",
        "RedrivePolicy",
        "RedriveAllowPolicy",
        "PolicyDocument",
        "EventPattern",
        "definition",
        "FilterPolicy",
        "DeliveryPolicy",
    }
)
_SET_ENDINGS = ("Ids", "Arns", "ARNs", "Groups", "Zones", "Names", "Events", "Subnets", "Types", "InUseBy", "Aliases")
# The last two lines are policies' principals and what they may do to what, which come back in any order.
_SET_NAMES = frozenset(
    {"IpPermissions", "IpPermissionsEgress", "IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "Grants", "Routes", "Attachments",
     "Associations", "PrefixListIds", "Entries", "Metrics", "Dimensions", "ResourceRecords", "Records", "InlinePolicies",
     "PrivateIpAddresses", "Ipv6Addresses", "Ipv6CidrBlockAssociationSet",
     "AWS", "Service", "Federated", "CanonicalUser",
     "Action", "NotAction", "Resource", "NotResource"}
)  # fmt: skip
# Lists that mean something by their order, though their items have names; `definition` is a program.
_ORDERED = frozenset(
    {"Layers", "CacheBehaviors", "Cors", "RoutingRules", "Columns", "PartitionKeys", "SortColumns", "definition"}
)
_ID_ENDINGS = ("Id", "ID", "Arn", "ARN", "Name", "Key", "name", "arn", "id", "key")


def items_of(
    kind: ResourceType, page: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The items on one page of the type's listing, bare texts wrapped, `given` parameters of a parent merged in."""
    found = find(kind.items, page) or []
    items = []
    for one in found:
        item = {kind.wrap: one} if kind.wrap and isinstance(one, str) else dict(one)
        if kind.strip and isinstance(item.get(kind.id), str):
            item[kind.id] = item[kind.id].removeprefix(kind.strip)
        items.append({**(given or {}), **item})
    return items


def observe(
    kind: ResourceType,
    scope: Scope,
    item: Mapping[str, Any],
    *,
    partition: str,
    salt: bytes,
    region: str = "",
    unknown: Iterable[str] = (),
    measures: Mapping[str, Any] | None = None,
    redact_paths: Iterable[str] = (),
) -> Observation | None:
    """The resource in `item`; None when it is not ours to keep, or can't be told apart (no id)."""
    document: dict[str, Any] = plain(item)
    if not is_kept(kind, document):
        return None
    identity = find(kind.id, document)
    if not isinstance(identity, str) or not identity:
        return None
    if kind.id_after:
        identity = identity.rpartition(kind.id_after)[2]
    parsed = parse_arn(identity)
    resource_id = parsed.resource_id if parsed else identity
    arn = _arn(kind, scope, document, identity, partition)
    tags = tags_of(find(kind.tags, document) if kind.tags in document or "." in kind.tags else document.get("Tags"))
    if tags or kind.tags in document or "Tags" in document:
        document.pop(kind.tags, None)
        document["Tags"] = tags
    for path in kind.volatile:
        remove_at(document, path)
    _parse_json_texts(document)
    document = stabilise(document)
    redact(document, (*kind.redact, *redact_paths), salt=salt)
    tags = document["Tags"] if tags else tags  # redacted, too
    return Observation(
        type=kind.name,
        account_id=scope.account_id,
        region=region or scope.region,
        resource_id=resource_id,
        arn=arn,
        name=name_of(kind, document, tags, resource_id),
        tags=tags,
        document=document,
        edges=edges_of(kind, document),
        addresses=addresses_of(kind, document),
        unknown=frozenset(unknown),
        measures=plain(measures or {}),
    )


def is_kept(kind: ResourceType, item: Mapping[str, Any]) -> bool:
    """Whether the item is one that the type keeps: not ended, not AWS's own."""
    return not kind.keep or bool(find(kind.keep, item))


def tags_of(found: Any) -> dict[str, str]:
    """Tags as a mapping, from any of AWS's shapes: a mapping, or lists of Key/Value, key/value, TagKey/TagValue."""
    if isinstance(found, Mapping):
        return {str(key): str(value) for key, value in sorted(found.items())}
    tags = {}
    for one in found or ():
        key = one.get("Key", one.get("key", one.get("TagKey")))
        if key is not None:
            tags[str(key)] = str(one.get("Value", one.get("value", one.get("TagValue"))) or "")
    return dict(sorted(tags.items()))


def stabilise(value: Any, name: str = "") -> Any:
    """`value` with lists that are sets in a stable order."""
    if name == "definition":
        return value
    if isinstance(value, dict):
        # CloudFront wraps its lists: {"Quantity": 2, "Items": [...]}.
        return {key: stabilise(item, name if key == "Items" else key) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [stabilise(item) for item in value]
    if len(items) < 2 or name in _ORDERED:
        return items
    is_set = name.endswith(_SET_ENDINGS) or name in _SET_NAMES
    if all(isinstance(item, dict) for item in items):
        key = _identity_key(items)
        if key:
            return sorted(items, key=lambda item: str(item[key]))
        return sorted(items, key=canonical_json) if name in _SET_NAMES else items
    return sorted(items, key=canonical_json) if is_set else items


def _identity_key(items: list[dict[str, Any]]) -> str:
    for key in sorted(items[0]):
        if key.endswith(_ID_ENDINGS):
            values = [item.get(key) for item in items]
            if all(isinstance(one, str) for one in values) and len(set(values)) == len(values):
                return key
    return ""


def _parse_json_texts(value: Any) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        if isinstance(item, (dict, list)):
            _parse_json_texts(item)
        elif key in _JSON_KEYS and isinstance(item, str) and item[:1] in ("{", "["):
            try:
                value[key] = json.loads(item)
            except ValueError:
                continue  # it stays the text it is


def _arn(kind: ResourceType, scope: Scope, document: dict[str, Any], identity: str, partition: str) -> str:
    if "{" in kind.arn:
        region = "" if kind.once_per_account else scope.region
        return kind.arn.format(partition=partition, region=region, account=scope.account_id, id=identity)
    found = find(kind.arn, document) if kind.arn else None
    return found.removesuffix(":*") if isinstance(found, str) else ""


def name_of(kind: ResourceType, document: Mapping[str, Any], tags: Mapping[str, str], resource_id: str) -> str:
    """The name that people use: the tag Name, else the type's label, else the id."""
    label = find(kind.label, document) if kind.label else None
    return tags.get("Name") or (label if isinstance(label, str) else "") or resource_id


def edges_of(kind: ResourceType, document: Mapping[str, Any]) -> tuple[Edge, ...]:
    """The relations in an observed or stored document, in a stable order."""
    found = {
        Edge(rule.kind, target, rule.target_type)
        for rule in kind.edges
        for text in find_texts(rule.path, document)
        if (target := _target(text, rule.target_type))
    }
    stack = (document.get("Tags") or {}).get("aws:cloudformation:stack-id")
    if stack:
        found.add(Edge("in-stack", stack, "cloudformation.stack"))
    return tuple(sorted(found, key=lambda edge: (edge.kind, edge.target_type, edge.target)))


def _target(text: str, target_type: str) -> str:
    """The name under which the inventory knows a target: buckets by their bare ARN, however they were named."""
    if target_type == "s3.bucket":
        if text.startswith(("s3://", "s3a://", "s3n://")):
            return "arn:aws:s3:::" + text.split("://", 1)[1].partition("/")[0]
        if text.startswith("arn:"):
            head, _, resource = text.rpartition(":")
            return f"{head}:{resource.partition('/')[0]}"
    if target_type == "kms.key" and text.startswith("alias/"):
        return ""
    if target_type == "lambda.layer":
        return text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() else text  # a version of the layer
    return text


def addresses_of(kind: ResourceType, document: Mapping[str, Any]) -> tuple[str, ...]:
    """The IP addresses in an observed or stored document, normalised and in order."""
    found = set()
    for path in kind.addresses:
        for text in find_texts(path, document):
            try:
                found.add(str(ipaddress.ip_address(text)))
            except ValueError:
                continue
    return tuple(sorted(found))
