"""ObjectEvents as AWS would send them, in every format and envelope: for simulations, previews and tests.

A format is a function from one event to a document; an envelope is a function from documents or texts to a payload.
`WRAPPINGS` has the combinations that occur. A format may lack members of an event: `carried` returns the event that a reader
gets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import orjson

from windlass.events.model import Hop, Kind, ObjectEvent

__all__ = ["WRAPPINGS", "bridge_event", "call", "carried", "configuration_notice", "names", "notification", "record"]

# S3's event name → EventBridge's detail type and reason → CloudTrail's call. The first row of a kind is its default.
_WORDS: tuple[tuple[Kind, str, str, str, str], ...] = (
    (Kind.CREATED, "ObjectCreated:Put", "Object Created", "PutObject", "PutObject"),
    (Kind.CREATED, "ObjectCreated:Post", "Object Created", "POST Object", "PostObject"),
    (Kind.CREATED, "ObjectCreated:Copy", "Object Created", "CopyObject", "CopyObject"),
    (
        Kind.CREATED,
        "ObjectCreated:CompleteMultipartUpload",
        "Object Created",
        "CompleteMultipartUpload",
        "CompleteMultipartUpload",
    ),
    (Kind.REMOVED, "ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "DeleteObject"),
    (Kind.REMOVED, "ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject", "DeleteObject"),
    (Kind.LIFECYCLE, "LifecycleExpiration:Delete", "Object Deleted", "Lifecycle Expiration", ""),
    (Kind.LIFECYCLE, "LifecycleExpiration:DeleteMarkerCreated", "Object Deleted", "Lifecycle Expiration", ""),
    (Kind.LIFECYCLE, "LifecycleTransition", "Object Storage Class Changed", "", ""),
    (Kind.TIERING, "IntelligentTiering", "Object Access Tier Changed", "", ""),
    (Kind.RESTORED, "ObjectRestore:Post", "Object Restore Initiated", "", "RestoreObject"),
    (Kind.RESTORED, "ObjectRestore:Completed", "Object Restore Completed", "", ""),
    (Kind.RESTORED, "ObjectRestore:Delete", "Object Restore Expired", "", ""),
    (Kind.TAGGING, "ObjectTagging:Put", "Object Tags Added", "", "PutObjectTagging"),
    (Kind.TAGGING, "ObjectTagging:Delete", "Object Tags Deleted", "", "DeleteObjectTagging"),
    (Kind.ACL, "ObjectAcl:Put", "Object ACL Updated", "", "PutObjectAcl"),
    (Kind.REPLICATION, "Replication:OperationFailedReplication", "", "", ""),
    (Kind.LOST, "ReducedRedundancyLostObject", "", "", ""),
)
_BY_NAME = {name: (detail_type, reason, api) for _, name, detail_type, reason, api in _WORDS}


def names(*, format_: Hop = Hop.S3) -> tuple[str, ...]:
    """Return S3's event names that `format_` has."""
    column = {Hop.S3: 1, Hop.EVENTBRIDGE: 2, Hop.CLOUDTRAIL: 4}[format_]
    return tuple(row[1] for row in _WORDS if row[column])


def record(event: ObjectEvent) -> dict[str, Any]:
    """Return one record of an S3 notification. `event.name` is one of S3's names."""
    s3_object: dict[str, Any] = {"key": quote_plus(event.key, safe="/")}
    _put(s3_object, "size", event.size_bytes)
    _put(s3_object, "eTag", event.etag)
    _put(s3_object, "versionId", event.version_id)
    _put(s3_object, "sequencer", event.sequencer)
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": _time(event.at, "milliseconds"),
        "eventName": event.name,
        "userIdentity": {"principalId": event.principal_id},
        "requestParameters": {"sourceIPAddress": event.source_ip},
        "responseElements": {
            "x-amz-request-id": event.request_id,
            "x-amz-id-2": "EXAMPLE123/5678abcdefghijklambdaisawesome",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "windlass",
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": f"arn:aws:s3:::{event.bucket}",
            },
            "object": s3_object,
        },
    }


def notification(events: Iterable[ObjectEvent]) -> dict[str, Any]:
    """Return an S3 notification, as Lambda gets it and as a queue's or topic's message contains it."""
    return {"Records": [record(event) for event in events]}


def bridge_event(event: ObjectEvent) -> dict[str, Any]:
    """Return the EventBridge event of the same change. The key is not encoded."""
    detail_type, reason, _ = _BY_NAME[event.name]
    s3_object: dict[str, Any] = {"key": event.key}
    _put(s3_object, "size", event.size_bytes)
    _put(s3_object, "etag", event.etag)
    _put(s3_object, "version-id", event.version_id)
    _put(s3_object, "sequencer", event.sequencer)
    detail: dict[str, Any] = {"version": "0", "bucket": {"name": event.bucket}, "object": s3_object}
    _put(detail, "request-id", event.request_id)
    _put(detail, "requester", event.principal_id)
    _put(detail, "source-ip-address", event.source_ip)
    _put(detail, "reason", reason)
    if detail_type == "Object Deleted":
        detail["deletion-type"] = "Delete Marker Created" if event.delete_marker else "Permanently Deleted"
    return {
        "version": "0",
        "id": _uuid(event),
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": event.account_id,
        "time": _time(event.at, "seconds"),
        "region": event.region,
        "resources": [f"arn:aws:s3:::{event.bucket}"],
        "detail": detail,
    }


def call(event: ObjectEvent) -> dict[str, Any]:
    """Return the CloudTrail record of the API call that made the change."""
    _, _, api = _BY_NAME[event.name]
    response: dict[str, Any] = {}
    _put(response, "x-amz-version-id", event.version_id)
    _put(response, "x-amz-delete-marker", "true" if event.delete_marker else "")
    return {
        "eventVersion": "1.10",
        "userIdentity": {"type": "AssumedRole", "principalId": event.principal_id, "accountId": event.account_id},
        "eventTime": _time(event.at, "seconds"),
        "eventSource": "s3.amazonaws.com",
        "eventName": api,
        "awsRegion": event.region,
        "sourceIPAddress": event.source_ip,
        "requestParameters": {"bucketName": event.bucket, "key": event.key},
        "responseElements": response or None,
        "requestID": event.request_id,
        "eventID": _uuid(event),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": event.account_id,
        "eventCategory": "Data",
    }


def configuration_notice(bucket: str) -> dict[str, Any]:
    """Return the test event that S3 sends when notifications are configured."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2014-10-13T15:57:02.089Z",
        "Bucket": bucket,
        "RequestId": "5582815E1AEA5ADF",
        "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
    }


def carried(event: ObjectEvent, via: tuple[Hop, ...]) -> ObjectEvent:
    """Return the event as readers get it after these envelopes and format in `via` (`event.name` is S3's)."""
    detail_type, _, api = _BY_NAME[event.name]
    second = event.at.replace(microsecond=0) if event.at else None
    if via[-1] is Hop.S3:
        milli = event.at.replace(microsecond=event.at.microsecond // 1000 * 1000) if event.at else None
        return replace(event, account_id="", at=milli, via=via)
    if via[-1] is Hop.EVENTBRIDGE:
        return replace(event, name=detail_type, at=second, via=via)
    return replace(event, name=api, at=second, etag="", size_bytes=None, sequencer="", via=via)


def _bridge_call(event: ObjectEvent) -> dict[str, Any]:
    event_document = bridge_event(event)
    return {**event_document, "detail-type": "AWS API Call via CloudTrail", "resources": [], "detail": call(event)}


def _sqs_record(body: str) -> dict[str, Any]:
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185",
        },
        "messageAttributes": {},
        "md5OfBody": digest,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
        "awsRegion": "us-east-2",
    }


def _sns_envelope(message: str) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": "2012-05-02T00:54:06.655Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
    }


def _sns_record(message: str) -> dict[str, Any]:
    return {
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:sns-lambda:21be56ed",
        "EventSource": "aws:sns",
        "Sns": _sns_envelope(message),
    }


def _text(document: Any) -> str:
    return orjson.dumps(document).decode()


def _one(event: ObjectEvent) -> dict[str, Any]:
    return notification([event])


def _message(body: str) -> dict[str, Any]:
    return {"MessageId": "5fea7756", "ReceiptHandle": "MbZj6wDWli", "MD5OfBody": "…", "Body": body}


_Events = Iterable[ObjectEvent]
# name → (the envelopes that a reader sees, outermost first, and the format; events → payload)
WRAPPINGS: Mapping[str, tuple[tuple[Hop, ...], Callable[[_Events], Any]]] = {
    "s3 to lambda": ((Hop.S3,), notification),
    "s3 in a queue's body": ((Hop.S3,), lambda events: _text(notification(events))),
    "s3 to sqs to lambda": (
        (Hop.SQS, Hop.S3),
        lambda events: {"Records": [_sqs_record(_text(_one(event))) for event in events]},
    ),
    "s3 to sqs, as received": (
        (Hop.SQS, Hop.S3),
        lambda events: {"Messages": [_message(_text(_one(event))) for event in events]},
    ),
    "s3 to sns to a queue's body": (
        (Hop.SNS, Hop.S3),
        lambda events: _text(_sns_envelope(_text(notification(events)))),
    ),
    "s3 to sns raw to a queue's body": ((Hop.S3,), lambda events: _text(notification(events)).encode()),
    "s3 to sns to lambda": (
        (Hop.SNS, Hop.S3),
        lambda events: {"Records": [_sns_record(_text(_one(event))) for event in events]},
    ),
    "s3 to sns to sqs to lambda": (
        (Hop.SQS, Hop.SNS, Hop.S3),
        lambda events: {"Records": [_sqs_record(_text(_sns_envelope(_text(_one(event))))) for event in events]},
    ),
    "s3 to sqs to pipes": (
        (Hop.PIPES, Hop.SQS, Hop.S3),
        lambda events: [_sqs_record(_text(_one(event))) for event in events],
    ),
    "eventbridge to sqs to lambda": (
        (Hop.SQS, Hop.EVENTBRIDGE),
        lambda events: {"Records": [_sqs_record(_text(bridge_event(event))) for event in events]},
    ),
    "eventbridge to sqs to pipes": (
        (Hop.PIPES, Hop.SQS, Hop.EVENTBRIDGE),
        lambda events: _text([_sqs_record(_text(bridge_event(event))) for event in events]),
    ),
    "eventbridge to sns to sqs to lambda": (
        (Hop.SQS, Hop.SNS, Hop.EVENTBRIDGE),
        lambda events: {"Records": [_sqs_record(_text(_sns_envelope(_text(bridge_event(event))))) for event in events]},
    ),
    "eventbridge, parsed by an input template of pipes": (
        (Hop.PIPES, Hop.EVENTBRIDGE),
        lambda events: [bridge_event(event) for event in events],
    ),
    "cloudtrail by eventbridge to sqs to lambda": (
        (Hop.SQS, Hop.EVENTBRIDGE, Hop.CLOUDTRAIL),
        lambda events: {"Records": [_sqs_record(_text(_bridge_call(event))) for event in events]},
    ),
    "cloudtrail log file": ((Hop.CLOUDTRAIL,), lambda events: {"Records": [call(event) for event in events]}),
}


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    """Drop unknown members, as S3 does."""
    if value is not None and value != "":
        document[name] = value


def _time(at: datetime | None, timespec: str) -> str:
    return f"{at.astimezone(UTC).isoformat(timespec=timespec).removesuffix('+00:00')}Z" if at else ""


def _uuid(event: ObjectEvent) -> str:
    digest = hashlib.sha256(f"{event.bucket}/{event.key}/{event.sequencer}/{event.request_id}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
