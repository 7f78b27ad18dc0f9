"""The parts that both kinds of stack have, from names and numbers. Pure; parts/ says which keys a part's `want` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.core.errors import ConfigError
from windlass.deploy.stacks import Code, Part, PartKind, Place, Via, fitted
from windlass.deploy.stacks_roles import LAMBDA_TRUST

__all__ = [
    "FunctionSettings",
    "Source",
    "bridged",
    "covering",
    "dead_queue",
    "event_pattern",
    "event_rule",
    "events_queue",
    "function",
    "log_group",
    "mapping",
    "notification",
    "read_s3",
    "role",
    "sending",
]

DEAD_RETENTION_S = 1_209_600
EVENTS_RETENTION_S = 1_209_600
MAX_RECEIVES = 5
LOG_DAYS = 30


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """How the function runs: what the command line may say."""

    timeout_s: int = 60
    memory_mb: int = 512
    architecture: str = "arm64"
    runtime: str = "python3.12"
    concurrency: int = 0
    kms_key_arns: tuple[str, ...] = ()
    via: Via = Via.NOTIFICATION

    @property
    def visibility_s(self) -> int:
        """Six times the timeout, as AWS advises for a queue that feeds a function."""
        return 6 * self.timeout_s


@dataclass(frozen=True, slots=True)
class Source:
    """A bucket whose events are asked for: which, and of which keys."""

    bucket: str
    events: tuple[str, ...]
    prefixes: tuple[str, ...] = ("",)
    suffixes: tuple[str, ...] = ("",)


def covering(values: Sequence[str], covers: Callable[[str, str], bool]) -> tuple[str, ...]:
    """The fewest prefixes (`str.startswith`) or suffixes (`str.endswith`) that say the same: S3 takes none that overlap."""
    each = list(dict.fromkeys(values))
    return tuple(one for one in each if not any(one != other and covers(one, other) for other in each))


def read_s3(text: str, what: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`; a template's prefix ends where its first field begins."""
    scheme, _, rest = text.partition("s3://")
    bucket, _, prefix = rest.partition("/")
    if scheme or not bucket or "{" in bucket:
        raise ConfigError(f"{what} = {text!r} is not s3://bucket/prefix", hint="Mend it in windlass.toml.")
    return bucket, prefix.partition("{")[0]


def dead_queue(name: str) -> Part:
    """The queue for what could not be handled."""
    attributes = {"MessageRetentionPeriod": str(DEAD_RETENTION_S), "SqsManagedSseEnabled": "true"}
    return Part("dead letters", PartKind.QUEUE, name, {"attributes": attributes, "statements": ()})


def events_queue(
    place: Place,
    name: str,
    dead: str,
    visibility_s: int,
    mark: str,
    sources: Sequence[Source],
    *,
    purpose: str = "events",
    receives: int = MAX_RECEIVES,
    rule_arns: Sequence[str] = (),
) -> Part:
    """A queue that a function is fed from, and that these buckets may send to; or these rules, where there are some."""
    arn = place.arn("sqs", name)
    redrive = {"deadLetterTargetArn": place.arn("sqs", dead), "maxReceiveCount": receives}
    attributes = {
        "VisibilityTimeout": str(visibility_s),
        "MessageRetentionPeriod": str(EVENTS_RETENTION_S),
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": redrive,
    }
    buckets = sorted({one.bucket for one in sources})
    statement = {
        "Sid": f"{mark.replace('.', '-').rstrip('-')}-buckets",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": [place.bucket_arn(one) for one in buckets]},
            "StringEquals": {"aws:SourceAccount": place.account_id},
        },
    }
    if rule_arns:
        statement |= {
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
        }
    return Part(
        purpose, PartKind.QUEUE, name, {"attributes": attributes, "statements": (statement,) if buckets else ()}
    )


def log_group(function_name: str) -> Part:
    """Where the function's log goes, for thirty days."""
    return Part("log", PartKind.LOG_GROUP, f"/aws/lambda/{function_name}", {"retentionInDays": LOG_DAYS})


def role(name: str, policy: Mapping[str, Any], description: str) -> Part:
    """The function's role."""
    return Part("role", PartKind.ROLE, name, {"trust": LAMBDA_TRUST, "policy": policy, "description": description})


def function(
    place: Place, name: str, role_name: str, handler: str, code: Code | None, settings: FunctionSettings
) -> Part:
    """The function. Without code it can be looked at and deleted, not made."""
    configuration = {
        "Runtime": settings.runtime,
        "Handler": handler,
        "Role": place.role_arn(role_name),
        "Timeout": settings.timeout_s,
        "MemorySize": settings.memory_mb,
        "Architectures": [settings.architecture],
    }
    return Part("function", PartKind.FUNCTION, name, {"configuration": configuration, "code": code})


def mapping(
    place: Place, function_name: str, queue: str, *, purpose: str, batch: int, window_s: int = 0, concurrency: int = 0
) -> Part:
    """What feeds the function from a queue, and takes back single messages that failed."""
    want: dict[str, Any] = {
        "EventSourceArn": place.arn("sqs", queue),
        "BatchSize": batch,
        "MaximumBatchingWindowInSeconds": window_s,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    if concurrency:
        want["ScalingConfig"] = {"MaximumConcurrency": concurrency}
    return Part(purpose, PartKind.MAPPING, function_name, want)


def notification(place: Place, mark: str, queue: str, source: Source) -> Part:
    """The bucket's entries for the queue: one for each prefix and suffix, as an entry has one of each at most."""
    want = {
        "mark": mark,
        "queue_arn": place.arn("sqs", queue),
        "events": source.events,
        "filters": tuple((prefix, suffix) for prefix in source.prefixes for suffix in source.suffixes),
    }
    return Part(f"events of {source.bucket}", PartKind.NOTIFICATION, source.bucket, want)


def sending(
    place: Place, mark: str, function_name: str, queue: str, sources: Sequence[Source], via: Via
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The parts that send the buckets' events to the queue, and the ARNs of the rules that must be let in."""
    if via is Via.NOTIFICATION:
        return tuple(notification(place, mark, queue, source) for source in sources), ()
    rules = [event_rule(place, function_name, queue, source) for source in sources]
    switches = [bridged(mark, source) for source in sources]
    return (*rules, *switches), tuple(rule.want["rule_arn"] for rule in rules)


def event_rule(place: Place, function_name: str, queue: str, source: Source, *, wanted: bool = True) -> Part:
    """The rule that sends a bucket's events from EventBridge to the queue; not `wanted`: it shall go."""
    name = fitted(f"{function_name}-{source.bucket}")
    want = {
        "pattern": event_pattern(source) if wanted else {},
        "queue_arn": place.arn("sqs", queue),
        "rule_arn": place.arn("events", f"rule/{name}"),
    }
    return Part(f"rule of {source.bucket}", PartKind.EVENT_RULE, name, want)


def bridged(mark: str, source: Source) -> Part:
    """The bucket's switch: its events go to EventBridge, and none of our entries stay in its configuration."""
    want = {"mark": mark, "queue_arn": "", "events": (), "filters": (), "event_bridge": True}
    return Part(f"events of {source.bucket}", PartKind.NOTIFICATION, source.bucket, want)


def event_pattern(source: Source) -> dict[str, Any]:
    """EventBridge's pattern for a bucket's events. ConfigError for events that S3 does not send there.

    Source: S3 user guide, "Using EventBridge"; EventBridge user guide, "Comparison operators" (`wildcard`).
    """
    types = []
    for event in source.events:
        kind = next((kind for prefix, kind in _DETAIL_TYPES if event.startswith(prefix)), "")
        if not kind:
            raise ConfigError(
                f"S3 sends no {event} to EventBridge", hint="Leave that kind out, or use --via notification."
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
