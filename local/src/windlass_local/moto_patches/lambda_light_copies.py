"""Listing and publishing functions does not copy their region.

Upstream: deepcopy of a function copies all log events of its region.
AWS: no visible difference; listing stays fast.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
Offered upstream: no.
"""

from __future__ import annotations

import copy

from moto.awslambda import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.awslambda.models.LambdaBackend.get_alias",)


def apply() -> None:
    """Make deep copies shallow."""
    models.LambdaFunction.__deepcopy__ = lambda function, _memo: copy.copy(function)
