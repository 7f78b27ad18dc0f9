"""The owner of a listed resource: the owner in AWS's response, else the account of the scope. Pure.

A subnet, VPC or transit gateway that another account shares with us is in our listing, with its owner's id and ARN
(AWS Resource Access Manager User Guide, "Shareable AWS resources").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from windlass.core.arns import parse_arn
from windlass.inventory.model import Scope
from windlass.inventory.paths import find
from windlass.inventory.resource_type import ResourceType

__all__ = ["own_arn", "owner_of"]

_ACCOUNT_ID = re.compile(r"\d{12}")
_OWNERS = (
    "OwnerId",
    "ownerId",
    "OwnerAccountId",
    "ownerAccountId",
    "OwnerAccount",
    "ownerAccount",
    "OwningAccountId",
    "Owner",
)
"""Members of AWS's responses that name the account a resource belongs to; other texts under these names are ignored."""


def owner_of(scope: Scope, document: Mapping[str, Any], arn: str, path: str = "") -> str:
    """Return the account that owns the resource: the response's owner, else the account in the response's `arn`, else the scope's.

    `path` names a member with the owner; it takes precedence over `_OWNERS`.
    """
    declared = find(path, document) if path else None
    for value in (declared, *(document.get(name) for name in _OWNERS)):
        if isinstance(value, str) and _ACCOUNT_ID.fullmatch(value):
            return value
    parsed = parse_arn(arn)
    return parsed.account if parsed and _ACCOUNT_ID.fullmatch(parsed.account) else scope.account_id


def own_arn(kind: ResourceType, document: Mapping[str, Any]) -> str:
    """Return the ARN of the resource in the response (`SubnetArn` of `ec2.subnet`); empty when it has none."""
    noun = "".join(part[:1].upper() + part[1:] for part in kind.name.partition(".")[2].split("-"))
    value = document.get(f"{noun}Arn")
    return value if isinstance(value, str) and parse_arn(value) else ""
