"""Definitions of the resources that both kinds of stack have. Pure; the modules in resources/ document the keys of `desired`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.core.errors import ConfigError
from windlass.deploy.function_roles import LAMBDA_TRUST
from windlass.deploy.stack import EventRoute, FunctionCode, ResourceKind, StackLocation, StackResource, shortened

__all__ = [
    "BucketEvents",
    "FunctionSettings",
    "dead_letter_queue",
    "event_pattern",
    "event_rule",
    "event_sources",
    "eventbridge_switch",
    "events_queue",
    "fewest_filters",
    "function",
    "log_group",
    "mapping",
    "notification",
    "read_s3",
    "role",
]

DEAD_RETENTION_S = 1_209_600
EVENTS_RETENTION_S = 1_209_600
MAX_RECEIVES = 5
LOG_DAYS = 30


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Settings of the function that the command line can change."""

    timeout_s: int = 60
    memory_mb: int = 512
    architecture: str = "arm64"
    runtime: str = "python3.12"
    concurrency: int = 0
    kms_key_arns: tuple[str, ...] = ()
    via: EventRoute = EventRoute.NOTIFICATION

    @property
    def visibility_s(self) -> int:
        """Return six times the timeout: AWS's recommendation for a queue that invokes a function."""
        return 6 * self.timeout_s


@dataclass(frozen=True, slots=True)
class BucketEvents:
    """The events of one bucket that a stack needs, by event names and key filters."""

    bucket: str
    events: tuple[str, ...]
    prefixes: tuple[str, ...] = ("",)
    suffixes: tuple[str, ...] = ("",)


def fewest_filters(values: Sequence[str], covers: Callable[[str, str], bool]) -> tuple[str, ...]:
    """Return the fewest prefixes (`str.startswith`) or suffixes (`str.endswith`) that cover all: S3 refuses overlapping ones."""
    distinct = list(dict.fromkeys(values))
    return tuple(value for value in distinct if not any(value != other and covers(value, other) for other in distinct))


def read_s3(text: str, what: str) -> tuple[str, str]:
    """Split `s3://bucket/prefix`. The prefix of a template ends before its first placeholder."""
    scheme, _, rest = text.partition("s3://")
    bucket, _, prefix = rest.partition("/")
    if scheme or not bucket or "{" in bucket:
        raise ConfigError(f"{what} = {text!r} is not s3://bucket/prefix", hint="Correct it in windlass.toml.")
    return bucket, prefix.partition("{")[0]


def dead_letter_queue(name: str) -> StackResource:
    """Define the dead-letter queue."""
    attributes = {"MessageRetentionPeriod": str(DEAD_RETENTION_S), "SqsManagedSseEnabled": "true"}
    return StackResource("dead letters", ResourceKind.QUEUE, name, {"attributes": attributes, "statements": ()})


def events_queue(
    place: StackLocation,
    name: str,
    dead: str,
    visibility_s: int,
    mark: str,
    sources: Sequence[BucketEvents],
    *,
    purpose: str = "events",
    receives: int = MAX_RECEIVES,
    rule_arns: Sequence[str] = (),
) -> StackResource:
    """Define a queue that invokes a function. The buckets may send to it; with `rule_arns`, only those rules may."""
    arn = place.arn("sqs", name)
    redrive = {"deadLetterTargetArn": place.arn("sqs", dead), "maxReceiveCount": receives}
    attributes = {
        "VisibilityTimeout": str(visibility_s),
        "MessageRetentionPeriod": str(EVENTS_RETENTION_S),
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": redrive,
    }
    buckets = sorted({source.bucket for source in sources})
    statement = {
        "Sid": f"{mark.replace('.', '-').rstrip('-')}-buckets",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": [place.bucket_arn(bucket) for bucket in buckets]},
            "StringEquals": {"aws:SourceAccount": place.account_id},
        },
    }
    if rule_arns:
        statement |= {
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
        }
    return StackResource(
        purpose, ResourceKind.QUEUE, name, {"attributes": attributes, "statements": (statement,) if buckets else ()}
    )


def log_group(function_name: str) -> StackResource:
    """Define the function's log group, with a retention of 30 days."""
    return StackResource("log", ResourceKind.LOG_GROUP, f"/aws/lambda/{function_name}", {"retentionInDays": LOG_DAYS})


def role(name: str, policy: Mapping[str, Any], description: str) -> StackResource:
    """Define the function's role."""
    return StackResource(
        "role", ResourceKind.ROLE, name, {"trust": LAMBDA_TRUST, "policy": policy, "description": description}
    )


def function(
    place: StackLocation, name: str, role_name: str, handler: str, code: FunctionCode | None, settings: FunctionSettings
) -> StackResource:
    """Define the function. Without code it can be read and deleted, but not created."""
    configuration = {
        "Runtime": settings.runtime,
        "Handler": handler,
        "Role": place.role_arn(role_name),
        "Timeout": settings.timeout_s,
        "MemorySize": settings.memory_mb,
        "Architectures": [settings.architecture],
    }
    return StackResource("function", ResourceKind.FUNCTION, name, {"configuration": configuration, "code": code})


def mapping(
    place: StackLocation,
    function_name: str,
    queue: str,
    *,
    purpose: str,
    batch: int,
    window_s: int = 0,
    concurrency: int = 0,
) -> StackResource:
    """Define the event source mapping from a queue to the function, with partial batch responses."""
    desired: dict[str, Any] = {
        "EventSourceArn": place.arn("sqs", queue),
        "BatchSize": batch,
        "MaximumBatchingWindowInSeconds": window_s,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    if concurrency:
        desired["ScalingConfig"] = {"MaximumConcurrency": concurrency}
    return StackResource(purpose, ResourceKind.MAPPING, function_name, desired)


def notification(place: StackLocation, mark: str, queue: str, source: BucketEvents) -> StackResource:
    """Define the bucket's notification entries: one per prefix and suffix, because an entry takes one of each."""
    desired = {
        "mark": mark,
        "queue_arn": place.arn("sqs", queue),
        "events": source.events,
        "filters": tuple((prefix, suffix) for prefix in source.prefixes for suffix in source.suffixes),
    }
    return StackResource(f"events of {source.bucket}", ResourceKind.NOTIFICATION, source.bucket, desired)


def event_sources(
    place: StackLocation, mark: str, function_name: str, queue: str, sources: Sequence[BucketEvents], via: EventRoute
) -> tuple[tuple[StackResource, ...], tuple[str, ...]]:
    """Return the resources that send the buckets' events to the queue, and the ARNs of the rules that may send to it."""
    if via is EventRoute.NOTIFICATION:
        return tuple(notification(place, mark, queue, source) for source in sources), ()
    rules = [event_rule(place, function_name, queue, source) for source in sources]
    switches = [eventbridge_switch(mark, source) for source in sources]
    return (*rules, *switches), tuple(rule.desired["rule_arn"] for rule in rules)


def event_rule(
    place: StackLocation, function_name: str, queue: str, source: BucketEvents, *, wanted: bool = True
) -> StackResource:
    """Define the EventBridge rule from a bucket to the queue. When not `wanted`, an existing rule is deleted."""
    name = shortened(f"{function_name}-{source.bucket}")
    desired = {
        "pattern": event_pattern(source) if wanted else {},
        "queue_arn": place.arn("sqs", queue),
        "rule_arn": place.arn("events", f"rule/{name}"),
    }
    return StackResource(f"rule of {source.bucket}", ResourceKind.EVENT_RULE, name, desired)


def eventbridge_switch(mark: str, source: BucketEvents) -> StackResource:
    """Define the bucket's EventBridge switch: its events go to EventBridge, and our notification entries are removed."""
    desired = {"mark": mark, "queue_arn": "", "events": (), "filters": (), "event_bridge": True}
    return StackResource(f"events of {source.bucket}", ResourceKind.NOTIFICATION, source.bucket, desired)


def event_pattern(source: BucketEvents) -> dict[str, Any]:
    """Return the EventBridge pattern of a bucket's events. ConfigError for events that S3 does not send to EventBridge.

    Sources: S3 user guide, "Using EventBridge"; EventBridge user guide, "Comparison operators" (`wildcard`).
    """
    types = []
    for event in source.events:
        kind = next((kind for prefix, kind in _DETAIL_TYPES if event.startswith(prefix)), "")
        if not kind:
            raise ConfigError(
                f"S3 does not send {event} to EventBridge", hint="Remove that kind of event, or use --via notification."
            )
        types.append(kind)
    keys = [_key_filter(prefix, suffix) for prefix in source.prefixes for suffix in source.suffixes]
    detail: dict[str, Any] = {"bucket": {"name": [source.bucket]}}
    if all(keys):
        detail["object"] = {"key": keys}
    return {"source": ["aws.s3"], "detail-type": list(dict.fromkeys(types)), "detail": detail}


def _key_filter(prefix: str, suffix: str) -> dict[str, str]:
    if prefix and suffix:
        escaped = (text.replace("\\", "\\\\").replace("*", "\\*") for text in (prefix, suffix))
        return {"wildcard": "*".join(escaped)}
    return {"prefix": prefix} if prefix else {"suffix": suffix} if suffix else {}


_DETAIL_TYPES = (
    ("s3:ObjectCreated:", "Object Created"),
    ("s3:ObjectRemoved:", "Object Deleted"),
    ("s3:LifecycleExpiration:", "Object Deleted"),
    ("s3:LifecycleTransition", "Object Storage Class Changed"),
    ("s3:IntelligentTiering", "Object Access Tier Changed"),
    ("s3:ObjectRestore:", "Object Restore Completed"),
    ("s3:ObjectTagging:", "Object Tags Added"),
    ("s3:ObjectAcl:", "Object ACL Updated"),
)
