"""SNS topics invoke Lambda functions with the published message.

Upstream: the event names an example topic and subscription.
AWS: the event has the topic's and subscription's ARN, the message id and the attributes.
Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
Offered upstream: no.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from moto.sns.models import Subscription

from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import Functions, shared_functions

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.sns.models.Subscription.publish",
    "moto.sns.models.Subscription._parse_message_structure",
)


def apply() -> None:
    """Invoke functions asynchronously; leave the other protocols to moto."""
    functions = shared_functions()
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
