"""A function has one event invoke configuration.

Upstream: each Put appends one, and Get returns the first.
AWS: PutFunctionEventInvokeConfig overwrites; Update merges.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.EventInvokeConfig",
    "moto.awslambda.models.LambdaBackend.put_function_event_invoke_config",
    "moto.awslambda.models.LambdaBackend.update_function_event_invoke_config",
)


def apply() -> None:
    """Replace both operations."""

    def put(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        function = backend.get_function(function_name)
        result = models.EventInvokeConfig(function.function_arn, function.last_modified, config)
        function.event_invoke_config = [result]
        document: dict[str, Any] = result.response()
        return document

    def update(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        function = backend.get_function(function_name)
        before = function.event_invoke_config[-1].config if function.event_invoke_config else {}
        return put(backend, function_name, before | config)

    models.LambdaBackend.put_function_event_invoke_config = put
    models.LambdaBackend.update_function_event_invoke_config = update
