"""What is counted and kept of pipelines' work, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Count", "RefusedObject"]


@dataclass(frozen=True, slots=True)
class Count:
    """Objects of a pipeline in a minute that ended alike."""

    pipeline: str
    minute: datetime
    outcome: str
    objects: int
    read_bytes: int = 0
    written_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RefusedObject:
    """An object that a pipeline refused: why, and where it and the reason were put (empty: nowhere)."""

    pipeline: str
    bucket: str
    key: str
    at: datetime
    version_id: str
    reason: str
    message: str
    kept_at: str = ""
    retried_at: datetime | None = None
