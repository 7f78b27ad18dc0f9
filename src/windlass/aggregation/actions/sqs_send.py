"""sqs-send: send the summary to a queue."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.aggregation.actions.base import Context
from windlass.aggregation.actions.payload import message_attributes, summary_text, token
from windlass.aggregation.model import Summary

__all__ = ["SqsSend"]


class SqsSend(BaseModel):
    """Send the window's summary as JSON; rule, bucket and number of events are message attributes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["sqs-send"] = Field(default="sqs-send", description="Sends to an SQS queue.")
    queue_url: str = Field(pattern=r"^https?://.+", description="The queue's URL; it is in the rule's region.")
    delay_s: int = Field(
        default=0, ge=0, le=900, description="Seconds until the message can be received; 0 for a FIFO queue."
    )

    @model_validator(mode="after")
    def _check_delay(self) -> Self:
        if self.delay_s and self.queue_url.endswith(".fifo"):
            raise ValueError("a FIFO queue accepts no delay_s per message; set the queue's own delay")
        return self

    def act(self, summary: Summary, context: Context) -> None:
        """Send. On a FIFO queue the messages of a key keep their order, and one attempt sends one message."""
        attributes = message_attributes(summary, context)
        params: dict[str, Any] = {"DelaySeconds": self.delay_s} if self.delay_s else {}
        if self.queue_url.endswith(".fifo"):
            params |= {"MessageGroupId": token(context.key), "MessageDeduplicationId": token(context.attempt)}
        body = summary_text(summary, context)
        context.call(
            "sqs", "SendMessage", QueueUrl=self.queue_url, MessageBody=body, MessageAttributes=attributes, **params
        )
