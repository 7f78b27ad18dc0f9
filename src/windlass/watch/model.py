"""Alerts and their deliveries, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

__all__ = ["Alert", "Delivery", "DeliveryStatus", "Occurrence"]


class DeliveryStatus(StrEnum):
    """What became of a delivery to one action."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up after three days of retries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that a rule watches for: a change, a finding, an unread scope, a failed job.

    `facts` are plain JSON: type, resource, name, account_id, region, owner, actor, check, severity … as far as they apply.
    """

    occurred_at: datetime
    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An occurrence that a rule has recorded, for delivery with the others of its batch."""

    alert_id: int
    rule: str
    key: str
    occurred_at: datetime
    recorded_at: datetime
    title: str
    facts: Mapping[str, Any]
    batch_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The alerts of one batch, to one action of the rule."""

    batch_id: int
    action: int
    """The action's position in the rule, from 0."""
    rule: str
    key: str
    kind: str
    status: DeliveryStatus
    alerts: int
    due_at: datetime
    attempts: int
    next_at: datetime
    finished_at: datetime | None
    error: str
