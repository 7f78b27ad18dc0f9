"""The CloudTrail record of an S3 call. Pure.

Source: CloudTrail User Guide, "CloudTrail record contents"; Amazon S3 User Guide, "Example log entries". As CloudTrail
does, it names ListObjectsV2 `ListObjects`, keeps no signature version for anonymous calls, and puts the agent of a call in
brackets or not, as it came. What loopback cannot show is taken from headers that only tests and the demo send:
`x-forwarded-for` for the client's address, `x-windlass-tls` for its TLS version, `x-windlass-time` for when it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["DATA_OPERATIONS", "S3Call", "UserIdentity", "event", "signature_of", "user_identity"]

DATA_OPERATIONS: Mapping[str, tuple[str, bool]] = {
    "GetObject": ("GetObject", True),
    "HeadObject": ("HeadObject", True),
    "PutObject": ("PutObject", False),
    "DeleteObject": ("DeleteObject", False),
    "DeleteObjects": ("DeleteObjects", False),
    "CopyObject": ("CopyObject", False),
    "CreateMultipartUpload": ("CreateMultipartUpload", False),
    "UploadPart": ("UploadPart", False),
    "UploadPartCopy": ("UploadPartCopy", False),
    "CompleteMultipartUpload": ("CompleteMultipartUpload", False),
    "AbortMultipartUpload": ("AbortMultipartUpload", False),
    "ListParts": ("ListParts", True),
    "GetObjectAcl": ("GetObjectAcl", True),
    "PutObjectAcl": ("PutObjectAcl", False),
    "GetObjectTagging": ("GetObjectTagging", True),
    "PutObjectTagging": ("PutObjectTagging", False),
    "DeleteObjectTagging": ("DeleteObjectTagging", False),
    "ListObjects": ("ListObjects", True),
    "ListObjectsV2": ("ListObjects", True),
    "ListObjectVersions": ("ListObjectVersions", True),
    "ListMultipartUploads": ("ListMultipartUploads", True),
    "HeadBucket": ("HeadBucket", True),
}
"""Operations that are data events on objects: CloudTrail's name, and whether they only read."""

_ERRORS = {400: "InvalidRequest", 403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserIdentity:
    """The identity of the caller, as far as the embedded AWS knows it."""

    account_id: str  # "" for an anonymous caller
    arn: str
    role_arn: str
    principal_id: str
    access_key: str
    user_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Call:
    """One answered call, as the record needs it."""

    at: datetime
    operation: str
    bucket: str
    key: str
    owner_account_id: str
    region: str
    source_ip: str
    host: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    status: int
    bytes_in: int
    bytes_out: int
    request_id: str


def signature_of(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """Return (SigV2 or SigV4, AuthHeader or QueryString); ("", "") for an unsigned call."""
    authorization = headers.get("authorization", "")
    if authorization.startswith("AWS4-"):
        return "SigV4", "AuthHeader"
    if authorization.startswith("AWS "):
        return "SigV2", "AuthHeader"
    if "X-Amz-Signature" in query:
        return "SigV4", "QueryString"
    return ("SigV2", "QueryString") if "Signature" in query and "AWSAccessKeyId" in query else ("", "")


def event(call: S3Call, identity: UserIdentity, recipient: str) -> dict[str, Any]:
    """Build the event as the trail of account `recipient` records it."""
    name, reads = DATA_OPERATIONS[call.operation]
    signature, method = signature_of(call.headers, call.query)
    host = call.host if call.host.endswith(".amazonaws.com") else f"s3.{call.region}.amazonaws.com"
    if call.host.partition(":")[0].startswith(f"{call.bucket}.") and not call.host.endswith(".amazonaws.com"):
        host = f"{call.bucket}.s3.{call.region}.amazonaws.com"
    extra: dict[str, Any] = {"SignatureVersion": signature, "AuthenticationMethod": method} if signature else {}
    extra |= {
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "bytesTransferredIn": call.bytes_in,
        "bytesTransferredOut": call.bytes_out,
        "x-amz-id-2": f"{uuid.uuid4().hex}=",
    }
    result: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": user_identity(identity),
        "eventTime": call.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": call.region,
        "sourceIPAddress": call.source_ip,
        "userAgent": f"[{call.headers.get('user-agent', '')}]",
    }
    if call.status >= 400:
        result |= {"errorCode": _ERRORS.get(call.status, "InternalError"), "errorMessage": "see the response"}
    parameters = {"bucketName": call.bucket, "Host": host} | ({"key": call.key} if call.key else {})
    bucket_arn = f"arn:aws:s3:::{call.bucket}"
    result |= {
        "requestParameters": parameters
        | {name: value for name, value in call.query.items() if name.startswith("X-Amz-Expires")},
        "responseElements": None,
        "additionalEventData": extra,
        "requestID": call.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": reads,
        "resources": [
            {"type": "AWS::S3::Object", "ARN" if call.key else "ARNPrefix": f"{bucket_arn}/{call.key}"},
            {"accountId": call.owner_account_id, "type": "AWS::S3::Bucket", "ARN": bucket_arn},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": recipient,
        "eventCategory": "Data",
        "tlsDetails": {
            "tlsVersion": call.headers.get("x-windlass-tls", "TLSv1.3"),
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": host,
        },
    }
    return result


def user_identity(identity: UserIdentity) -> dict[str, Any]:
    """Return the `userIdentity` element of a record."""
    if not identity.account_id:
        return {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    known = {
        "principalId": identity.principal_id,
        "arn": identity.arn,
        "accountId": identity.account_id,
        "accessKeyId": identity.access_key,
    }
    if identity.role_arn:
        issuer = {
            "type": "Role",
            "arn": identity.role_arn,
            "accountId": identity.account_id,
            "userName": identity.role_arn.rpartition("/")[2],
        }
        return {"type": "AssumedRole", **known, "sessionContext": {"sessionIssuer": issuer}}
    if identity.user_name:
        return {"type": "IAMUser", **known, "userName": identity.user_name}
    return {"type": "Root", **known}
