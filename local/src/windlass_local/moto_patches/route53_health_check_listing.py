"""ListHealthChecks says that its page is the last.

Upstream: the response has neither IsTruncated nor MaxItems, so that a client cannot tell whether the list is complete.
AWS: `IsTruncated` and `MaxItems` are required members of the response.
Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHealthChecks.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.route53.responses import Route53

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.route53.responses.Route53.list_health_checks",)


def apply() -> None:
    """Replace the operation."""
    Route53.list_health_checks = _list_health_checks


def _list_health_checks(self: Any) -> ActionResult:
    health_checks = list(self.backend.list_health_checks())
    return ActionResult({"HealthChecks": health_checks, "Marker": "", "IsTruncated": False, "MaxItems": "100"})
