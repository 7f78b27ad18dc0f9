"""S3's own notifications (to SQS, SNS and Lambda): `Records`, keys URL-encoded with `+` for a space.

Source: "Event message structure" (S3 user guide), versions 2.0 to 2.3 and the unified 2.4 and later; S3 promises that
minor versions only add fields, so that any 2.x is read.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from windlass.events.fields import number, part, text
from windlass.events.model import Event, Kind, ObjectEvent, Unrecognised, Via

__all__ = ["KINDS", "read_record"]

KINDS: dict[str, Kind] = {
    "ObjectCreated": Kind.CREATED,
    "ObjectRemoved": Kind.REMOVED,
    "ObjectRestore": Kind.RESTORED,
    "Replication": Kind.REPLICATION,
    "LifecycleExpiration": Kind.EXPIRED,
    "LifecycleTransition": Kind.TRANSITIONED,
    "ObjectTagging": Kind.TAGGING,
    "ObjectAcl": Kind.ACL,
    "ReducedRedundancyLostObject": Kind.LOST,
    "IntelligentTiering": Kind.TRANSITIONED,
}


def read_record(record: dict[str, Any]) -> Event:
    """One record of a notification."""
    version = text(record, "eventVersion")
    if version and not version.startswith("2."):
        return Unrecognised(f"S3 event version {version[:20]} is not 2.x")
    entity = part(record, "s3")
    described = part(entity, "object")
    bucket, encoded = text(part(entity, "bucket"), "name"), described.get("key")
    if not bucket or not isinstance(encoded, str):
        return Unrecognised("an S3 record without a bucket or a key")
    name = text(record, "eventName").removeprefix("s3:")
    family = name.partition(":")[0]
    kind = KINDS.get(family, Kind.OTHER)
    return ObjectEvent(
        kind=kind,
        name=name,
        bucket=bucket,
        key=unquote_plus(encoded, errors="surrogateescape") if "%" in encoded or "+" in encoded else encoded,
        via=Via.NOTIFICATION,
        version_id=text(described, "versionId"),
        etag=text(described, "eTag").strip('"'),
        size_bytes=number(described, "size"),
        sequencer=text(described, "sequencer"),
        marker=name.endswith("DeleteMarkerCreated"),
        at=text(record, "eventTime"),
        region=text(record, "awsRegion"),
        principal_id=text(part(record, "userIdentity"), "principalId"),
        source_ip=text(part(record, "requestParameters"), "sourceIPAddress"),
        request_id=text(part(record, "responseElements"), "x-amz-request-id"),
    )
