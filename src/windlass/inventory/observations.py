"""AWS's responses as Observations: plain, canonical, redacted, with tags, relations and addresses. Pure.

Lists are sets unless they are declared ordered, so that a different order in AWS's response never causes a change.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from typing import Any

from windlass.core.arns import parse_arn
from windlass.core.canonical import canonical_json, plain
from windlass.inventory.edge_targets import target_name
from windlass.inventory.model import Edge, Observation, Scope
from windlass.inventory.ownership import own_arn, owner_of
from windlass.inventory.paths import find, find_texts, remove_at
from windlass.inventory.redaction import redact
from windlass.inventory.resource_type import ResourceType

__all__ = ["addresses_of", "arn_of", "edges_of", "is_kept", "items_of", "name_of", "observe", "stabilise", "tags_of"]

# Texts under these keys are JSON. Parsed, they can be compared, searched and diffed.
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
ORDERED = frozenset(
    {
        "Statement",
        "command",
        "entryPoint",
        "Command",
        "EntryPoint",
        "dnsServers",
        "dnsSearchDomains",
        "Layers",
        "CacheBehaviors",
        "RoutingRules",
        "Columns",
        "PartitionKeys",
        "SortColumns",
        "BucketColumns",
        "KeySchema",
        "DefaultActions",
        "TerminationPolicies",
        "placementStrategy",
        "Processors",
    }
)
"""Lists whose order matters in every document: policies, arguments of programs, columns, precedence. All other
lists are sets, unless their type declares their path as `ordered`."""
_VERBATIM = frozenset({"definition"})  # a program: its lists keep their order
_ID_ENDINGS = ("Id", "ID", "Arn", "ARN", "Name", "Key", "name", "arn", "id", "key", "Identifier", "identifier")


def items_of(
    kind: ResourceType, page: Mapping[str, Any], parent_params: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the items on one page of the type's listing, with bare texts wrapped and `parent_params` merged in."""
    items = []
    for listed in find(kind.items, page) or []:
        item = {kind.wrap: listed} if kind.wrap and isinstance(listed, str) else dict(listed)
        if kind.strip and isinstance(item.get(kind.id), str):
            item[kind.id] = item[kind.id].removeprefix(kind.strip)
        items.append({**(parent_params or {}), **item})
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
    """Return the resource in `item`; None when its type does not keep it, or it has no id."""
    document: dict[str, Any] = plain(item)
    if not is_kept(kind, document):
        return None
    tags = tags_of(find(kind.tags, document) if kind.tags in document or "." in kind.tags else document.get("Tags"))
    if tags or kind.tags in document or "Tags" in document:
        document.pop(kind.tags, None)
        document["Tags"] = tags
    measured = {
        name: stabilise(value) for name, path in kind.measures.items() if (value := find(path, document)) is not None
    }
    for path in kind.volatile:
        remove_at(document, path)
    _parse_json_texts(document)
    document = stabilise(document, kind.ordered)
    # Redact first: nothing derived from the document (ids, names, relations, words) may hold a secret.
    redact(document, (*kind.redact, *redact_paths), salt=salt)
    identity = _identity_of(kind, document)
    if not identity:
        return None
    parsed = parse_arn(identity)
    resource_id = parsed.resource_id if parsed else identity
    arn = _arn(kind, scope, document, identity, partition)
    account_id = owner_of(scope, document, arn, kind.owner)
    tags = document["Tags"] if tags else tags
    return Observation(
        type=kind.name,
        account_id=account_id,
        region=region or scope.region,
        resource_id=resource_id,
        arn=arn,
        name=name_of(kind, document, tags, resource_id),
        tags=tags,
        document=document,
        edges=edges_of(kind, document),
        addresses=addresses_of(kind, document),
        unknown=frozenset(unknown),
        measures={**redact({"measures": measured}, (), salt=salt)["measures"], **plain(measures or {})},
    )


def is_kept(kind: ResourceType, item: Mapping[str, Any]) -> bool:
    """True when the type keeps the item: it has not ended and is not managed by AWS."""
    return not kind.keep or bool(find(kind.keep, item))


def tags_of(tags: Any) -> dict[str, str]:
    """Return tags as a mapping, from any of AWS's shapes: a mapping, or lists of Key/Value, key/value, TagKey/TagValue."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in sorted(tags.items())}
    pairs = []
    for item in tags or ():
        key = item.get("Key", item.get("key", item.get("TagKey")))
        if key is not None:
            pairs.append((str(key), str(item.get("Value", item.get("value", item.get("TagValue"))) or "")))
    return dict(sorted(pairs))  # of a repeated key, the last value in text order


def stabilise(value: Any, ordered: Iterable[str] = ()) -> Any:
    """Return `value` with every list sorted by content, except `ORDERED` names and `ordered` dotted paths (`*`: any).

    Documents that differ only in the order of their sets become equal.
    """
    return _stable(value, "", tuple(tuple(path.split(".")) for path in ordered))


Paths = tuple[tuple[str, ...], ...]


def _stable(value: Any, name: str, ordered: Paths) -> Any:
    if name in _VERBATIM:
        return value
    if isinstance(value, dict):
        # CloudFront wraps its lists: {"Quantity": 2, "Items": [...]}.
        return {
            key: _stable(item, name if key == "Items" else key, _below(ordered, key)) for key, item in value.items()
        }
    if not isinstance(value, list):
        return value
    within = _below(ordered, "*")
    items = [_stable(item, "", within) for item in value]
    keeps_order = name in ORDERED or () in ordered
    return items if len(items) < 2 or keeps_order else _sorted(items)


def _below(ordered: Paths, key: str) -> Paths:
    return tuple(path[1:] for path in ordered if path and path[0] in (key, "*")) if ordered else ()


def _sorted(items: list[Any]) -> list[Any]:
    """Return the items sorted by identity, then by content: a changed item mostly keeps its position."""
    if all(isinstance(item, str) for item in items):
        return sorted(items)
    key = _identity_key(items) if all(isinstance(item, dict) for item in items) else ""
    return sorted(items, key=lambda item: (str(item[key]) if key else "", canonical_json(item)))


def _identity_key(items: list[dict[str, Any]]) -> str:
    """Return the first member, by name, that all items have with distinct values; empty when there is none."""
    for key in sorted(set(items[0]).intersection(*items[1:])):
        if key.endswith(_ID_ENDINGS):
            values = {item[key] for item in items if isinstance(item[key], str)}
            if len(values) == len(items):
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
                continue  # not JSON: it stays a text


def arn_of(kind: ResourceType, scope: Scope, document: Mapping[str, Any], partition: str) -> str:
    """Return the ARN of a listed item; empty when its type has none or the listing does not show it."""
    identity = _identity_of(kind, document)
    return _arn(kind, scope, document, identity, partition) if identity else ""


def _identity_of(kind: ResourceType, document: Mapping[str, Any]) -> str:
    identity = find(kind.id, document)
    if not isinstance(identity, str):
        return ""
    return identity.rpartition(kind.id_after)[2] if kind.id_after else identity


def _arn(kind: ResourceType, scope: Scope, document: Mapping[str, Any], identity: str, partition: str) -> str:
    answered_arn = own_arn(kind, document)
    if answered_arn:
        return answered_arn
    if "{" in kind.arn:
        region = "" if kind.once_per_account else scope.region
        owner = owner_of(scope, document, "", kind.owner)
        return kind.arn.format(partition=partition, region=region, account=owner, id=identity)
    arn = find(kind.arn, document) if kind.arn else None
    return arn.removesuffix(":*") if isinstance(arn, str) else ""


def name_of(kind: ResourceType, document: Mapping[str, Any], tags: Mapping[str, str], resource_id: str) -> str:
    """Return the name that people use: the tag Name, else the type's label, else the id."""
    label = find(kind.label, document) if kind.label else None
    return tags.get("Name") or (label if isinstance(label, str) else "") or resource_id


def edges_of(kind: ResourceType, document: Mapping[str, Any]) -> tuple[Edge, ...]:
    """Return the relations in an observed or stored document, in a stable order."""
    edges = {
        Edge(rule.kind, target, rule.target_type)
        for rule in kind.edges
        for text in find_texts(rule.path, document)
        if (target := target_name(text, rule.target_type))
    }
    stack = (document.get("Tags") or {}).get("aws:cloudformation:stack-id")
    if stack:
        edges.add(Edge("in-stack", stack, "cloudformation.stack"))
    return tuple(sorted(edges, key=lambda edge: (edge.kind, edge.target_type, edge.target)))


def addresses_of(kind: ResourceType, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the IP addresses in an observed or stored document, normalised and sorted."""
    addresses = set()
    for path in kind.addresses:
        for text in find_texts(path, document):
            try:
                addresses.add(str(ipaddress.ip_address(text)))
            except ValueError:
                continue
    return tuple(sorted(addresses))
