"""Subscription filters of CloudWatch Logs invoke functions after PutLogEvents.

Upstream: the function runs inside PutLogEvents, and would write its log while a log is being written.
AWS: delivery is asynchronous.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
Offered upstream: no.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from moto.awslambda.models import LambdaBackend

from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import shared_functions

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.awslambda.models.LambdaBackend.send_log_event",)


def apply() -> None:
    """Invoke functions asynchronously."""
    functions = shared_functions()

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
