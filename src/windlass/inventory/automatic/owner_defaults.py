"""Request members that narrow a listing to the account's own resources. Data, and the rule that applies it. Pure.

Without them a listing includes what AWS and other accounts share: DescribeImages lists every public image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["request_of"]

_ACCOUNT = "{account}"  # listing.scope_params replaces it by the scope's account id
_ACCOUNT_MEMBERS = frozenset({"AccountId", "accountId", "AwsAccountId", "awsAccountId"})

_BY_MEMBER: Mapping[str, tuple[Any, ...]] = {
    # request member: values, of which the first that its shape accepts is used
    "Owners": (["self"],),
    "OwnerIds": (["self"],),
    "Owner": ("Self", "self", "SELF", "ACCOUNT"),
    "owner": ("Self", "self", "SELF", "OWNED_BY_ME"),
    "OwnerType": ("SELF",),
    "ownerType": ("SELF",),
    "ResourceOwner": ("SELF",),
    "resourceOwner": ("SELF",),
    "ownership": ("SELF", "OWNED"),
    "Ownership": ("SELF", "OWNED"),
    "Scope": ("Local", "REGIONAL", "LOCAL", "ACCOUNT"),
    "scope": ("Local", "LOCAL", "ACCOUNT"),
    "Visibility": ("PRIVATE",),
    "visibility": ("PRIVATE",),
    "PolicyScope": ("Local",),
    "IncludeShared": (False,),
    "includeShared": (False,),
    "IncludePublic": (False,),
    "includePublic": (False,),
    "IncludeSharedTemplates": (False,),
    "includeShadowTrails": (False,),
    "IncludeLinkedAccounts": (False,),
    "includeLinkedAccounts": (False,),
}
_BY_OPERATION: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("ssm", "ListDocuments"): {"Filters": [{"Key": "Owner", "Values": ["Self"]}]},
    ("ssm", "DescribePatchBaselines"): {"Filters": [{"Key": "OWNER", "Values": ["Self"]}]},
    ("organizations", "ListPolicies"): {"Filter": "SERVICE_CONTROL_POLICY"},
    ("ec2", "DescribeManagedPrefixLists"): {"Filters": [{"Name": "owner-id", "Values": [_ACCOUNT]}]},
    ("bedrock", "ListInferenceProfiles"): {"typeEquals": "APPLICATION"},
    ("lightsail", "GetBundles"): {"includeInactive": False},
}


def request_of(service: str, operation: str, members: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the request members to send with every call of a listing that has these request members."""
    request: dict[str, Any] = {}
    for name, shape in members.items():
        if name in _ACCOUNT_MEMBERS and shape["type"] == "string":
            request[name] = _ACCOUNT
        elif name in _BY_MEMBER:
            accepted = [value for value in _BY_MEMBER[name] if _accepts(shape, value)]
            request |= {name: accepted[0]} if accepted else {}
    return request | dict(_BY_OPERATION.get((service, operation), {}))


def _accepts(shape: Mapping[str, Any], value: Any) -> bool:
    """True when a member of this shape takes the value; a text needs to be one of an enumeration."""
    match value:
        case bool():
            return bool(shape["type"] == "boolean")
        case list():
            return bool(shape["type"] == "list")
        case _:
            return value in shape.get("enum", ())
