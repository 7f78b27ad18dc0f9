"""The `[[consume]]` entries of windlass.toml: which queue is handled by what, and how."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.queues.model import MAX_VISIBILITY_S, Limits

__all__ = ["ConsumeConfig"]


class ConsumeConfig(BaseModel):
    """One consumer: a queue, a handler, and how they are brought together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", description="Name of this consumer; the queue's when empty.")
    queue: str = Field(description="The queue's URL, ARN or name.")
    handler: str = Field(description="The handler, as package.module:function.")
    account: str = Field(default="", description="Account of a queue given by name; the caller's own when empty.")
    region: str = Field(default="", description="Region of a queue given by name; estate.home_region when empty.")
    transport: Literal["lean", "boto3"] = Field(
        default="lean", description="How SQS is spoken to: the lean client, or boto3 on threads."
    )
    concurrency: int = Field(default=16, ge=1, description="Handlers that run at once.")
    prefetch: int = Field(default=10, ge=0, description="Messages received beside those being handled.")
    max_pollers: int = Field(
        default=8, ge=1, description="Receives on the wire at once, at most; idle queues have one."
    )
    wait_s: int = Field(default=20, ge=0, le=20, description="Long poll: seconds a receive waits for a message.")
    read_timeout_s: float = Field(
        default=35.0, gt=0, description="Seconds until a receive without an answer is given up; at least wait_s + 10."
    )
    batch_window_s: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="Seconds to wait after a receive that was not full, so that the next one costs less per message.",
    )
    visibility_s: int = Field(
        default=60,
        ge=1,
        le=MAX_VISIBILITY_S,
        description="Seconds a message is hidden from others; renewed while it is handled.",
    )
    max_handling_s: float = Field(
        default=3600.0, gt=0, description="Seconds after which a handler is cut off and its message retried."
    )
    stall_s: float = Field(
        default=300.0,
        gt=0,
        description="Seconds without any handler's end, while all are busy, after which /readyz says so.",
    )
    first_backoff_s: float = Field(
        default=5.0, gt=0, description="Seconds until a failed message is tried again; doubled each time."
    )
    max_backoff_s: float = Field(default=900.0, gt=0, description="The longest such wait, in seconds.")
    drain_s: float = Field(default=25.0, gt=0, description="Seconds that running handlers get after SIGTERM.")
    flush_s: float = Field(default=3.0, gt=0, description="Seconds that the last deletes and releases get after that.")
    grace_s: float = Field(
        default=0.0,
        ge=0,
        description="The pod's terminationGracePeriodSeconds, to be checked against drain_s and flush_s; 0 for unknown.",
    )
    unwrap: list[Literal["sns", "eventbridge", "base64", "gzip", "s3"]] = Field(
        default=[],
        description="What is taken off a body before the handler sees it, in this order; `s3` fetches large payloads.",
    )
    payload_bucket: str = Field(
        default="", description="Bucket of large payloads: a pointer to another one is rejected. Any bucket when empty."
    )
    delete_payload: bool = Field(
        default=False,
        description="Delete a large payload from payload_bucket after the deletion of its message is confirmed.",
    )
    idempotency: Literal["", "store", "dynamodb"] = Field(
        default="", description="Remember what was done: in the store (SQLite, PostgreSQL), or in a DynamoDB table."
    )
    idempotency_table: str = Field(default="windlass-idempotency", description="The DynamoDB table that remembers.")
    idempotency_window_s: float = Field(default=86_400.0, gt=0, description="Seconds for which it is remembered.")
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
        """The consumer's name for people."""
        return self.name or self.queue.rstrip("/").rpartition("/")[2].rpartition(":")[2]

    def limits(self, *, fifo: bool = False, max_receive_count: int = 0) -> Limits:
        """The times and numbers, checked against each other; ConfigError says which contradict."""
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
        given = {name: getattr(self, name) for name in names}
        payload_bucket = self.payload_bucket if self.delete_payload else ""
        return Limits(**given, fifo=fifo, max_receive_count=max_receive_count, payload_bucket=payload_bucket)
