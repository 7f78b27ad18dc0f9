"""The subject of an S3 request: bucket, key, query, and the IAM action that a policy would name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote

from windlass_local.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """One S3 call. `key` is "" for a call on the bucket, `subresource` "" for the plain call (ListBucket, GetObject)."""

    request: Request
    bucket: str
    key: str
    query: Mapping[str, str]
    subresource: str

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.request.method

    def header(self, name: str) -> str:
        """Return a request header ("" when absent); `name` in lower case."""
        return self.request.headers.get(name, "")


_BUCKET_GET = {
    "accelerate": "GetAccelerateConfiguration",
    "acl": "GetBucketAcl",
    "analytics": "GetAnalyticsConfiguration",
    "cors": "GetBucketCORS",
    "encryption": "GetEncryptionConfiguration",
    "intelligent-tiering": "GetIntelligentTieringConfiguration",
    "inventory": "GetInventoryConfiguration",
    "lifecycle": "GetLifecycleConfiguration",
    "location": "GetBucketLocation",
    "logging": "GetBucketLogging",
    "metadataConfiguration": "GetBucketMetadataTableConfiguration",
    "metadataTable": "GetBucketMetadataTableConfiguration",
    "metrics": "GetMetricsConfiguration",
    "notification": "GetBucketNotification",
    "object-lock": "GetBucketObjectLockConfiguration",
    "ownershipControls": "GetBucketOwnershipControls",
    "policy": "GetBucketPolicy",
    "policyStatus": "GetBucketPolicyStatus",
    "publicAccessBlock": "GetBucketPublicAccessBlock",
    "replication": "GetReplicationConfiguration",
    "requestPayment": "GetBucketRequestPayment",
    "tagging": "GetBucketTagging",
    "uploads": "ListBucketMultipartUploads",
    "versioning": "GetBucketVersioning",
    "versions": "ListBucketVersions",
    "website": "GetBucketWebsite",
}
_OBJECT_SUBRESOURCES = ("acl", "tagging", "attributes", "retention", "legal-hold", "torrent", "restore", "select")
_OBJECT_ACTIONS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("GET", "acl"): "GetObjectAcl",
        ("GET", "attributes"): "GetObjectAttributes",
        ("GET", "legal-hold"): "GetObjectLegalHold",
        ("GET", "retention"): "GetObjectRetention",
        ("GET", "tagging"): "GetObjectTagging",
        ("GET", "uploadId"): "ListMultipartUploadParts",
        ("PUT", "acl"): "PutObjectAcl",
        ("PUT", "legal-hold"): "PutObjectLegalHold",
        ("PUT", "retention"): "PutObjectRetention",
        ("PUT", "tagging"): "PutObjectTagging",
        ("DELETE", "tagging"): "DeleteObjectTagging",
        ("DELETE", "uploadId"): "AbortMultipartUpload",
        ("POST", "restore"): "RestoreObject",
    }
)
_PLAIN_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "DELETE": "DeleteObject"}


def parse(request: Request) -> S3Request:
    """Split a request into bucket, key and query. Path style, and virtual-host style on `<bucket>.localhost`."""
    query = dict(parse_qsl(request.query, keep_blank_values=True)) if request.query else {}
    path = request.path[1:]
    host = _bucket_in_host(request.headers.get("host", ""))
    bucket, _, key = (host, "", path) if host else path.partition("/")
    return S3Request(
        request=request,
        bucket=unquote(bucket),
        key=unquote(key),
        query=query,
        subresource=_subresource(query, on_object=bool(key)) if query else "",
    )


_LOCALHOST = re.compile(r"(?P<bucket>.+?)\.(s3[.\-].*)?localhost(:\d+)?", re.IGNORECASE)


def _bucket_in_host(host: str) -> str:
    if not host.rpartition(":")[0].endswith("localhost") and not host.endswith("localhost"):
        return ""
    match = _LOCALHOST.fullmatch(host)
    return match["bucket"] if match and not match["bucket"].startswith("s3.") and match["bucket"] != "s3" else ""


def _subresource(query: Mapping[str, str], *, on_object: bool) -> str:
    if on_object:
        if "uploadId" in query or "uploads" in query:
            return "uploadId" if "uploadId" in query else "uploads"
        return next((name for name in _OBJECT_SUBRESOURCES if name in query), "")
    return next((name for name in query if name in _BUCKET_GET or name == "delete"), "")


def action(call: S3Request) -> str:
    """Return the IAM action of the call, with its `s3:`. Source: AWS service authorization reference, Amazon S3."""
    if not call.bucket:
        return "s3:ListAllMyBuckets"
    return "s3:" + (_object_action(call) if call.key else _bucket_action(call))


def _object_action(call: S3Request) -> str:
    name = _OBJECT_ACTIONS.get((call.method, call.subresource)) or _PLAIN_OBJECT.get(call.method, "PutObject")
    if "versionId" not in call.query or not name.startswith(("GetObject", "PutObject", "DeleteObject")):
        return name
    if name in ("PutObject", "GetObjectLegalHold", "GetObjectRetention", "PutObjectLegalHold", "PutObjectRetention"):
        return name
    return name.replace("Object", "ObjectVersion", 1)


def _bucket_action(call: S3Request) -> str:
    if call.method in ("GET", "HEAD"):
        return _BUCKET_GET.get(call.subresource, "ListBucket")
    if call.method == "POST":
        return "DeleteObject" if call.subresource == "delete" else "PutObject"
    if not call.subresource:
        return "CreateBucket" if call.method == "PUT" else "DeleteBucket"
    name = _BUCKET_GET.get(call.subresource, "GetBucket").removeprefix("Get")
    # Deleting a configuration needs its Put action, except for these two.
    deletes = call.method == "DELETE" and call.subresource in ("policy", "website")
    return ("Delete" if deletes else "Put") + name
