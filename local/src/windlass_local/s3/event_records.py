"""S3's event records for queues, topics and functions, and its EventBridge events. Pure.

Sources: AWS docs, "Event message structure" (2.1) and "EventBridge event message structure".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The call behind a change."""

    principal_id: str
    account_id: str
    source_ip: str
    request_id: str
    host_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Event:
    """One change of one object. `name` is the event name with its `s3:`; `version_id` is "" in unversioned buckets."""

    name: str
    at: datetime
    bucket: str
    bucket_arn: str
    region: str
    owner_account_id: str
    key: str
    size_bytes: int
    etag: str
    version_id: str
    sequencer: str
    origin: Origin

    @property
    def removes(self) -> bool:
        """True when the change removes something."""
        return self.name.startswith(("s3:ObjectRemoved", "s3:LifecycleExpiration"))

    @property
    def marks_deleted(self) -> bool:
        """True when the change is a delete marker."""
        return self.name.endswith("DeleteMarkerCreated")


EMPTY_ETAG = hashlib.md5(b"", usedforsecurity=False).hexdigest()


def event_key(name: str) -> str:
    """Encode a key as event records carry it: space is +, / stays, all else but unreserved characters is %XX."""
    return quote_plus(name, safe="/")


def timestamp(at: datetime) -> str:
    """Return the time with milliseconds, in UTC, as records carry it."""
    return f"{at.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def owner_identity(account_id: str) -> str:
    """Return the principal id of a bucket's owner, in the form A3NL1KOZZKExample."""
    return "A" + hashlib.sha256(account_id.encode()).hexdigest()[:13].upper()


def record(notice: S3Event, configuration_id: str) -> dict[str, Any]:
    """Return the event message for one notification configuration: one record."""
    origin = notice.origin
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": notice.region,
                "eventTime": timestamp(notice.at),
                "eventName": notice.name.removeprefix("s3:"),
                "userIdentity": {"principalId": origin.principal_id},
                "requestParameters": {"sourceIPAddress": origin.source_ip},
                "responseElements": {"x-amz-request-id": origin.request_id, "x-amz-id-2": origin.host_id},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": configuration_id,
                    "bucket": {
                        "name": notice.bucket,
                        "ownerIdentity": {"principalId": owner_identity(notice.owner_account_id)},
                        "arn": notice.bucket_arn,
                    },
                    "object": _object(notice, event_key(notice.key), "eTag", "versionId"),
                },
            }
        ]
    }


def _object(notice: S3Event, key: str, etag_name: str, version_name: str) -> dict[str, Any]:
    described: dict[str, Any] = {"key": key}
    if not notice.removes:
        described["size"] = notice.size_bytes
    if not notice.removes or notice.marks_deleted:
        described[etag_name] = notice.etag
    if notice.version_id:
        described[version_name] = notice.version_id
    described["sequencer"] = notice.sequencer
    return described


_DETAIL_TYPES: Mapping[str, str] = {
    "s3:ObjectCreated": "Object Created",
    "s3:ObjectRemoved": "Object Deleted",
    "s3:LifecycleExpiration": "Object Deleted",
    "s3:LifecycleTransition": "Object Storage Class Changed",
    "s3:IntelligentTiering": "Object Access Tier Changed",
    "s3:ObjectAcl": "Object ACL Updated",
}
_EXACT_DETAIL_TYPES: Mapping[str, str] = {
    "s3:ObjectTagging:Put": "Object Tags Added",
    "s3:ObjectTagging:Delete": "Object Tags Deleted",
    "s3:ObjectRestore:Post": "Object Restore Initiated",
    "s3:ObjectRestore:Completed": "Object Restore Completed",
    "s3:ObjectRestore:Delete": "Object Restore Expired",
}
_REASONS: Mapping[str, str] = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
    "s3:LifecycleExpiration:Delete": "Lifecycle Expiration",
    "s3:LifecycleExpiration:DeleteMarkerCreated": "Lifecycle Expiration",
}


def detail_type(name: str) -> str:
    """Return EventBridge's detail type of an event name; "" for an event that is not sent to EventBridge."""
    return _EXACT_DETAIL_TYPES.get(name) or _DETAIL_TYPES.get(":".join(name.split(":")[:2]), "")


def bridge_event(notice: S3Event, event_id: str) -> dict[str, Any]:
    """Return the EventBridge event of a change. The key is not encoded."""
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": notice.bucket},
        "object": _object(notice, notice.key, "etag", "version-id"),
        "request-id": notice.origin.request_id,
        "requester": notice.origin.account_id,
        "source-ip-address": notice.origin.source_ip,
    }
    if notice.name in _REASONS:
        detail["reason"] = _REASONS[notice.name]
    if notice.removes:
        detail["deletion-type"] = "Delete Marker Created" if notice.marks_deleted else "Permanently Deleted"
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type(notice.name),
        "source": "aws.s3",
        "account": notice.owner_account_id,
        "time": f"{notice.at.isoformat(timespec='seconds').removesuffix('+00:00')}Z",
        "region": notice.region,
        "resources": [notice.bucket_arn],
        "detail": detail,
    }
