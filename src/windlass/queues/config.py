"""The `[[consume]]` entries of windlass.toml: a queue, its handler, and the settings of the consumer."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.queues.model import MAX_VISIBILITY_S, Limits

__all__ = ["ConsumeConfig"]


class ConsumeConfig(BaseModel):
    """One consumer: a queue, its handler, and its settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", description="Name of this consumer; the queue's when empty.")
    queue: str = Field(description="The queue's URL, ARN or name.")
    handler: str = Field(description="The handler, as package.module:function.")
    account: str = Field(default="", description="Account of a queue given by name; the caller's own when empty.")
    region: str = Field(default="", description="Region of a queue given by name; estate.home_region when empty.")
    transport: Literal["lean", "boto3"] = Field(
        default="lean", description="Client for SQS: the lean client, or boto3 on threads."
    )
    concurrency: int = Field(default=16, ge=1, description="Handlers that run at once.")
    prefetch: int = Field(
        default=10, ge=0, description="Messages received ahead, in addition to those that are handled."
    )
    max_pollers: int = Field(default=8, ge=1, description="Maximum number of receives at once; an idle queue has one.")
    wait_s: int = Field(default=20, ge=0, le=20, description="Long poll: seconds a receive waits for a message.")
    read_timeout_s: float = Field(
        default=35.0, gt=0, description="Seconds after which a receive without a response fails; at least wait_s + 10."
    )
    batch_window_s: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="Seconds to wait after a receive that was not full, so that the next one brings more messages.",
    )
    visibility_s: int = Field(
        default=60,
        ge=1,
        le=MAX_VISIBILITY_S,
        description="Visibility timeout in seconds; extended while the message is handled.",
    )
    max_handling_s: float = Field(
        default=3600.0, gt=0, description="Seconds after which a handler is cancelled and its message retried."
    )
    stall_s: float = Field(
        default=300.0,
        gt=0,
        description="/readyz fails after this many seconds in which all slots are taken and no handler ends.",
    )
    first_backoff_s: float = Field(
        default=5.0, gt=0, description="Seconds until a failed message is retried; doubled with each receive."
    )
    max_backoff_s: float = Field(default=900.0, gt=0, description="Longest back-off, in seconds.")
    drain_s: float = Field(default=25.0, gt=0, description="Seconds that running handlers have to end after SIGTERM.")
    flush_s: float = Field(default=3.0, gt=0, description="Seconds for the last deletes and nacks after that.")
    grace_s: float = Field(
        default=0.0,
        ge=0,
        description="terminationGracePeriodSeconds of the pod, checked against drain_s and flush_s; 0 when unknown.",
    )
    unwrap: list[Literal["sns", "eventbridge", "base64", "gzip", "s3"]] = Field(
        default=[],
        description="Layers to remove from a body before the handler gets it, in this order; `s3` fetches large payloads.",
    )
    payload_bucket: str = Field(
        default="", description="Bucket of large payloads: a pointer to another one is rejected. Any bucket when empty."
    )
    delete_payload: bool = Field(
        default=False,
        description="Delete a large payload from payload_bucket after the deletion of its message is confirmed.",
    )
    idempotency: Literal["", "store", "dynamodb"] = Field(
        default="",
        description="Where handled keys are remembered: the store (SQLite, PostgreSQL), or a DynamoDB table.",
    )
    idempotency_table: str = Field(default="windlass-idempotency", description="DynamoDB table of handled keys.")
    idempotency_window_s: float = Field(
        default=86_400.0, gt=0, description="Seconds for which a handled key is remembered."
    )
    idempotency_key: str = Field(
        default="",
        description="JMESPath into a JSON body that names the work; the message's deduplication id, else its id, when empty.",
    )

    @model_validator(mode="after")
    def _check_payloads(self) -> Self:
        if self.delete_payload and not (self.payload_bucket and "s3" in self.unwrap):
            raise ValueError('delete_payload needs payload_bucket, and "s3" in unwrap')
        return self

    @property
    def title(self) -> str:
        """Name of the consumer for people."""
        return self.name or self.queue.rstrip("/").rpartition("/")[2].rpartition(":")[2]

    def limits(self, *, fifo: bool = False, max_receive_count: int = 0) -> Limits:
        """Return the limits. Raises ConfigError when settings contradict each other."""
        names = (
            "concurrency",
            "prefetch",
            "max_pollers",
            "wait_s",
            "read_timeout_s",
            "batch_window_s",
            "visibility_s",
            "max_handling_s",
            "first_backoff_s",
            "max_backoff_s",
            "drain_s",
            "flush_s",
        )
        values = {name: getattr(self, name) for name in names}
        payload_bucket = self.payload_bucket if self.delete_payload else ""
        return Limits(**values, fifo=fifo, max_receive_count=max_receive_count, payload_bucket=payload_bucket)
