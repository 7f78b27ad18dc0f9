"""CloudTrail: moto's, with trails that can be deleted by their ARN, and a word when there is none of that name.

What trails record is in `trails/`.
"""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.models import CloudTrailBackend

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.cloudtrail.models.CloudTrailBackend.delete_trail",
    "moto.cloudtrail.models.CloudTrailBackend.get_trail",
)


def install() -> None:
    """Replace moto's operation; a second call changes nothing."""
    CloudTrailBackend.delete_trail = _delete_trail


def _delete_trail(backend: Any, name: str) -> None:
    """DeleteTrail: by name or ARN. TrailNotFoundException for none."""
    del backend.trails[backend.get_trail(name).trail_name]
