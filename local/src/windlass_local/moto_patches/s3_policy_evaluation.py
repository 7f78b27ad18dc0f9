"""moto does not evaluate bucket policies a second time.

Upstream: get_permission reads a Deny without its principal and conditions, and so refuses calls that AWS allows.
AWS: a statement applies only to its principals and under its conditions.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Offered upstream: no.
"""

from __future__ import annotations

from moto.iam.access_control import PermissionResult
from moto.s3 import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models.FakeBucket.get_permission",
    "moto.iam.models.get_account_id_from",
)


def apply() -> None:
    """Permit everything: `s3/access.py` decides before moto sees the call."""
    models.FakeBucket.get_permission = lambda _bucket, _action, _resource: PermissionResult.PERMITTED
