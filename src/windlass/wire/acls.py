"""Access control lists of S3: read from their XML, written as the headers of a put or copy. Pure.

Source: S3 user guide, "Access control list (ACL) overview".
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from windlass.wire.errors import BadResponse, safe_xml, sensible
from windlass.wire.model import Call, Request
from windlass.wire.sigv4 import encode_path, encode_query

__all__ = ["Acl", "Grant", "bucket_acl", "grant_headers", "object_acl"]

_HEADERS = {
    "FULL_CONTROL": "x-amz-grant-full-control",
    "READ": "x-amz-grant-read",
    "READ_ACP": "x-amz-grant-read-acp",
    "WRITE_ACP": "x-amz-grant-write-acp",
}
_KINDS = {"ID": "id", "URI": "uri", "EmailAddress": "emailAddress"}


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission and its grantee: kind `id` (a canonical user id), `uri` (a group's) or `emailAddress` (an account's)."""

    kind: str
    grantee: str
    permission: str


@dataclass(frozen=True, slots=True)
class Acl:
    """An object's or bucket's owner (a canonical user id) and its grants."""

    owner: str
    grants: tuple[Grant, ...]


def object_acl(bucket: str, key: str, *, version_id: str = "", owner: str = "") -> Call[Acl]:
    """GetObjectAcl; `owner` is the account the bucket must belong to."""
    pairs = [("acl", ""), *([("versionId", version_id)] if version_id else [])]
    request = Request("GET", f"/{encode_path(key)}", encode_query(pairs), _expected(owner), bucket=bucket)
    return Call("GetObjectAcl", request, lambda response: _read(response.body))


def bucket_acl(bucket: str, *, owner: str = "") -> Call[Acl]:
    """GetBucketAcl; `owner` is the account the bucket must belong to."""
    request = Request("GET", "/", "acl=", _expected(owner), bucket=bucket)
    return Call("GetBucketAcl", request, lambda response: _read(response.body))


def grant_headers(acl: Acl, *, owner: str = "") -> dict[str, str]:
    """Return an object's ACL as headers of a put. The old owner's grants become the new `owner`'s.

    Empty when only the owner has permissions: S3 makes the same ACL without headers.
    """
    if all((grant.grantee, grant.permission) == (acl.owner, "FULL_CONTROL") for grant in acl.grants):
        return {}
    grantees_by_header: dict[str, list[str]] = {}
    for grant in acl.grants:
        name = _HEADERS.get(grant.permission)  # WRITE means nothing on an object
        if name is not None:
            grantee = owner if owner and grant.grantee == acl.owner else grant.grantee
            grantees_by_header.setdefault(name, []).append(f'{grant.kind}="{grantee}"')
    return {name: ", ".join(grantees) for name, grantees in grantees_by_header.items()}


@sensible
def _read(body: bytes) -> Acl:
    root = safe_xml(body)
    if _name(root) != "AccessControlPolicy":
        raise BadResponse(f"the response is a {_name(root)[:80]}, not an ACL", hint="Is this an S3 endpoint?")
    grants: list[Grant] = []
    owner = ""
    for element in root.iter():
        if _name(element) == "Owner":
            owner = _children(element)["ID"]
        elif _name(element) == "Grant":
            grants.append(_grant(element))
    return Acl(owner, tuple(grants))


def _grant(element: ET.Element) -> Grant:
    parts = {_name(child): child for child in element}
    named = _children(parts["Grantee"])
    (tag,) = _KINDS.keys() & named.keys()
    return Grant(_KINDS[tag], named[tag], parts["Permission"].text or "")


def _children(element: ET.Element) -> dict[str, str]:
    return {_name(child): child.text or "" for child in element}


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _expected(owner: str) -> tuple[tuple[str, str], ...]:
    return (("x-amz-expected-bucket-owner", owner),) if owner else ()
