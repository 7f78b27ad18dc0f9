"""Functions have a DeadLetterConfig.

Upstream: the parameter is ignored.
AWS: it is stored, returned and used for asynchronous invocations that fail.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeadLetterConfig.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.awslambda import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.LambdaFunction.get_configuration",
    "moto.awslambda.models.LambdaFunction.update_configuration",
)


def apply() -> None:
    """Store it, and return it with the configuration."""
    original_init = models.LambdaFunction.__init__
    original_update = models.LambdaFunction.update_configuration
    original_get = models.LambdaFunction.get_configuration

    @wraps(original_init)
    def initialise(function: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        function.dead_letter_config = spec.get("DeadLetterConfig") or {}
        original_init(function, account_id, spec, *args, **kwargs)

    @wraps(original_get)
    def configuration(function: Any, on_create: bool = False) -> dict[str, Any]:
        document: dict[str, Any] = original_get(function, on_create)
        if function.dead_letter_config.get("TargetArn"):
            document["DeadLetterConfig"] = function.dead_letter_config
        return document

    @wraps(original_update)
    def update(function: Any, updates: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in updates:
            function.dead_letter_config = updates["DeadLetterConfig"] or {}
        original_update(function, updates)
        document: dict[str, Any] = function.get_configuration()
        return document

    models.LambdaFunction.__init__ = initialise
    models.LambdaFunction.get_configuration = configuration
    models.LambdaFunction.update_configuration = update
