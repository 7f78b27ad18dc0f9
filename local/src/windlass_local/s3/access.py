"""Permission of a call: the bucket exists, is in this region, and its owner allows the caller.

Regions: there is one loopback host, so the signing region stands for the endpoint. A call signed for another region
than the bucket's gets what S3 gives at another region's endpoint: 301 PermanentRedirect with `x-amz-bucket-region`
(HEAD: 301 without a body), which SDKs follow. GetBucketLocation also works when signed for us-east-1.

Permissions: IAM identity policies aren't evaluated (moto doesn't, either). Callers of the bucket's own account may do
everything that the bucket policy doesn't deny; others need an Allow of the policy, or an ACL grant where ACLs are on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from moto.s3.models import s3_backends

from windlass_local.request import Response
from windlass_local.s3 import policy
from windlass_local.s3.acls import object_acl
from windlass_local.s3.address import S3Request, action
from windlass_local.s3.caller import Caller, caller_of, canonical_id, principal_of
from windlass_local.s3.responses import refuse

_ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
_ANY_ACCOUNT = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
_POLICY_CALLS = ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")
_GRANTED_BY: Mapping[str, str] = {
    "s3:ListBucket": "READ",
    "s3:ListBucketVersions": "READ",
    "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
_GRANTED_BY_OBJECT: Mapping[str, str] = {
    "s3:GetObject": "READ",
    "s3:GetObjectVersion": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
}


def find_bucket(name: str) -> Any:
    """Return moto's bucket of that name in any account, or None."""
    place = s3_backends.bucket_accounts.get(name)
    if place is None:
        return None
    partition, account_id = place
    return s3_backends[account_id][partition].buckets.get(name)


def check_access(call: S3Request, bucket: Any) -> Response | None:
    """Return the refusal of a call on an existing bucket, or None when it is allowed."""
    caller = caller_of(call)
    refusal = _expired(call) or _elsewhere(call, bucket) or _other_owner(call, bucket)
    if refusal is not None:
        return refusal
    if _must_pay(call, bucket, caller) and not _says_it_pays(call):
        return denied(call, bucket)
    if call.method == "POST" and call.subresource == "delete":
        return None  # each key is checked separately
    if not permitted(call, bucket, caller, action(call), call.key):
        return denied(call, bucket)
    return _source_refused(call, caller)


def charged_headers(call: S3Request, bucket: Any) -> dict[str, str]:
    """Return the header that charges the caller for the call; none for the owner and for free calls."""
    return {"x-amz-request-charged": "requester"} if _must_pay(call, bucket, caller_of(call)) else {}


def _must_pay(call: S3Request, bucket: Any, caller: Caller) -> bool:
    """True when a requester-pays bucket charges the caller: for objects and listings, not for configurations."""
    if bucket.payer != "Requester" or caller.account_id == bucket.account_id:
        return False
    listing = call.method == "GET" and call.subresource in ("", "versions", "uploads")
    return bool(call.key) or listing or call.subresource == "delete"


def _says_it_pays(call: S3Request) -> bool:
    payer = call.header("x-amz-request-payer") or call.query.get("x-amz-request-payer", "")
    return bool(caller_of(call).account_id) and payer.lower() == "requester"


def no_such_bucket(call: S3Request) -> Response:
    """Return 404 NoSuchBucket."""
    details = {"BucketName": call.bucket}
    return refuse(404, "NoSuchBucket", "The specified bucket does not exist", method=call.method, details=details)


def denied(call: S3Request, bucket: Any) -> Response:
    """Return 403 AccessDenied; HeadBucket still reports the region, as S3 does."""
    headers = {"x-amz-bucket-region": bucket.region_name} if call.method == "HEAD" and not call.key else None
    return refuse(403, "AccessDenied", "Access Denied", method=call.method, headers=headers)


def _expired(call: S3Request) -> Response | None:
    query = call.query
    if not query or not ("X-Amz-Expires" in query or "AWSAccessKeyId" in query):
        return None
    try:
        if "X-Amz-Expires" in query:
            signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            ends = signed + timedelta(seconds=int(query["X-Amz-Expires"]))
        else:  # signature version 2, which boto3 still writes in us-east-1
            ends = datetime.fromtimestamp(int(query["Expires"]), UTC)
    except (KeyError, ValueError):
        message = "X-Amz-Date and X-Amz-Expires must be a time and a number of seconds"
        return refuse(400, "AuthorizationQueryParametersError", message, method=call.method)
    return refuse(403, "AccessDenied", "Request has expired", method=call.method) if ends < datetime.now(UTC) else None


def _signing_region(call: S3Request) -> str:
    region = call.request.region if "authorization" in call.request.headers else ""
    if not region and "X-Amz-Credential" in call.query:
        scope = call.query["X-Amz-Credential"].split("/")
        region = scope[2] if len(scope) > 2 else ""
    return "us-east-1" if region == "aws-global" else region


def _elsewhere(call: S3Request, bucket: Any) -> Response | None:
    region = _signing_region(call)
    if not region or region == bucket.region_name or (call.subresource == "location" and region == "us-east-1"):
        return None
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )
    # Endpoint names this host, so that a client that follows it does not reach AWS.
    details = {"Endpoint": call.header("host"), "Bucket": call.bucket}
    headers = {"x-amz-bucket-region": bucket.region_name}
    return refuse(301, "PermanentRedirect", message, method=call.method, details=details, headers=headers)


def _other_owner(call: S3Request, bucket: Any) -> Response | None:
    expected = call.header("x-amz-expected-bucket-owner")
    if expected and expected != bucket.account_id:
        return denied(call, bucket)
    source_owner = call.header("x-amz-source-expected-bucket-owner")
    source = find_bucket(copy_source(call)[0]) if source_owner else None
    return denied(call, bucket) if source is not None and source.account_id != source_owner else None


def copy_source(call: S3Request) -> tuple[str, str, str]:
    """Return (bucket, key, version id) of `x-amz-copy-source`; three "" without that header."""
    path, _, query = call.header("x-amz-copy-source").partition("?versionId=")
    bucket, _, key = path.lstrip("/").partition("/")
    if not key and "%2" in bucket:  # some clients encode the separating slash, too
        bucket, _, key = unquote(bucket).lstrip("/").partition("/")
        return bucket, key, query
    return unquote(bucket), unquote(key), query


def _source_refused(call: S3Request, caller: Caller) -> Response | None:
    if "x-amz-copy-source" not in call.request.headers:
        return None
    name, key, version_id = copy_source(call)
    source = find_bucket(name)
    if source is None:
        return no_such_bucket(call)
    if source.payer == "Requester" and caller.account_id != source.account_id and not _says_it_pays(call):
        return denied(call, source)
    requested = "s3:GetObjectVersion" if version_id else "s3:GetObject"
    return None if permitted(call, source, caller, requested, key) else denied(call, source)


def permitted(call: S3Request, bucket: Any, caller: Caller, requested: str, key: str) -> bool:
    """True when `caller` may do `wanted` on the bucket, or on `key` in it."""
    own = caller.account_id == bucket.account_id
    if own and (bucket.policy is None or requested in _POLICY_CALLS):
        return True
    if bucket.policy is not None:
        response = policy.evaluate(bucket.policy, _question(call, bucket, caller, requested, key))
        if response.verdict is policy.Decision.DENY:
            return False
        blocked = bucket.public_access_block
        if not own and blocked and blocked.restrict_public_buckets and policy.is_public(bucket.policy):
            return False
        if own or response.verdict is policy.Decision.ALLOW:
            return True
    return _granted(bucket, caller, requested, key)


def _question(call: S3Request, bucket: Any, caller: Caller, requested: str, key: str) -> policy.Question:
    arns = principal_of(caller).arns
    context = {
        # Loopback stands for S3's TLS endpoints: the usual "deny without TLS" statement must not lock everyone out.
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:UserAgent": call.header("user-agent"),
        "aws:RequestedRegion": bucket.region_name,
        "s3:ResourceAccount": bucket.account_id,
    }
    if caller.account_id:
        context |= {"aws:PrincipalAccount": caller.account_id, "aws:PrincipalArn": arns[-1]}
    context |= {f"s3:{name}": call.query[name] for name in ("prefix", "delimiter", "max-keys") if name in call.query}
    context |= {f"s3:{name}": value for name, value in call.request.headers.items() if name.startswith("x-amz-")}
    if "versionId" in call.query:
        context["s3:VersionId"] = call.query["versionId"]
    resource = f"arn:{bucket.partition}:s3:::{bucket.name}" + (f"/{key}" if key else "")
    return policy.Question(
        account_id=caller.account_id, arns=arns, action=requested, resource=resource, context=context
    )


def _granted(bucket: Any, caller: Caller, requested: str, key: str) -> bool:
    if bucket.ownership_rule == "BucketOwnerEnforced":
        return False
    if requested in _GRANTED_BY:
        return _acl_grants(bucket, bucket.acl, caller, _GRANTED_BY[requested])
    if requested in _GRANTED_BY_OBJECT and key:
        return _acl_grants(bucket, object_acl(bucket, bucket.keys.get(key)), caller, _GRANTED_BY_OBJECT[requested])
    return False


def _acl_grants(bucket: Any, acl: Any, caller: Caller, permission: str) -> bool:
    blocked = bucket.public_access_block
    public_counts = not (blocked and blocked.ignore_public_acls)
    for grant in acl.grants if acl else ():
        if permission not in grant.permissions and "FULL_CONTROL" not in grant.permissions:
            continue
        for grantee in grant.grantees:
            if grantee.uri == _ALL_USERS or (grantee.uri == _ANY_ACCOUNT and caller.account_id):
                if public_counts:
                    return True
            elif caller.account_id and grantee.id == canonical_id(caller.account_id):
                return True
    return False
