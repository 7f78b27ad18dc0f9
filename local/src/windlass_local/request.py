"""An AWS call, parsed from its HTTP request alone: service, region, account, operation."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from windlass_local.call_resources import resource_of, roles_of, sets_tags

__all__ = ["DEFAULT_ACCOUNT", "Native", "Request", "Response", "read_request", "signing_service"]

DEFAULT_ACCOUNT = "123456789012"
"""moto's account for keys it does not know."""

_CREDENTIAL = re.compile(r"Credential=([^/\s,]*)/\d{8}/([^/,\s]*)/([^/,\s]*)/aws4_request")
_PRESIGNED = re.compile(r"X-Amz-Credential=([^&]*)")
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call as it arrived. `path` and `query` are as sent (percent-encoded), header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    service: str  # signing name: s3, sqs, dynamodb …; empty when the request is unsigned and does not name it
    region: str
    account_id: str
    access_key: str
    operation: str  # ReceiveMessage, GetBucketTagging …; empty when neither the request nor a model names it

    @property
    def bucket(self) -> str:
        """Return the bucket of a path-style S3 call; "" for others."""
        return self.path.lstrip("/").partition("/")[0] if self.service == "s3" else ""

    @property
    def resource(self) -> str:
        """Return the resource that the request names, or ""."""
        return resource_of(self.service, self.path, self.query, self.headers, self.body)

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles that it passes to a service."""
        return roles_of(self.service, self.operation, self.body)

    @property
    def tagged(self) -> bool:
        """True when it creates something with tags."""
        return sets_tags(self.service, self.headers, self.body)

    @property
    def versioned(self) -> bool:
        """True when it names a version of an object."""
        return self.service == "s3" and "versionId=" in f"{self.query}{self.headers.get('x-amz-copy-source', '')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response; the gateway adds the length header."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Native = Callable[[Request], Awaitable[Response | None] | Response | None]
"""A service's own handler: its response, or None to let moto answer."""


def read_request(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    account_of: Callable[[str], str],
    rest_operation: Callable[[str, str, str], str] = lambda *_: "",
) -> Request:
    """Parse the call in an HTTP request.

    `account_of` maps an access key to its account; `rest_operation` names the operation of a REST call from (service,
    method, path).
    """
    access_key, region, _ = _credential(headers, query)
    service = signing_service(headers, path, query)
    operation = _operation(method, path, query, headers, body, service)
    return Request(
        method=method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        service=service,
        region=region,
        account_id=account_of(access_key),
        access_key=access_key,
        operation=operation or (rest_operation(service, method, path) if service not in ("", "s3") else ""),
    )


def signing_service(headers: Mapping[str, str], path: str, query: str) -> str:
    """Return the service that a request is for, by its signature, target or path; empty when none of them names it."""
    service = _credential(headers, query)[2]
    if service == "s3" and path.startswith("/v20180820/"):
        return "s3control"  # signed as S3, but a separate API
    return "s3" if not service and _is_unsigned_s3(path, headers) else service


def _credential(headers: Mapping[str, str], query: str) -> tuple[str, str, str]:
    match = _CREDENTIAL.search(headers.get("authorization", ""))
    if match:
        return match[1], match[2], match[3]
    presigned = _PRESIGNED.search(query)
    if presigned:
        parts = re.split("%2F|/", presigned[1])
        if len(parts) >= 4:
            return parts[0], parts[2], parts[3]
    old = headers.get("authorization", "")
    if old.startswith("AWS ") and ":" in old:  # signature version 2: S3 has no other service that still takes it
        return old[4:].partition(":")[0], "", "s3"
    target = headers.get("x-amz-target", "")
    return "", "", _SERVICE_OF_TARGET.get(target.partition("_")[0].partition(".")[0], "")


def _is_unsigned_s3(path: str, headers: Mapping[str, str]) -> bool:
    """True for anonymous reads and old presigned URLs: only S3 is called by path without a signature (moto agrees)."""
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    by_path = len(path) > 1 and not path.startswith(("/moto-api", "/_windlass/"))
    return by_path and not form and "x-amz-target" not in headers


_SERVICE_OF_TARGET = {"DynamoDB": "dynamodb", "AmazonSQS": "sqs", "AmazonSSM": "ssm", "AWSEvents": "events"}


def _operation(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, service: str) -> str:
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if "smithy-protocol" in headers:
        return path.rpartition("/operation/")[2]
    if service == "s3":
        return _s3_operation(method, path, query, headers)
    if service == "s3express":
        return _s3_operation(method, path, query, headers).replace("ListBuckets", "ListDirectoryBuckets")
    action = parse_qs(query).get("Action") if "Action=" in query else None
    if action:
        return action[0]
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        match = _ACTION.search(body[:4096])
        return match[1].decode() if match else ""
    return ""


# Sub-resources that change what a bucket or object request means, and their name in the operation.
_SUBRESOURCES = {
    "tagging": "Tagging",
    "versioning": "Versioning",
    "encryption": "Encryption",
    "policy": "Policy",
    "policyStatus": "PolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "acl": "Acl",
    "ownershipControls": "OwnershipControls",
    "lifecycle": "LifecycleConfiguration",
    "logging": "Logging",
    "notification": "NotificationConfiguration",
    "replication": "Replication",
    "website": "Website",
    "cors": "Cors",
    "object-lock": "ObjectLockConfiguration",
    "accelerate": "AccelerateConfiguration",
    "requestPayment": "RequestPayment",
    "inventory": "InventoryConfiguration",
    "metrics": "MetricsConfiguration",
    "analytics": "AnalyticsConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "location": "Location",
    "metadataTable": "MetadataTableConfiguration",
    "metadataConfiguration": "MetadataConfiguration",
}
_NOT_BUCKET = {"object-lock", "publicAccessBlock"}
_LISTED = {"inventory", "metrics", "analytics", "intelligent-tiering"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}


def _s3_operation(method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    bucket, _, key = path.lstrip("/").partition("/")
    names = {part.partition("=")[0] for part in query.split("&")} if query else set()
    if not bucket:
        return "ListBuckets" if method == "GET" else ""
    verb = _VERBS.get(method, "")
    if key:
        return _object_operation(method, verb, names, headers)
    for name in names & _SUBRESOURCES.keys():
        if name in _LISTED and method == "GET" and "id" not in names:
            return f"ListBucket{_SUBRESOURCES[name]}s"
        return f"{verb}{'' if name in _NOT_BUCKET else 'Bucket'}{_SUBRESOURCES[name]}"
    if method == "GET":
        if "versions" in names:
            return "ListObjectVersions"
        if "uploads" in names:
            return "ListMultipartUploads"
        return "ListObjectsV2" if "list-type" in names else "ListObjects"
    if method == "POST" and "delete" in names:
        return "DeleteObjects"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, "")


def _object_operation(method: str, verb: str, names: set[str], headers: Mapping[str, str]) -> str:
    if "uploads" in names and method == "POST":
        return "CreateMultipartUpload"
    if "uploadId" in names:
        copies = "x-amz-copy-source" in headers
        return {
            "PUT": "UploadPartCopy" if copies else "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
            "GET": "ListParts",
        }.get(method, "")
    for name, suffix in (
        ("tagging", "Tagging"),
        ("acl", "Acl"),
        ("retention", "Retention"),
        ("legal-hold", "LegalHold"),
    ):
        if name in names:
            return f"{verb}Object{suffix}"
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyObject"
    return f"{verb}Object"
