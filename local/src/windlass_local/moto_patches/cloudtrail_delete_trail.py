"""DeleteTrail accepts a name or an ARN.

Upstream: delete_trail knows names only and fails with KeyError for an unknown one.
AWS: the Name parameter is a name or an ARN; TrailNotFoundException for an unknown one.
Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteTrail.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.models import CloudTrailBackend

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.cloudtrail.models.CloudTrailBackend.delete_trail",
    "moto.cloudtrail.models.CloudTrailBackend.get_trail",
)


def apply() -> None:
    """Replace moto's operation."""
    CloudTrailBackend.delete_trail = _delete_trail


def _delete_trail(backend: Any, name: str) -> None:
    """Delete a trail by its name or ARN. TrailNotFoundException."""
    del backend.trails[backend.get_trail(name).trail_name]
