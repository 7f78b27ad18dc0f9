"""Completion events of actions that only start work, read without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["completion_of"]

_REFRESHED = "Storage Gateway Refresh Cache Event"
_NAMES = ("notification-id", "notificationId", "NotificationId")


def completion_of(payload: str | Mapping[str, Any]) -> str:
    """Return the NotificationId of RefreshCache in an EventBridge event (text or object); empty for any other event."""
    if isinstance(payload, str):
        if _REFRESHED not in payload:
            return ""
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return ""
    if not isinstance(payload, Mapping) or payload.get("detail-type") != _REFRESHED:
        return ""
    detail = payload.get("detail")
    if not isinstance(detail, Mapping):
        return ""
    return next((str(detail[name]) for name in _NAMES if detail.get(name)), "")
