"""A configuration item of AWS Config as an item of our type's listing. Pure.

Source: AWS Config Developer Guide, "Components of a Configuration Item" and "Example Configuration Snapshot".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.arns import partition_of
from windlass.core.clock import parse_time
from windlass.inventory.imports.item_names import renamed
from windlass.inventory.model import GLOBAL, Observation, Scope
from windlass.inventory.observations import observe
from windlass.inventory.resource_type import ResourceType

__all__ = ["ItemState", "states_in"]

_DELETED = ("ResourceDeleted", "ResourceDeletedNotRecorded")
_UNRECORDED = ("ResourceNotRecorded",)
_OLD_NAMES: Mapping[str, str] = {"accountId": "awsAccountId", "arn": "ARN"}
_FILE_NAME = re.compile(r"(\d{12})_Config_([a-z0-9-]+)_Config(?:Snapshot|History)_")
Names = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ItemState:
    """A resource's state from a moment on; without an observation, it was deleted then. `names` identify a deleted resource."""

    at: datetime
    scope: Scope
    names: frozenset[str]
    observation: Observation | None


def states_in(
    document: Any,
    types: Mapping[str, ResourceType],
    *,
    names: Names,
    salt: bytes,
    redact_paths: Sequence[str] = (),
    file_name: str = "",
) -> tuple[tuple[ItemState, ...], int]:
    """Return the states in a snapshot or history file, and the number of items of types that are not collected.

    `types` are by Config's names in lower case, `names` the spelling of a service's members. Older files have an item's account
    and region in the file's name alone.
    """
    match = _FILE_NAME.search(file_name)
    defaults = {"awsAccountId": match[1], "awsRegion": match[2]} if match else {}
    states: list[ItemState] = []
    left_out = 0
    for entry in _items(document):
        item = defaults | _current_names(entry)
        kind = types.get(str(item.get("resourceType", "")).lower())
        state = _state(item, kind, names, salt, redact_paths) if kind else None
        if state is None:
            left_out += 1
        else:
            states.append(state)
    return tuple(states), left_out


def _items(document: Any) -> Iterator[Mapping[str, Any]]:
    items = document.get("configurationItems") if isinstance(document, Mapping) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping):
            yield item


def _current_names(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item with today's names of members: the first version had `accountId` and `arn`."""
    return {_OLD_NAMES.get(name, name): value for name, value in item.items() if value is not None}


def _state(
    item: Mapping[str, Any], kind: ResourceType, names: Names, salt: bytes, redact_paths: Sequence[str]
) -> ItemState | None:
    status, captured = str(item.get("configurationItemStatus", "OK")), item.get("configurationItemCaptureTime")
    account_id, region = str(item.get("awsAccountId", "")), str(item.get("awsRegion", ""))
    if status in _UNRECORDED or not isinstance(captured, str) or not account_id:
        return None
    scope = Scope(account_id, GLOBAL if kind.once_per_account or region in ("", "global") else region, kind.name)
    own_names = frozenset(
        text for name in ("ARN", "resourceId", "resourceName") if isinstance(text := item.get(name), str) and text
    )
    try:
        at = parse_time(captured)
        if status in _DELETED:
            return ItemState(at, scope, own_names, None)
        observation = observe(
            kind,
            scope,
            _listed(item, kind, names(kind.service)),
            partition=partition_of(region),
            salt=salt,
            region=region if kind.name == "s3.bucket" else "",
            redact_paths=[path.partition(":")[2] for path in redact_paths if path.startswith(f"{kind.name}:")],
        )
    except (ValueError, TypeError, AttributeError):
        return None  # one malformed item does not end the import
    return ItemState(at, scope, own_names, observation) if observation is not None else None


def _listed(item: Mapping[str, Any], kind: ResourceType, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the item as in the type's listing: its configuration, tags, id and ARN."""
    configuration = _parsed(item.get("configuration"))
    listed: dict[str, Any] = renamed(configuration, names) if isinstance(configuration, Mapping) else {}
    supplementary = item.get("supplementaryConfiguration")
    more = {key: _parsed(value) for key, value in supplementary.items()} if isinstance(supplementary, Mapping) else {}
    if kind.name == "s3.bucket":
        listed |= _bucket_details(more)
        listed["Region"] = item.get("awsRegion")
    else:
        listed |= {key: value for key, value in renamed(more, names).items() if key not in listed}
    tags = item.get("tags")
    listed.pop("tagSet", None)
    if isinstance(tags, Mapping) and tags:
        name = kind.tags if kind.tags.isidentifier() else "Tags"
        listed[name] = [{"Key": str(key), "Value": str(value)} for key, value in tags.items()]
    identity = item.get("resourceName") if kind.id.lower().endswith("name") else item.get("resourceId")
    if kind.id.isidentifier() and not isinstance(listed.get(kind.id), str):
        listed[kind.id] = identity or item.get("resourceId") or item.get("resourceName")
    if kind.arn.isidentifier() and not isinstance(listed.get(kind.arn), str) and item.get("ARN"):
        listed[kind.arn] = item["ARN"]
    return listed


def _parsed(value: Any) -> Any:
    """Return a configuration, parsed if it is JSON in a text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _bucket_details(more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a bucket's supplementary configuration under the keys of our document; a member without such a key keeps its name."""
    details: dict[str, Any] = {}
    for name, value in more.items():
        key, convert = _BUCKET_DETAILS.get(name, (name, lambda item: item))
        details[key] = convert(value) if isinstance(value, Mapping) else value
    details.pop("BucketTaggingConfiguration", None)  # `tags` of the item has the same
    return details


def _capitals(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_SPELLED.get(key, key[:1].upper() + key[1:]): _capitals(item) for key, item in value.items()}
    return [_capitals(item) for item in value] if isinstance(value, list) else value


_SPELLED: Mapping[str, str] = {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyID": "KMSMasterKeyID"}
_BUCKET_DETAILS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "BucketVersioningConfiguration": (
        "Versioning",
        lambda value: {"Status": value["status"]} if value.get("status") not in (None, "Off") else {},
    ),
    "BucketPolicy": ("Policy", lambda value: value.get("policyText")),
    "PublicAccessBlockConfiguration": ("PublicAccessBlock", _capitals),
    "ServerSideEncryptionConfiguration": ("Encryption", _capitals),
    "BucketAccelerateConfiguration": ("Accelerate", lambda value: value.get("status")),
}
