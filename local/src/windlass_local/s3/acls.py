"""Access control lists: their XML, and the cases in which S3 refuses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from moto.s3.models import OWNER, FakeAcl, FakeGrant, FakeGrantee, FakeKey, get_canned_acl

from windlass_local.request import Response
from windlass_local.s3.address import S3Request
from windlass_local.s3.caller import canonical_id
from windlass_local.s3.responses import document, element, refuse

_GRANT = "x-amz-grant-"
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)="?([^",]+)"?\s*')
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def acl_document(acl: Any, owner_account_id: str) -> str:
    """Return the inside of an AccessControlPolicy. moto's one owner for all becomes the account's own id."""
    owner = canonical_id(owner_account_id)
    grants = "".join(
        f"<Grant>{_grantee(grantee, owner)}{element('Permission', permission)}</Grant>"
        for grant in (acl.grants if acl else ())
        for grantee in grant.grantees
        for permission in grant.permissions
    )
    return f"<Owner><ID>{owner}</ID></Owner><AccessControlList>{grants}</AccessControlList>"


def _grantee(grantee: Any, owner: str) -> str:
    if grantee.uri:
        return f'<Grantee {_XSI} xsi:type="Group">{element("URI", grantee.uri)}</Grantee>'
    identifier = owner if grantee.id == OWNER else grantee.id
    return f'<Grantee {_XSI} xsi:type="CanonicalUser">{element("ID", identifier)}</Grantee>'


def read_bucket_acl(_call: S3Request, bucket: Any) -> Response:
    """Answer GetBucketAcl."""
    return document("AccessControlPolicy", acl_document(bucket.acl, bucket.account_id))


def object_acl(bucket: Any, key: Any) -> Any:
    """Return an object's ACL: private unless one was set.

    moto's puts hand the bucket's own ACL to objects without one; S3 makes those private.
    """
    acl = getattr(key, "acl", None)
    return get_canned_acl("private") if acl is None or acl is bucket.acl else acl


def read_object_acl(bucket: Any, key: Any) -> Response | None:
    """Answer GetObjectAcl of a version; None (there is no such object) leaves the error to moto."""
    if not isinstance(key, FakeKey):
        return None
    headers = {"x-amz-version-id": key.version_id} if key.version_id != "null" else None
    return document("AccessControlPolicy", acl_document(object_acl(bucket, key), bucket.account_id), headers=headers)


def acl_of(headers: Mapping[str, str]) -> Any:
    """Return the ACL in a put's headers, canned or by grants; None when they have none."""
    grants = []
    for name, value in headers.items():
        if name.startswith(_GRANT):
            permission = name.removeprefix(_GRANT).replace("-", "_").upper()
            result = _GRANTEE.findall(value)
            named = [FakeGrantee(uri=to) if kind == "uri" else FakeGrantee(grantee_id=to) for kind, to in result]
            grants.append(FakeGrant(named, [permission]))
    if grants:
        return FakeAcl(grants)
    return get_canned_acl(headers["x-amz-acl"]) if headers.get("x-amz-acl") else None


def acl_refused(call: S3Request, bucket: Any) -> Response | None:
    """Refuse an ACL where the bucket has them off, or a public one where those are blocked; None when it is allowed."""
    canned = call.header("x-amz-acl")
    granted = [value for name, value in call.request.headers.items() if name.startswith(_GRANT)]
    if canned and granted:
        return refuse(400, "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if bucket.ownership_rule == "BucketOwnerEnforced":
        asks = call.subresource == "acl" or granted
        if canned == "bucket-owner-full-control" or (canned == "private" and call.subresource == "acl"):
            return None
        return (
            refuse(400, "AccessControlListNotSupported", "The bucket does not allow ACLs") if canned or asks else None
        )
    blocked = bucket.public_access_block
    public = (
        canned.startswith("public-")
        or canned == "authenticated-read"
        or any("groups/global/" in value for value in granted)
        or b"groups/global/" in (call.request.body if call.subresource == "acl" else b"")
    )
    return refuse(403, "AccessDenied", "Access Denied") if public and blocked and blocked.block_public_acls else None
