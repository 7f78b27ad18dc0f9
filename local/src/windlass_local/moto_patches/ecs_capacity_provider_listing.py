"""DescribeCapacityProviders lists all capacity providers when it names none.

Upstream: a request without names fails with TypeError.
AWS: without `capacityProviders` all capacity providers of the account are listed.
Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html
Offered upstream: no.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.ecs.models import EC2ContainerServiceBackend

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.ecs.models.EC2ContainerServiceBackend.describe_capacity_providers",)


def apply() -> None:
    """Wrap the operation."""
    backend = EC2ContainerServiceBackend
    backend.describe_capacity_providers = _without_names(backend.describe_capacity_providers)


def _without_names(describe: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(describe)
    def describe_capacity_providers(self: Any, names: list[str] | None) -> Any:
        return describe(self, list(self.capacity_providers) if names is None else names)

    return describe_capacity_providers
