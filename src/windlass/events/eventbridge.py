"""S3 on EventBridge: one event an envelope, keys as they are, and CloudTrail's API calls on the same bus.

Source: "EventBridge event message structure" (S3 user guide) and "AWS service events delivered via CloudTrail".
"""

from __future__ import annotations

from typing import Any

from windlass.events.fields import number, part, text
from windlass.events.model import Event, Ignored, Kind, ObjectEvent, Unrecognised, Via

__all__ = ["read_api_call", "read_envelope"]

_KINDS = {
    "Object Created": Kind.CREATED,
    "Object Deleted": Kind.REMOVED,
    "Object Restore Initiated": Kind.RESTORED,
    "Object Restore Completed": Kind.RESTORED,
    "Object Restore Expired": Kind.RESTORED,
    "Object Storage Class Changed": Kind.TRANSITIONED,
    "Object Access Tier Changed": Kind.TRANSITIONED,
    "Object ACL Updated": Kind.ACL,
    "Object Tags Added": Kind.TAGGING,
    "Object Tags Deleted": Kind.TAGGING,
}
_CALLS = {
    "PutObject": Kind.CREATED,
    "CopyObject": Kind.CREATED,
    "PostObject": Kind.CREATED,
    "CompleteMultipartUpload": Kind.CREATED,
    "DeleteObject": Kind.REMOVED,
    "RestoreObject": Kind.RESTORED,
    "PutObjectTagging": Kind.TAGGING,
    "DeleteObjectTagging": Kind.TAGGING,
    "PutObjectAcl": Kind.ACL,
}
_EXPIRY = "Lifecycle Expiration"


def read_envelope(event: dict[str, Any]) -> tuple[Event, ...]:
    """The events of one EventBridge envelope."""
    source, detail = text(event, "source"), part(event, "detail")
    if "eventName" in detail and "eventSource" in detail:
        return read_api_call(detail)
    if source != "aws.s3":
        return (Ignored(f"an event of {source[:60] or 'no source'}"),)
    name = text(event, "detail-type")
    if name not in _KINDS:
        return (
            Ignored(f"S3's {name[:60]!r} tells of no object") if name else Unrecognised("an S3 event without a type"),
        )
    described, bucket = part(detail, "object"), text(part(detail, "bucket"), "name")
    key = described.get("key")
    if not bucket or not isinstance(key, str):
        return (Unrecognised("an S3 event without a bucket or a key"),)
    kind = _KINDS[name]
    if kind is Kind.REMOVED and text(detail, "reason") == _EXPIRY:
        kind = Kind.EXPIRED
    return (
        ObjectEvent(
            kind=kind, name=name, bucket=bucket, key=key, via=Via.EVENTBRIDGE,
            version_id=text(described, "version-id", "versionId"), etag=text(described, "etag", "eTag").strip('"'),
            size_bytes=number(described, "size"), sequencer=text(described, "sequencer"),
            marker=text(detail, "deletion-type") == "Delete Marker Created", at=text(event, "time"),
            region=text(event, "region"), account_id=text(event, "account"), principal_id=text(detail, "requester"),
            source_ip=text(detail, "source-ip-address"), request_id=text(detail, "request-id"),
            storage_class=text(detail, "destination-storage-class"),
        ),
    )  # fmt: skip


def read_api_call(record: dict[str, Any]) -> tuple[Event, ...]:
    """The events of one CloudTrail record of S3 data; DeleteObjects tells of as many objects as it names."""
    if text(record, "eventSource") != "s3.amazonaws.com":
        return (Ignored(f"a call to {text(record, 'eventSource')[:60] or 'no service'}"),)
    if text(record, "errorCode"):
        return (Ignored(f"a call that failed ({text(record, 'errorCode')[:60]})"),)
    name, asked = text(record, "eventName"), part(record, "requestParameters")
    bucket = text(asked, "bucketName")
    if name == "DeleteObjects":
        keys = _deleted_keys(record)
        return tuple(_call(record, Kind.REMOVED, bucket, key) for key in keys) or (
            Ignored("a DeleteObjects that names none"),
        )
    if name not in _CALLS:
        return (Ignored(f"S3's {name[:60]} changes no object"),)
    key = asked.get("key")
    if not bucket or not isinstance(key, str):
        return (Unrecognised("a CloudTrail record without a bucket or a key"),)
    return (_call(record, _CALLS[name], bucket, key),)


def _deleted_keys(record: dict[str, Any]) -> list[str]:
    """From requestParameters.delete, or the resources the record lists."""
    asked = part(record, "requestParameters", "delete").get("object") or part(
        record, "requestParameters", "delete"
    ).get("objects")
    rows = asked if isinstance(asked, list) else [asked]
    keys = [row["key"] for row in rows if isinstance(row, dict) and isinstance(row.get("key"), str)]
    if keys:
        return keys
    bucket = text(part(record, "requestParameters"), "bucketName")
    prefix = f":s3:::{bucket}/"
    listed = record.get("resources")
    arns = [text(one, "ARN") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [arn.partition(prefix)[2] for arn in arns if prefix in arn]


def _call(record: dict[str, Any], kind: Kind, bucket: str, key: str) -> ObjectEvent:
    who, answered, extra = (
        part(record, "userIdentity"),
        part(record, "responseElements"),
        part(record, "additionalEventData"),
    )
    return ObjectEvent(
        kind=kind, name=text(record, "eventName"), bucket=bucket, key=key, via=Via.CLOUDTRAIL,
        version_id=text(answered, "x-amz-version-id"), size_bytes=number(extra, "bytesTransferredIn") or None,
        marker=text(answered, "x-amz-delete-marker") == "true", at=text(record, "eventTime"), region=text(record, "awsRegion"),
        account_id=text(record, "recipientAccountId") or text(who, "accountId"),
        principal_id=text(who, "arn", "invokedBy", "principalId"), source_ip=text(record, "sourceIPAddress"),
        request_id=text(record, "requestID"),
    )  # fmt: skip
