# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""A function keeps the layers that it was created with.

Upstream: a function loses a layer's content when the layer version is deleted.
AWS: deleting a layer version does not affect functions that use it.
Source: https://docs.aws.amazon.com/lambda/latest/dg/creating-deleting-layers.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.awslambda import models

from windlass_local.lambda_.versions import LAYERS

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.LambdaFunction._get_layers_data",
    "moto.awslambda.models.LambdaBackend.layers_versions_by_arn",
    "moto.awslambda.utils.get_backend",
)


def apply() -> None:
    """Keep references to the layer versions."""
    original = models.LambdaFunction._get_layers_data

    @wraps(original)
    def layers(function: Any, arns: list[str]) -> Any:
        described = original(function, arns)
        backend = models.get_backend(function.account_id, function.region)
        setattr(function, LAYERS, tuple(backend.layers_versions_by_arn(arn) for arn in arns))
        return described

    models.LambdaFunction._get_layers_data = layers
