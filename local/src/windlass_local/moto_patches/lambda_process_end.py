"""Processes end with their function and when moto is reset.

Upstream: moto has no processes.
AWS: a deleted function can no longer be invoked.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.awslambda import models
from moto.core.base_backend import BaseBackend

from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import shared_functions

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.awslambda.models.LambdaBackend.delete_function",)


def apply() -> None:
    """End the processes with the function and with a reset."""
    functions = shared_functions()
    original = models.LambdaBackend.delete_function

    @wraps(original)
    def delete(backend: Any, function_name: str, qualifier: str | None = None) -> None:
        original(backend, function_name, qualifier)
        functions.deleted(parse_name(function_name, backend.account_id, backend.region_name, qualifier or ""))

    def reset(backend: Any) -> None:
        functions.reset()
        BaseBackend.reset(backend)

    models.LambdaBackend.delete_function = delete
    models.LambdaBackend.reset = reset
