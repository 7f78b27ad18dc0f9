"""What invokes functions beside callers, buckets and queues: EventBridge rules, SNS topics, log subscriptions."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from moto.awslambda.models import LambdaBackend
from moto.events.models import Rule
from moto.events.utils import EventTemplateParser
from moto.sns.models import Subscription

from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import Functions

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.events.models.Rule.send_to_targets",
    "moto.events.utils.EventTemplateParser.parse",
    "moto.sns.models.Subscription.publish",
    "moto.sns.models.Subscription._parse_message_structure",
    "moto.awslambda.models.LambdaBackend.send_log_event",
)


def apply(functions: Functions) -> None:
    """Patch moto's services. Once per process."""
    _rules(functions)
    _topics(functions)
    _log_subscriptions(functions)


def _rules(functions: Functions) -> None:
    """moto's rules know no Lambda target, and stop at the first one."""
    original = Rule.send_to_targets

    @wraps(original)
    def send(rule: Any, original_event: Any, transform_input: bool = True) -> None:
        ours = [each for each in rule.targets if ":lambda:" in each["Arn"]]
        if ours and rule.event_pattern.matches_event(original_event):
            for target in ours:
                payload = _input_of(target, original_event)
                functions.events.accept(parse_name(target["Arn"], "", ""), payload)
        others = copy.copy(rule)
        others.targets = [each for each in rule.targets if each not in ours]
        if others.targets:
            original(others, original_event, transform_input)

    Rule.send_to_targets = send


def _input_of(target: Mapping[str, Any], event: Mapping[str, Any]) -> bytes:
    """What the target gets: the event, a part of it, a text, or a template filled from it."""
    if target.get("Input"):
        return str(target["Input"]).encode()
    whole = dict(event)
    ingested = whole.pop("ingestion-time", None)
    at = whole.get("time")
    if isinstance(at, (int, float)):
        whole["time"] = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if target.get("InputPath"):
        return json.dumps(_at_path(whole, target["InputPath"])).encode()
    transformer = target.get("InputTransformer")
    if transformer:
        filled = EventTemplateParser.parse(
            input_template=transformer.get("InputTemplate"),
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**whole, "ingestion-time": ingested or at},
        )
        return json.dumps(filled).encode()
    return json.dumps(whole).encode()


def _at_path(event: Any, path: str) -> Any:
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            event = event.get(part) if isinstance(event, dict) else None
    return event


def _topics(functions: Functions) -> None:
    """moto's event names an example topic; S3's notices must arrive as what was published."""
    original = Subscription.publish

    @wraps(original)
    def publish(subscription: Any, message: str, message_id: str, *args: Any, **kwargs: Any) -> None:
        if subscription.protocol != "lambda":
            original(subscription, message, message_id, *args, **kwargs)
            return
        _to_function(functions, subscription, message, message_id, *args, **kwargs)

    Subscription.publish = publish


def _to_function(
    functions: Functions,
    subscription: Any,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: Mapping[str, Any] | None = None,
    message_structure: str | None = None,
    **_of_fifo: Any,
) -> None:
    matcher = subscription._filter_policy_matcher  # noqa: SLF001  as in moto's own publish
    if matcher is not None and not matcher.matches(message_attributes, message):
        return
    if message_structure == "json":
        message = subscription._parse_message_structure(message, "lambda")  # noqa: SLF001
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": subscription.topic.arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": f"{datetime.now(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertUrl": "EXAMPLE",
            "UnsubscribeUrl": "EXAMPLE",
            "MessageAttributes": {
                name: {"Type": value["Type"], "Value": _text(value["Value"])}
                for name, value in (message_attributes or {}).items()
            },
        },
    }
    functions.events.accept(parse_name(subscription.endpoint, "", ""), json.dumps({"Records": [record]}).encode())


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _log_subscriptions(functions: Functions) -> None:
    """moto runs the subscriber inside PutLogEvents; ours would log while the log is being written."""

    def send(
        backend: Any, function_arn: str, filter_name: str, log_group_name: str, log_stream_name: str, log_events: Any
    ) -> None:
        data = {
            "messageType": "DATA_MESSAGE",
            "owner": backend.account_id,
            "logGroup": log_group_name,
            "logStream": log_stream_name,
            "subscriptionFilters": [filter_name],
            "logEvents": log_events,
        }
        packed = base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()
        payload = json.dumps({"awslogs": {"data": packed}}).encode()
        functions.events.accept(parse_name(function_arn, "", ""), payload)

    LambdaBackend.send_log_event = send
