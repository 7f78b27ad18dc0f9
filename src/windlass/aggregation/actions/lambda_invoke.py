"""lambda-invoke: invoke a Lambda function with the summary as its event."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass.aggregation.actions.base import Context
from windlass.aggregation.actions.payload import summary_text
from windlass.aggregation.model import Summary
from windlass.core.aws_errors import masked
from windlass.core.errors import AwsError

__all__ = ["LambdaInvoke"]

_TAIL = 1000


class LambdaInvoke(BaseModel):
    """Invoke a Lambda function with the window's summary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["lambda-invoke"] = Field(default="lambda-invoke", description="Invokes a Lambda function.")
    function: str = Field(min_length=1, description="The function's name or ARN, in the rule's region.")
    qualifier: str = Field(default="", description="A version or alias; $LATEST when empty.")
    mode: Literal["Event", "RequestResponse"] = Field(
        default="Event",
        description=(
            "Event: done when Lambda accepted the event; Lambda retries it. RequestResponse: done when the function "
            "returned, failed when it raised; estate.read_timeout_s must be longer than the function runs."
        ),
    )

    def act(self, summary: Summary, context: Context) -> None:
        """Invoke the function; AwsError with the function's error when it failed."""
        qualifier = {"Qualifier": self.qualifier} if self.qualifier else {}
        response = context.call(
            "lambda",
            "Invoke",
            FunctionName=self.function,
            InvocationType=self.mode,
            Payload=summary_text(summary, context).encode(),
            **qualifier,
        )
        payload = _read(response.get("Payload"))
        if response.get("FunctionError"):
            raise AwsError(
                f"Lambda function {self.function} failed ({response['FunctionError']}): {masked(payload[-_TAIL:])}",
                hint="See the function's log for the complete error. Windlass retries the window.",
                code="FunctionError",
            )


def _read(payload: Any) -> str:
    """Read the response body to its end, so that the connection can be used again."""
    if payload is None:
        return ""
    try:
        data: bytes = payload.read()
    finally:
        payload.close()
    return data.decode("utf-8", "replace")
