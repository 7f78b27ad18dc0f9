"""The other way: an ObjectEvent in each of the wrappings it can come in. For simulations, samples and tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from windlass.events.model import Kind, ObjectEvent

__all__ = ["WRAPPINGS", "cloudtrail", "envelope", "notification"]

_TOPIC = "arn:aws:sns:us-east-1:111111111111:objects"
_DETAIL_TYPES = {
    Kind.CREATED: "Object Created",
    Kind.REMOVED: "Object Deleted",
    Kind.TAGGING: "Object Tags Added",
    Kind.ACL: "Object ACL Updated",
}


def notification(event: ObjectEvent) -> dict[str, Any]:
    """As S3 sends it: `/` stays, everything else that is not plain is encoded, a space is `+`."""
    described: dict[str, Any] = {"key": quote_plus(event.key, safe="/"), "sequencer": event.sequencer}
    if event.size_bytes is not None:
        described["size"] = event.size_bytes
    if event.version_id:
        described["versionId"] = event.version_id
    if event.etag:
        described["eTag"] = event.etag
    record = {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": event.region, "eventTime": event.at, "eventName": event.name,
        "userIdentity": {"principalId": event.principal_id}, "requestParameters": {"sourceIPAddress": event.source_ip},
        "responseElements": {"x-amz-request-id": event.request_id},
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": event.bucket, "arn": f"arn:aws:s3:::{event.bucket}"}, "object": described},
    }  # fmt: skip
    return {"Records": [record]}


def envelope(event: ObjectEvent) -> dict[str, Any]:
    """As EventBridge delivers it."""
    described = {
        "key": event.key,
        "size": event.size_bytes,
        "etag": event.etag,
        "sequencer": event.sequencer,
        "version-id": event.version_id,
    }
    told = {name: value for name, value in described.items() if value not in (None, "")}
    detail = {
        "version": "0", "bucket": {"name": event.bucket}, "object": told,
        "request-id": event.request_id, "requester": event.principal_id, "source-ip-address": event.source_ip,
    }  # fmt: skip
    if event.kind is Kind.REMOVED:
        detail["deletion-type"] = "Delete Marker Created" if event.marker else "Permanently Deleted"
    return {
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": _DETAIL_TYPES[event.kind], "source": "aws.s3",
        "account": event.account_id, "time": event.at, "region": event.region, "resources": [f"arn:aws:s3:::{event.bucket}"],
        "detail": detail,
    }  # fmt: skip


def cloudtrail(event: ObjectEvent) -> dict[str, Any]:
    """As CloudTrail's API call on the bus."""
    record = {
        "eventSource": "s3.amazonaws.com", "eventName": "PutObject" if event.kind is Kind.CREATED else "DeleteObject",
        "eventTime": event.at, "awsRegion": event.region, "sourceIPAddress": event.source_ip, "requestID": event.request_id,
        "userIdentity": {"arn": event.principal_id}, "requestParameters": {"bucketName": event.bucket, "key": event.key},
        "responseElements": {"x-amz-version-id": event.version_id}, "recipientAccountId": event.account_id,
    }  # fmt: skip
    return {"detail-type": "AWS API Call via CloudTrail", "source": "aws.s3", "detail": record}


def _sns(body: str) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "m",
            "TopicArn": _TOPIC,
            "Subject": "Amazon S3 Notification",
            "Message": body,
        }
    )


def _to_lambda(body: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs", "awsRegion": "us-east-1"}
        ]
    }


WRAPPINGS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "direct": lambda document: document,
    "SQS": json.dumps,
    "SQS, as bytes": lambda document: json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"),
    "SNS to SQS": lambda document: _sns(json.dumps(document)),
    "SNS to Lambda": lambda document: {
        "Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(document)}}]
    },
    "SQS to Lambda": lambda document: _to_lambda(json.dumps(document)),
    "SNS to SQS to Lambda": lambda document: _to_lambda(_sns(json.dumps(document))),
    "SQS to Pipes": lambda document: _to_lambda(json.dumps(document))["Records"],
    "SNS to SQS to Pipes": lambda document: _to_lambda(_sns(json.dumps(document)))["Records"],
}
"""Each way a document can travel; raw SNS delivery is the same as SQS's."""
