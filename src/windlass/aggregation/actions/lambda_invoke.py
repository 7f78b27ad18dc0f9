"""lambda-invoke: a function gets the summary as its event."""

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
            "Event: done when Lambda has taken it, which then retries it itself. RequestResponse: done when the function "
            "returned, failed when it raised; estate.read_timeout_s has to be longer than the function takes."
        ),
    )

    def act(self, summary: Summary, context: Context) -> None:
        """Invoke; AwsError with what the function answered when it failed."""
        more = {"Qualifier": self.qualifier} if self.qualifier else {}
        answer = context.call(
            "lambda",
            "Invoke",
            FunctionName=self.function,
            InvocationType=self.mode,
            Payload=summary_text(summary, context).encode(),
            **more,
        )
        said = _read(answer.get("Payload"))
        if answer.get("FunctionError"):
            raise AwsError(
                f"Lambda function {self.function} failed ({answer['FunctionError']}): {masked(said[-_TAIL:])}",
                hint="Its log has the whole of it; the window is tried again.",
                code="FunctionError",
            )


def _read(payload: Any) -> str:
    """The body, read to its end: the connection can only then be used again."""
    if payload is None:
        return ""
    try:
        data: bytes = payload.read()
    finally:
        payload.close()
    return data.decode("utf-8", "replace")
