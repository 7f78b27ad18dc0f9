"""What a deployed function's role may do: the least its pipeline or rules need. Pure.

Source: the calls that pipelines/, aggregation/ and AWS's own pollers make; S3 user guide, "Required permissions for Amazon S3
API operations"; Lambda developer guide, "Configuring an execution role for an SQS event source".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from windlass.deploy.stacks import Place

__all__ = [
    "LAMBDA_TRUST", "action_statements", "consume_statement", "document", "log_statement", "object_statements",
    "table_statement", "timers_statement",
]  # fmt: skip

Statement = Mapping[str, Any]

LAMBDA_TRUST: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def document(statements: Iterable[Statement]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": [dict(one) for one in statements]}


def log_statement(place: Place, group: str) -> Statement:
    """Write into the function's own log group, which is there already."""
    arn = place.arn("logs", f"log-group:{group}:*")
    return _allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], arn)


def consume_statement(queue_arns: Sequence[str]) -> Statement:
    """What Lambda's pollers do in the function's name."""
    return _allow("Consume", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], *queue_arns)


def timers_statement(queue_arn: str) -> Statement:
    """Send timers, and put those back that came too early."""
    actions = ["sqs:SendMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
    return _allow("Timers", actions, queue_arn)


def table_statement(table_arn: str) -> Statement:
    """Count, claim and sweep."""
    return _allow("Table", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Scan"], table_arn)


def object_statements(
    place: Place,
    *,
    source: tuple[str, str],
    target: tuple[str, str],
    errors: tuple[str, str] = ("", ""),
    tags: bool = False,
    deletes: bool = False,
    kms_key_arns: Sequence[str] = (),
) -> tuple[Statement, ...]:
    """Read below the source's prefix, write below the target's; a prefix may be empty.

    Without ListBucket, S3 answers 403 for an object that is not there, and nobody could tell it from a refusal.
    """

    def objects(where: tuple[str, str]) -> str:
        return f"{place.bucket_arn(where[0])}/{where[1]}*"

    read, write = ["s3:GetObject", "s3:GetObjectVersion"], ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    if tags:
        read += ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
        write.append("s3:PutObjectTagging")
    if deletes:
        write.append("s3:DeleteObject")
    buckets = dict.fromkeys(place.bucket_arn(one[0]) for one in (source, target, errors) if one[0])
    found = [
        _allow("List", ["s3:ListBucket"], *buckets),
        _allow("Read", read, objects(source)),
        _allow("Write", write, objects(target)),
    ]
    if errors[0]:
        # A refused object is copied with its tags, where it has some.
        found.append(_allow("KeepRefused", ["s3:PutObject", "s3:PutObjectTagging"], objects(errors)))
        found.append(_allow("CopyRefused", ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"], objects(source)))
    if kms_key_arns:
        through = {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}
        found.append({**_allow("Keys", ["kms:Decrypt", "kms:GenerateDataKey"], *kms_key_arns), "Condition": through})
    return tuple(found)


def action_statements(place: Place, action: Any) -> tuple[Statement, ...]:
    """What an aggregation's action calls; `action` is the rule's, whose `kind` says which it is."""
    match action.kind:
        case "storage-gateway-refresh":
            names = ["ListFileShares", "DescribeNFSFileShares", "DescribeSMBFileShares", "RefreshCache"]
            share = place.arn("storagegateway", "share/*")
            return (
                _allow("ListShares", [f"storagegateway:{names[0]}"], "*"),
                _allow("Refresh", [f"storagegateway:{one}" for one in names[1:]], share),
                # The writes of the gateway's own role don't count, and are known by the role's unique id.
                _allow("GatewayRoles", ["iam:GetRole"], place.role_arn("*")),
            )
        case "cloudfront-invalidate":
            arn = f"arn:{place.partition}:cloudfront::{place.account_id}:distribution/{action.distribution_id}"
            return (_allow("Invalidate", ["cloudfront:CreateInvalidation"], arn),)
        case "sns-publish":
            return (_allow("Publish", ["sns:Publish"], action.topic_arn),)
        case "sqs-send":
            owner, name = urlsplit(action.queue_url).path.strip("/").split("/")[-2:]
            arn = f"arn:{place.partition}:sqs:{place.region}:{owner}:{name}"
            return (_allow("Send", ["sqs:SendMessage"], arn),)
        case "lambda-invoke":
            named = action.function
            arn = named if named.startswith("arn:") else place.arn("lambda", f"function:{named}")
            return (_allow("Invoke", ["lambda:InvokeFunction"], arn, f"{arn}:*"),)
        case _:  # http-post, exec and python call nothing of AWS that we could know of
            return ()


def _allow(sid: str, actions: Sequence[str], *resources: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
