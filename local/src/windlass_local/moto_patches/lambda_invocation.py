# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""Functions run in processes of this package, whichever moto service invokes them.

Upstream: LambdaFunction.invoke needs Docker; LambdaSimpleBackend returns a fixed text.
AWS: the function runs, with its log, errors and limits.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
Offered upstream: no.
"""

from __future__ import annotations

import base64
from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda_simple.models import LambdaSimpleBackend

from windlass_local.lambda_.function_name import FunctionName
from windlass_local.lambda_.functions import shared_functions
from windlass_local.lambda_.outcome import Throttled
from windlass_local.lambda_.versions import Unrunnable

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.LambdaFunction._invoke_lambda",
    "moto.awslambda.models.LambdaFunction.invoke",
    "moto.awslambda_simple.models.LambdaSimpleBackend.invoke",
    "moto.sts.models.STSBackend.assume_role",
    "moto.logs.models.LogsBackend.ensure_log_group",
)


class _Conflict(LambdaClientError):
    code = 429


def apply() -> None:
    """Run functions through the process pool."""
    functions = shared_functions()

    def invoke(function: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        qualifier = "" if str(function.version) == "$LATEST" else str(function.version)
        name = FunctionName(
            account_id=function.account_id,
            region=function.region,
            name=function.function_name,
            qualifier=qualifier,
            partition=function.partition,
        )
        payload = body.encode() if isinstance(body, str) else bytes(body or b"")
        kind = request_headers.get("x-amz-invocation-type") or request_headers.get("X-Amz-Invocation-Type")
        if kind == "Event":
            functions.events.accept(name, payload)
            return b""
        try:
            response = functions.invoke(name, payload)
        except Throttled as error:
            raise _Conflict("TooManyRequestsException", str(error)) from None
        except Unrunnable as error:
            raise LambdaClientError("InvalidRuntimeException", str(error)) from None
        if response.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = response.log_tail
        return response.payload

    def run(function: Any, event: Any = None) -> tuple[str, bool, str]:
        headers: dict[str, str] = {}
        response = invoke(function, event or "{}", {}, headers)
        log = base64.b64decode(headers["x-amz-log-result"]).decode("utf-8", "replace")
        return response.decode(), "x-amz-function-error" in headers, log

    models.LambdaFunction.invoke = invoke
    models.LambdaFunction._invoke_lambda = run
    LambdaSimpleBackend.invoke = models.LambdaBackend.invoke
