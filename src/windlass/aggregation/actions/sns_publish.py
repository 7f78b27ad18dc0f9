"""sns-publish: publish the summary to a topic."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass.aggregation.actions.base import Context
from windlass.aggregation.actions.payload import message_attributes, summary_text, token
from windlass.aggregation.model import Summary

__all__ = ["SnsPublish"]


class SnsPublish(BaseModel):
    """Publish the window's summary as JSON; rule, bucket and number of events are message attributes for filters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["sns-publish"] = Field(default="sns-publish", description="Publishes to an SNS topic.")
    topic_arn: str = Field(
        pattern=r"^arn:[^:]+:sns:[^:]+:\d{12}:.+$", description="The topic's ARN; it is in the rule's region."
    )
    subject: str = Field(
        default="", max_length=100, pattern=r"^[\x20-\x7e]*$", description="Subject of the e-mails that SNS sends."
    )

    def act(self, summary: Summary, context: Context) -> None:
        """Publish. On a FIFO topic the messages of a key keep their order, and one attempt publishes one message."""
        attributes = message_attributes(summary, context)
        params: dict[str, Any] = {"Subject": self.subject} if self.subject else {}
        if self.topic_arn.endswith(".fifo"):
            params |= {"MessageGroupId": token(context.key), "MessageDeduplicationId": token(context.attempt)}
        message = summary_text(summary, context)
        context.call("sns", "Publish", TopicArn=self.topic_arn, Message=message, MessageAttributes=attributes, **params)
