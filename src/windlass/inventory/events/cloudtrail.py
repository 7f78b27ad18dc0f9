"""A CloudTrail record as a ChangeEvent. Pure.

Source: CloudTrail User Guide, "CloudTrail record contents for management, data, and network activity events" and
"CloudTrail userIdentity element".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.core.clock import parse_time
from windlass.inventory.model import ChangeEvent

__all__ = ["actor_of", "changes_something", "event_of_record"]


def changes_something(record: Mapping[str, Any]) -> bool:
    """True for a management event that changed something: not a read, not refused, not an object's own event."""
    return (
        not record.get("errorCode")
        and record.get("readOnly") not in (True, "true")
        and record.get("eventCategory", "Management") == "Management"
        and record.get("managementEvent", True) is not False
    )


def event_of_record(record: Mapping[str, Any]) -> ChangeEvent:
    """Return who did what, when and from where. ValueError without a time or an id."""
    at = record.get("eventTime")
    event_id = record.get("eventID")
    if not isinstance(at, str) or not isinstance(event_id, str) or not event_id:
        raise ValueError("a CloudTrail record has an eventTime and an eventID")
    return ChangeEvent(
        event_id=event_id[:64],
        at=parse_time(at),
        source=_text(record, "eventSource"),
        name=_text(record, "eventName"),
        actor=actor_of(record.get("userIdentity")),
        source_ip=_text(record, "sourceIPAddress"),
        user_agent=_text(record, "userAgent"),
        region=_text(record, "awsRegion")[:32],
    )


def actor_of(identity: object) -> str:
    """Return the principal's ARN; the service that called for itself; else the most precise name of the caller in the record."""
    if not isinstance(identity, Mapping):
        return ""
    for name in ("arn", "invokedBy", "userName", "principalId", "accountId", "type"):
        value = identity.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
