"""Which operations are management events that change something, and how CloudTrail names them. Pure.

Source: CloudTrail User Guide, "Logging management events" and "Logging data events"; each service's guide for its names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["event_name", "is_change"]

_READS = re.compile(
    r"(?:Get|List|Describe|Head|BatchGet|BatchDescribe|BatchCheck|Search|Lookup|Query|Scan|Select|Check|Test|Validate|Simulate|Estimate"
    r"|Preview|Generate|Discover|Filter|Peek|View|Is|Can|Admin(?:Get|List))(?![a-z])"
)
_DATA: Mapping[str, re.Pattern[str]] = {
    # Data events, and calls that CloudTrail does not record, such as log lines and measurements
    "dynamodb": re.compile(
        r"(?:BatchWriteItem|PutItem|UpdateItem|DeleteItem|TransactWriteItems|TransactGetItems|Execute\w+|BatchExecute\w+)"
    ),
    "events": re.compile(r"PutEvents"),
    "firehose": re.compile(r"PutRecord(?:Batch)?"),
    "kinesis": re.compile(r"PutRecords?|SubscribeToShard"),
    "kms": re.compile(r"Encrypt|Decrypt|ReEncrypt|Sign|Verify\w*|DeriveSharedSecret"),
    "lambda": re.compile(r"Invoke\w*"),
    "logs": re.compile(r"PutLogEvents|StartQuery|StopQuery"),
    "monitoring": re.compile(r"PutMetricData"),
    "sns": re.compile(r"Publish\w*"),
    "sqs": re.compile(
        r"(?:Send|Receive|Delete|ChangeVisibility|ChangeMessageVisibility)Message\w*|ChangeMessageVisibility\w*"
    ),
    "sts": re.compile(r".*"),
    "states": re.compile(r"Send\w+|StartSyncExecution"),
    "athena": re.compile(r"StartQueryExecution|StopQueryExecution"),
}
_S3_CHANGES = re.compile(
    r"(?:Create|Delete)Bucket$"
    r"|(?:Put|Delete|Create|Update)(?:Bucket\w+|PublicAccessBlock|ObjectLockConfiguration)$"
)
_S3_NAMES: Mapping[str, str] = {
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
}
_LAMBDA_VERSIONS: Mapping[str, str] = {
    "CreateFunction": "20150331",
    "DeleteFunction": "20150331",
    "UpdateFunctionCode": "20150331v2",
    "UpdateFunctionConfiguration": "20150331v2",
    "CreateEventSourceMapping": "20150331",
    "DeleteEventSourceMapping": "20150331",
    "UpdateEventSourceMapping": "20150331",
    "AddPermission": "20150331v2",
    "RemovePermission": "20150331v2",
    "CreateAlias": "20150331",
    "DeleteAlias": "20150331",
    "UpdateAlias": "20150331",
    "PublishVersion": "20150331",
    "TagResource": "20170331v2",
    "UntagResource": "20170331v2",
}


def is_change(service: str, operation: str) -> bool:
    """True when a call is a management event that changes something. `service` is the signing name."""
    if not operation:
        return False
    if service == "s3":
        return _S3_CHANGES.match(operation) is not None
    data = _DATA.get(service)
    return not _READS.match(operation) and (data is None or data.fullmatch(operation) is None)


def event_name(service: str, operation: str) -> str:
    """Return CloudTrail's name of an operation: Lambda's have the version of its API."""
    if service == "s3":
        return _S3_NAMES.get(operation, operation)
    return operation + (_LAMBDA_VERSIONS.get(operation, "") if service == "lambda" else "")
