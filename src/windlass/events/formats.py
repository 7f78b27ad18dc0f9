"""Readers of AWS's three formats of object events. None of them raises.

Sources: AWS docs, S3 user guide: "Event message structure" (2.1 to 2.6, to be accepted by major version), "EventBridge
event message structure"; CloudTrail user guide: "CloudTrail record contents". Keys are form-encoded (space is +) in
the first and plain in the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from windlass.events.model import Hop, Ignored, IgnoredBecause, Kind, ObjectEvent, Reading, Unrecognised
from windlass.events.sample import sample

__all__ = ["CALLS", "DETAIL_TYPES", "NAMES", "read_bridge_event", "read_call", "read_record"]

_Via = tuple[Hop, ...]

# The part of an S3 event name before its colon.
NAMES: Mapping[str, Kind] = {
    "ObjectCreated": Kind.CREATED,
    "ObjectRemoved": Kind.REMOVED,
    "ObjectRestore": Kind.RESTORED,
    "Replication": Kind.REPLICATION,
    "LifecycleExpiration": Kind.LIFECYCLE,
    "LifecycleTransition": Kind.LIFECYCLE,
    "IntelligentTiering": Kind.TIERING,
    "ObjectTagging": Kind.TAGGING,
    "ObjectAcl": Kind.ACL,
    "ReducedRedundancyLostObject": Kind.LOST,
}

# EventBridge's detail types.
DETAIL_TYPES: Mapping[str, Kind] = {
    "Object Created": Kind.CREATED,
    "Object Deleted": Kind.REMOVED,
    "Object Restore Initiated": Kind.RESTORED,
    "Object Restore Completed": Kind.RESTORED,
    "Object Restore Expired": Kind.RESTORED,
    "Object Storage Class Changed": Kind.LIFECYCLE,
    "Object Access Tier Changed": Kind.TIERING,
    "Object Tags Added": Kind.TAGGING,
    "Object Tags Deleted": Kind.TAGGING,
    "Object ACL Updated": Kind.ACL,
}

# API calls that change an object.
CALLS: Mapping[str, Kind] = {
    "PutObject": Kind.CREATED,
    "PostObject": Kind.CREATED,
    "CopyObject": Kind.CREATED,
    "CompleteMultipartUpload": Kind.CREATED,
    "RenameObject": Kind.CREATED,
    "DeleteObject": Kind.REMOVED,
    "DeleteObjects": Kind.REMOVED,
    "RestoreObject": Kind.RESTORED,
    "PutObjectTagging": Kind.TAGGING,
    "DeleteObjectTagging": Kind.TAGGING,
    "PutObjectAcl": Kind.ACL,
}
_UPLOAD_STEPS = ("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "AbortMultipartUpload")
_READS = ("Get", "Head", "List", "Select")

# S3-compatible services send its records, too. MinIO encodes keys as S3 does, Ceph does not; MinIO has no version "1".
_SOURCES = ("aws:s3", "minio:s3", "ceph:s3")
_CEPH_DIGITS = 16
# MinIO's names of changes to an object's attributes, not its content.
_NAMES_OF_OTHERS: Mapping[str, Kind] = {
    "ObjectCreated:PutTagging": Kind.TAGGING,
    "ObjectCreated:DeleteTagging": Kind.TAGGING,
    "ObjectCreated:PutRetention": Kind.OTHER,
    "ObjectCreated:PutLegalHold": Kind.OTHER,
}

_HEX = re.compile(r"[0-9A-Fa-f]{1,256}")
_EMPTY: Mapping[str, Any] = {}


def read_record(record: dict[Any, Any], via: _Via) -> Reading:
    """Read one record of an S3 notification."""
    get = record.get
    source = get("eventSource", "aws:s3")
    if source not in _SOURCES:
        return Unrecognised(f"records of {sample(source)}, not of S3", sample(record), via)
    version = get("eventVersion", "2")
    if str(version).partition(".")[0] != "2":
        return Unrecognised(f"event version {sample(version)}: only 2.x is known", sample(record), via)
    s3 = _member(record, "s3")
    s3_object = _member(s3, "object")
    raw = _text(s3_object, "key")
    bucket, key = _text(_member(s3, "bucket"), "name"), raw if source == "ceph:s3" else _decoded(raw)
    if not bucket or not key:
        return Unrecognised("an S3 record without a bucket or a valid key", sample(record), via)
    name = _text(record, "eventName").removeprefix("s3:")
    version_id = _text(s3_object, "versionId")
    return ObjectEvent(
        kind=_NAMES_OF_OTHERS.get(name) or NAMES.get(name.partition(":")[0], Kind.OTHER),
        name=name,
        bucket=bucket,
        key=key,
        version_id="" if source == "minio:s3" and version_id == "1" else version_id,
        etag=_text(s3_object, "eTag") or _text(s3_object, "etag"),
        size_bytes=_size(s3_object),
        sequencer=_ceph_sequencer(s3_object) if source == "ceph:s3" else _sequencer(s3_object),
        at=_time(get("eventTime")),
        region=_text(record, "awsRegion"),
        principal_id=_text(_member(record, "userIdentity"), "principalId"),
        source_ip=_text(_member(record, "requestParameters"), "sourceIPAddress"),
        request_id=_text(_member(record, "responseElements"), "x-amz-request-id"),
        delete_marker=name.endswith(":DeleteMarkerCreated"),
        via=(*via, Hop.S3),
    )


def read_bridge_event(event: dict[Any, Any], via: _Via) -> tuple[Reading, ...]:
    """Read one EventBridge event: S3's own, or an API call that CloudTrail recorded."""
    via = (*via, Hop.EVENTBRIDGE)
    source, name, detail = event.get("source"), _text(event, "detail-type"), _member(event, "detail")
    if source != "aws.s3":
        return (Unrecognised(f"an EventBridge event of {sample(source)}, not of aws.s3", sample(event), via),)
    if name.endswith("via CloudTrail"):
        return read_call(detail, via)
    version = detail.get("event-version", "1")
    if str(version).partition(".")[0] != "1":
        return (Unrecognised(f"event version {sample(version)}: only 1.x is known", sample(event), via),)
    s3_object = _member(detail, "object")
    bucket, key = _text(_member(detail, "bucket"), "name"), _text(s3_object, "key")
    if not bucket or not key:
        return (Unrecognised("an EventBridge event without a bucket or a valid key", sample(event), via),)
    kind = DETAIL_TYPES.get(name, Kind.OTHER)
    if kind is Kind.REMOVED and detail.get("reason") == "Lifecycle Expiration":
        kind = Kind.LIFECYCLE
    return (
        ObjectEvent(
            kind=kind,
            name=name,
            bucket=bucket,
            key=key,
            version_id=_text(s3_object, "version-id"),
            etag=_text(s3_object, "etag"),
            size_bytes=_size(s3_object),
            sequencer=_sequencer(s3_object),
            at=_time(event.get("time")),
            region=_text(event, "region"),
            account_id=_text(event, "account"),
            principal_id=_text(detail, "requester"),
            source_ip=_text(detail, "source-ip-address"),
            request_id=_text(detail, "request-id"),
            delete_marker=detail.get("deletion-type") == "Delete Marker Created",
            via=via,
        ),
    )


def read_call(call: Mapping[Any, Any], via: _Via) -> tuple[Reading, ...]:
    """Read one API call from CloudTrail, by EventBridge or a log file. It has no ETag, size or sequencer."""
    via = (*via, Hop.CLOUDTRAIL)
    if call.get("eventSource") not in ("s3.amazonaws.com", "s3express.amazonaws.com"):
        return (Unrecognised(f"a call of {sample(call.get('eventSource'))}, not of S3", sample(call), via),)
    name, request = _text(call, "eventName"), _member(call, "requestParameters")
    bucket = _text(request, "bucketName")
    because = _ignored_because(call, name, request)
    if because is not None:
        return (Ignored(because, via, bucket),)
    if not bucket:
        return (Unrecognised(f"{sample(name)} without a bucket", sample(call), via),)
    if name == "DeleteObjects":
        named = _named_objects(call, bucket)
        events = tuple(_call_event(call, name, bucket, key, version, via) for key, version in named)
        return events or (Ignored(IgnoredBecause.KEYS_UNTOLD, via, bucket),)
    response = _member(call, "responseElements")
    version = _text(response, "x-amz-version-id") or _text(request, "versionId")
    return (_call_event(call, name, bucket, _text(request, "key"), version, via),)


def _ignored_because(call: Mapping[Any, Any], name: str, request: Mapping[Any, Any]) -> IgnoredBecause | None:
    if call.get("errorCode"):
        return IgnoredBecause.FAILED
    if call.get("readOnly") is True or name.startswith(_READS):
        return IgnoredBecause.READ
    if name in _UPLOAD_STEPS:
        return IgnoredBecause.PARTIAL
    if name != "DeleteObjects" and not _text(request, "key"):
        return IgnoredBecause.NOT_AN_OBJECT
    return None


def _call_event(call: Mapping[Any, Any], name: str, bucket: str, key: str, version_id: str, via: _Via) -> ObjectEvent:
    identity = _member(call, "userIdentity")
    marker = _member(call, "responseElements").get("x-amz-delete-marker")
    return ObjectEvent(
        kind=CALLS.get(name, Kind.OTHER),
        name=name,
        bucket=bucket,
        key=key,
        version_id=version_id,
        at=_time(call.get("eventTime")),
        region=_text(call, "awsRegion"),
        account_id=_text(call, "recipientAccountId") or _text(identity, "accountId"),
        principal_id=_text(identity, "principalId") or _text(identity, "invokedBy"),
        source_ip=_text(call, "sourceIPAddress"),
        request_id=_text(call, "requestID"),
        delete_marker=marker is True or marker == "true",
        via=via,
    )


def _named_objects(call: Mapping[Any, Any], bucket: str) -> list[tuple[str, str]]:
    """Return the keys and versions of a DeleteObjects call when the record has them, in the request or as resources."""
    keys: dict[tuple[str, str], None] = {}
    request = _member(_member(call, "requestParameters"), "delete")
    objects = request.get("objects") or request.get("Object")
    for entry in objects if isinstance(objects, list) else ():
        if isinstance(entry, dict) and (key := _text(entry, "key") or _text(entry, "Key")):
            keys[key, _text(entry, "versionId") or _text(entry, "VersionId")] = None
    resources = call.get("resources")
    for entry in resources if isinstance(resources, list) and not keys else ():
        arn = _text(entry, "ARN") if isinstance(entry, dict) else ""
        owner, slash, key = arn.partition(":::")[2].partition("/")
        if slash and key and owner == bucket:
            keys[key, ""] = None
    return list(keys)


def _member(document: Mapping[Any, Any], name: str) -> Mapping[Any, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else _EMPTY


def _text(document: Mapping[Any, Any], name: str) -> str:
    """Return the text under `name`; "" when it is missing, null, not text, or not valid Unicode (a lone surrogate)."""
    value = document.get(name)
    if not isinstance(value, str):
        return ""
    return value if value.isascii() or _encodable(value) else ""


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decoded(key: str) -> str:
    """Decode a notification's key; "" when its %XX are not UTF-8, as S3's keys always are."""
    if "+" in key:
        key = key.replace("+", " ")
    if "%" not in key:
        return key
    try:
        return unquote_to_bytes(key).decode()
    except UnicodeDecodeError:
        return ""


def _size(s3_object: Mapping[Any, Any]) -> int | None:
    size = s3_object.get("size")
    return size if type(size) is int and size >= 0 else None  # a bool is an int, too


def _sequencer(s3_object: Mapping[Any, Any]) -> str:
    value = s3_object.get("sequencer")
    return value if isinstance(value, str) and _HEX.fullmatch(value) else ""


def _ceph_sequencer(s3_object: Mapping[Any, Any]) -> str:
    """Return Ceph's sequencer as text that sorts by time: seconds and nanoseconds, four bytes each, little-endian."""
    value = _sequencer(s3_object)
    if len(value) != _CEPH_DIGITS:
        return ""
    seconds, nanoseconds = (bytes.fromhex(part)[::-1].hex().upper() for part in (value[:8], value[8:]))
    return seconds + nanoseconds


def _time(value: object) -> datetime | None:
    """Parse an ISO 8601 time to UTC; return None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
