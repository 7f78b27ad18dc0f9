"""`windlass.functions.consume.handler`: the `[[consume]]` entries of the windlass.toml beside it (or named by WINDLASS_CONFIG).

The event source mapping of each entry's queue calls it, with ReportBatchItemFailures set. `handler`, `unwrap`, the DynamoDB
ledger and RetryLater's seconds mean what they mean in a worker; a rejected message goes to the queue's dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from windlass.core.errors import ConfigError, NotFound, UsageError
from windlass.functions.runtime import (
    SharedSections,
    load_runtime,
    message_deleter,
    preload_botocore,
    visibility_setter,
)
from windlass.queues.address import Queue, read_reference
from windlass.queues.config import ConsumeConfig
from windlass.queues.envelope_handler import wrap_envelopes
from windlass.queues.envelopes import MAX_UNPACKED_BYTES
from windlass.queues.handlers import Handler, load_handler
from windlass.queues.idempotency import DynamoLedger, key_of, once
from windlass.queues.lambda_ import PayloadDeletion, SendDeadLetter, lambda_handler
from windlass.queues.lookup import find_queue
from windlass.queues.payloads import Pointer
from windlass.queues.transports import dead_letter_entry
from windlass.wire.sqs import Message

if TYPE_CHECKING:
    from windlass.estate.service import Estate

__all__ = ["handler"]


class _Sections(SharedSections):
    consume: list[ConsumeConfig] = Field(default=[])


def handler(event: Any, context: Any) -> Any:
    """Lambda's entry point; its clients are opened at the first call and kept for the next."""
    records = event.get("Records") or [{}]
    return _entry(str(records[0].get("eventSourceARN", "")))(event, context)


@cache
def _parts() -> tuple[tuple[ConsumeConfig, ...], Estate]:
    settings, estate = load_runtime(_Sections)
    return tuple(settings.consume), estate


@cache
def _entry(queue_arn: str) -> Callable[[Any, Any], Any]:
    """Return the entry point of one queue. ConfigError when windlass.toml has no entry for it, or one that needs a store."""
    configs, estate = _parts()
    if not queue_arn:
        raise ConfigError(
            "this event does not come from an SQS queue",
            hint="Invoke the function through an SQS event source mapping.",
        )
    name = read_reference(queue_arn).name
    config = next((config for config in configs if read_reference(config.queue).name == name), None)
    if config is None:
        raise ConfigError(
            f"windlass.toml has no [[consume]] entry for {queue_arn}", hint="Add an entry with this queue."
        )
    if config.idempotency == "store":
        raise ConfigError(
            f"consumer {config.title} keeps its record in the store; a Lambda function has no store",
            hint='Set idempotency = "dynamodb" and idempotency_table.',
        )
    queue = find_queue(estate, queue_arn)
    return lambda_handler(
        load_handler(config.handler, folder=Path.cwd()),
        dead_letter=_dead_lettering(estate, queue),
        postpone=visibility_setter(estate),
        payloads=_payloads(config, estate, queue),
        around=_wrapper(config, estate, queue),
        concurrency=config.concurrency,
    )


def _wrapper(config: ConsumeConfig, estate: Estate, queue: Queue) -> Callable[[Handler], Handler]:
    def dynamodb(operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(queue.account_id, queue.region, "dynamodb", operation, **params)

    def fetch(pointer: Pointer) -> str:
        response = estate.call(
            queue.account_id, queue.region, "s3", "GetObject", Bucket=pointer.bucket, Key=pointer.key
        )
        with response["Body"] as body:
            data: bytes = body.read(MAX_UNPACKED_BYTES)
        return data.decode("utf-8", "surrogateescape")

    def around(function: Handler) -> Handler:
        if config.idempotency:
            ledger = DynamoLedger(
                dynamodb,
                config.idempotency_table,
                busy_s=float(config.visibility_s),
                window_s=config.idempotency_window_s,
            )
            function = once(ledger, key_of(queue.arn, config.idempotency_key))(function)
        return (
            wrap_envelopes(config.unwrap, fetch, bucket=config.payload_bucket)(function) if config.unwrap else function
        )

    return around


def _payloads(config: ConsumeConfig, estate: Estate, queue: Queue) -> PayloadDeletion | None:
    if not config.delete_payload:
        return None

    def delete_object(pointer: Pointer) -> None:
        estate.call(queue.account_id, queue.region, "s3", "DeleteObject", Bucket=pointer.bucket, Key=pointer.key)

    return PayloadDeletion(config.payload_bucket, message_deleter(estate), delete_object)


def _dead_lettering(estate: Estate, queue: Queue) -> SendDeadLetter | None:
    """Return a function that sends rejected messages to the dead-letter queue; None when no such queue can be reached."""
    if not queue.dead_letter_arn:
        return None
    try:
        dead = find_queue(estate, queue.dead_letter_arn)
    except (NotFound, UsageError):
        return None

    def dead_letter(message: Message, reason: str) -> None:
        entry = dead_letter_entry(message, reason)
        group = {"MessageGroupId": entry.group, "MessageDeduplicationId": entry.deduplication_id} if entry.group else {}
        estate.call(
            dead.account_id,
            dead.region,
            "sqs",
            "SendMessage",
            QueueUrl=dead.url,
            MessageBody=entry.body,
            MessageAttributes=dict(entry.attributes),
            **group,
        )

    return dead_letter


preload_botocore()
