"""DescribeOptionGroups lists all option groups when it names none.

Upstream: a request without a name fails with KeyError, and an account without option groups with OptionGroupNotFoundFault.
AWS: without OptionGroupName all option groups are listed; OptionGroupNotFoundFault is for a name that does not exist.
Source: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOptionGroups.html
Offered upstream: no.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.rds.models import RDSBackend

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.rds.models.RDSBackend.describe_option_groups",)


def apply() -> None:
    """Wrap the operation."""
    RDSBackend.describe_option_groups = _without_name(RDSBackend.describe_option_groups)


def _without_name(describe: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    @functools.wraps(describe)
    def describe_option_groups(self: Any, option_group_kwargs: dict[str, Any]) -> list[Any]:
        options = {"option_group_name": None, **option_group_kwargs}
        if not options["option_group_name"] and not self.option_groups:
            return []
        return describe(self, options)

    return describe_option_groups
