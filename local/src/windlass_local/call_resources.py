"""What a call names: its resource, the roles that it passes to a service, the tags that it sets. For the call log."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote

__all__ = ["resource_of", "roles_of", "sets_tags"]

_EDGE = 65_536
"""A function's zip may lie in the middle of a body; names and tags are near its ends."""
_FIELDS: Mapping[str, str] = {
    "cloudformation": "StackName",
    "cloudtrail": "TrailName|TrailARN|ResourceId|Name",
    "elasticmapreduce": "ClusterId|JobFlowId",
    "events": "Rule|ResourceARN|Name",
    "iam": "RoleName|PolicyArn",
    "logs": "logGroupName|logGroupNamePrefix|resourceArn",
}
_USUAL = "QueueUrl|QueueName|SourceArn|TableName|TopicArn|CacheClusterId|FileShareARN|FileShareARNList|WorkGroup|KeyId|ResourceArn"
_PATHS: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    "lambda": (
        (re.compile(r"/functions/([^/]+)"), "function:{}"),
        (re.compile(r"/event-source-mappings/([^/]+)"), "event-source-mapping:{}"),
    ),
    "cloudfront": ((re.compile(r"/distribution/([^/]+)"), "distribution/{}"),),
    "emr-serverless": ((re.compile(r"(/applications/[^/]+(?:/jobruns/[^/]+)?)"), "{}"),),
    "s3control": ((re.compile(r"/jobs/([^/]+)"), "job/{}"),),
}
_ROLES = re.compile(
    rb'"(?:Role|ServiceRole|JobFlowRole|executionRoleArn)"\s*:\s*"([^"]+)"|<(?:Role|RoleArn)>([^<]+)<'
    rb"|(?:^|&)(?:ServiceRole|JobFlowRole)=([^&]+)"
)
_PASSING = frozenset(
    {
        ("lambda", "CreateFunction"),
        ("lambda", "UpdateFunctionConfiguration"),
        ("s3", "PutBucketReplication"),
        ("s3control", "CreateJob"),
        ("elasticmapreduce", "RunJobFlow"),
        ("emr-serverless", "StartJobRun"),
    }
)
_TAGS = re.compile(rb'"[Tt]ags(?:List)?"\s*:\s*[\[{]\s*["{]|(?:^|&)Tags\.|<Tags>\s*<')


def resource_of(service: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the resource that a call names: a queue's URL, a table's name, `function:NAME`; for an S3 copy, its source."""
    if service == "s3":
        return unquote(headers.get("x-amz-copy-source", "")).lstrip("/")
    for pattern, shape in _PATHS.get(service, ()):
        match = pattern.search(path)
        if match:
            name = unquote(match[1])
            qualifier = parse_qs(query).get("Qualifier", [""])[0] if service == "lambda" else ""
            named = name if name.startswith("arn:") else shape.format(name)
            return f"{named}:{qualifier}" if qualifier else named
    if service == "lambda" and path.rstrip("/").endswith("/functions"):
        created = _value_of_field("FunctionName", body)
        return f"function:{created}" if created else ""
    return _value_of_field(_FIELDS.get(service, _USUAL), body)


def roles_of(service: str, operation: str, body: bytes) -> tuple[str, ...]:
    """Return the roles (names or ARNs) that a call passes to a service, which needs permission to pass them."""
    if (service, operation) not in _PASSING:
        return ()
    result = {next(filter(None, match)).decode(errors="replace") for match in _ROLES.findall(_edges(body))}
    return tuple(sorted(unquote(resource) for resource in result))


def sets_tags(service: str, headers: Mapping[str, str], body: bytes) -> bool:
    """True when a call creates something with tags, which needs permission to tag."""
    if service == "s3":
        return bool(headers.get("x-amz-tagging"))
    return _TAGS.search(_edges(body)) is not None


def _value_of_field(fields: str, body: bytes) -> str:
    text = _edges(body)
    in_json, in_form = _patterns(fields)
    match = in_json.search(text)
    if match:
        return match[1].decode(errors="replace")
    formed = in_form.search(text)
    return unquote(formed[1].decode(errors="replace")) if formed else ""


@functools.cache
def _patterns(fields: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    names = fields.encode()
    return (
        re.compile(rb'"(?:' + names + rb')"\s*:\s*\[?\s*"([^"]+)"'),
        re.compile(rb"(?:^|&)(?:" + names + rb")=([^&]+)"),
    )


def _edges(body: bytes) -> bytes:
    return body if len(body) <= 2 * _EDGE else body[:_EDGE] + body[-_EDGE:]
