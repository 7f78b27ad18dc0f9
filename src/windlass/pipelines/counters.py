"""Counters of delivered objects, and records of refused ones. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Count", "RefusedObject"]


@dataclass(frozen=True, slots=True)
class Count:
    """Objects of one pipeline with one outcome in one minute."""

    pipeline: str
    minute: datetime
    outcome: str
    objects: int
    read_bytes: int = 0
    written_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RefusedObject:
    """An object that a pipeline refused: the reason, and the URL of its copy below `on_error` (empty without one)."""

    pipeline: str
    bucket: str
    key: str
    at: datetime
    version_id: str
    reason: str
    message: str
    kept_at: str = ""
    retried_at: datetime | None = None
