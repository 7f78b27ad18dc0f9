"""The headers that the parameters of S3PutObjectCopy become in CopyObject. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

__all__ = ["acl_headers", "copy_headers"]

_PLAIN = {
    "CannedAccessControlList": "x-amz-acl",
    "MetadataDirective": "x-amz-metadata-directive",
    "StorageClass": "x-amz-storage-class",
    "RedirectLocation": "x-amz-website-redirect-location",
    "SSEAwsKmsKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ObjectLockLegalHoldStatus": "x-amz-object-lock-legal-hold",
    "ObjectLockMode": "x-amz-object-lock-mode",
    "ChecksumAlgorithm": "x-amz-checksum-algorithm",
}
_METADATA = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentType": "content-type",
}
_GRANTS = {
    "FULL_CONTROL": "full-control",
    "READ": "read",
    "WRITE": "write",
    "READ_ACP": "read-acp",
    "WRITE_ACP": "write-acp",
}
_TYPES = {"id": "id", "emailAddress": "emailAddress", "uri": "uri"}


def copy_headers(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that every copy of the job sends; the source is added for each task."""
    headers = {name: str(parameters[member]) for member, name in _PLAIN.items() if parameters.get(member)}
    headers |= _metadata_headers(parameters.get("NewObjectMetadata") or {})
    if parameters.get("NewObjectMetadata") and "MetadataDirective" not in parameters:
        headers["x-amz-metadata-directive"] = "REPLACE"
    if parameters.get("SSEAwsKmsKeyId"):
        headers["x-amz-server-side-encryption"] = "aws:kms"
    if "BucketKeyEnabled" in parameters:
        headers["x-amz-server-side-encryption-bucket-key-enabled"] = str(parameters["BucketKeyEnabled"]).lower()
    if parameters.get("RequesterPays"):
        headers["x-amz-request-payer"] = "requester"
    if parameters.get("NewObjectTagging") is not None:
        pairs = [(tag["Key"], tag.get("Value", "")) for tag in parameters["NewObjectTagging"]]
        headers |= {"x-amz-tagging": urlencode(pairs), "x-amz-tagging-directive": "REPLACE"}
    for member, name in (
        ("ModifiedSinceConstraint", "x-amz-copy-source-if-modified-since"),
        ("UnModifiedSinceConstraint", "x-amz-copy-source-if-unmodified-since"),
    ):
        if parameters.get(member):
            headers[name] = _http_date(parameters[member])
    if parameters.get("ObjectLockRetainUntilDate"):
        until = parameters["ObjectLockRetainUntilDate"].astimezone(UTC)
        headers["x-amz-object-lock-retain-until-date"] = f"{until:%Y-%m-%dT%H:%M:%SZ}"
    return headers | acl_headers(parameters.get("AccessControlGrants") or [])


def acl_headers(grants: list[dict[str, Any]]) -> dict[str, str]:
    """Return grants as `x-amz-grant-…` headers."""
    result: dict[str, list[str]] = {}
    for grant in grants:
        grantee = grant.get("Grantee", {})
        written = f'{_TYPES[grantee.get("TypeIdentifier", "id")]}="{grantee.get("Identifier", "")}"'
        result.setdefault(f"x-amz-grant-{_GRANTS[grant['Permission']]}", []).append(written)
    return {name: ", ".join(each) for name, each in result.items()}


def _metadata_headers(value: Mapping[str, Any]) -> dict[str, str]:
    headers = {name: str(value[member]) for member, name in _METADATA.items() if value.get(member)}
    headers |= {f"x-amz-meta-{name.lower()}": text for name, text in (value.get("UserMetadata") or {}).items()}
    if value.get("HttpExpiresDate"):
        headers["expires"] = _http_date(value["HttpExpiresDate"])
    if value.get("SSEAlgorithm"):
        headers["x-amz-server-side-encryption"] = "aws:kms" if value["SSEAlgorithm"] == "KMS" else "AES256"
    return headers


def _http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)
