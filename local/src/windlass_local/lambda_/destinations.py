"""Destinations of asynchronous invocations: a queue, a topic, an event bus, a function, a bucket."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.events.models import events_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

__all__ = ["send", "send_dead_letter"]


def send(arn: str, record: Mapping[str, Any], invoke: Callable[[str, bytes], None]) -> None:
    """Send `record` to `arn`; `invoke` starts a function. Raises what the service raises when the target does not exist."""
    body = json.dumps(record)
    _, _, service, region, account_id, rest = arn.split(":", 5)
    context = record["requestContext"]
    if service == "sqs":
        sqs_backends[account_id][region].send_message(queue_name=rest, message_body=body)
    elif service == "sns":
        sns_backends[account_id][region].publish(arn=arn, message=body)
    elif service == "lambda":
        invoke(arn, body.encode())
    elif service == "events":
        went_well = context["condition"] == "Success"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {'Success' if went_well else 'Failure'}",
            "Detail": body,
            "EventBusName": rest.rpartition("/")[2],
            "Resources": [arn, context["functionArn"]],
        }
        events_backends[account_id][region].put_events([entry])
    elif service == "s3":
        _, _, _, region, account_id, _, name = context["functionArn"].split(":")[:7]
        now = datetime.now(UTC)
        key = f"aws/lambda/async/{name}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        s3_backends[account_id]["aws"].put_object(rest, key, body.encode())


def send_dead_letter(arn: str, payload: bytes, *, request_id: str, code: str, message: str) -> None:
    """Send a failed event to its function's dead-letter queue or topic: the event as body, the cause as attributes."""
    _, _, service, region, account_id, rest = arn.split(":", 5)
    attributes = {"RequestID": request_id, "ErrorCode": code, "ErrorMessage": message[:1024] or "unknown"}
    if service == "sqs":
        sqs_backends[account_id][region].send_message(
            queue_name=rest,
            message_body=payload.decode(),
            message_attributes={
                name: {"DataType": "Number" if name == "ErrorCode" else "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
    else:
        sns_backends[account_id][region].publish(
            arn=arn,
            message=payload.decode(),
            message_attributes={name: {"Type": "String", "Value": value} for name, value in attributes.items()},
        )
