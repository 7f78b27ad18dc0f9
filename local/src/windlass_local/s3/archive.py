"""Archived objects (GLACIER, DEEP_ARCHIVE): unreadable until they are restored, for some days.

Sources: AWS docs, "Working with archived objects", API references of RestoreObject, HeadObject and ListObjectsV2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from xml.etree import ElementTree as ET

from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from windlass_local.request import Response
from windlass_local.s3.address import S3Request
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.responses import empty, refuse
from windlass_local.xml import parse_xml

__all__ = [
    "RESTORE_TIMING",
    "RestoreTiming",
    "archived",
    "restore_header",
    "restore_object",
    "restore_status",
    "source_archived",
]

_TIERS = ("Standard", "Bulk", "Expedited")
Tell = Callable[[str, Any, Any], None]


@dataclass(slots=True)
class RestoreTiming:
    """How long a restore takes (hours in AWS). Tests move `ahead_s`, the simulated clock of restores and their expiry."""

    takes_s: float = 0.5
    ahead_s: float = 0.0

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.fromtimestamp(time.time() + self.ahead_s, UTC)


RESTORE_TIMING = RestoreTiming()
"""The pace of this process, as moto's state is."""


def _state(key: ObjectVersion) -> str:
    """Return "" when no restore was requested (or it has expired), "ongoing", or "restored"."""
    if key.restore_ready_at is None or key.restore_expires_at is None:
        return ""
    now = RESTORE_TIMING.now()
    if now < key.restore_ready_at:
        return "ongoing"
    return "restored" if now < key.restore_expires_at else ""


def is_archived(key: ObjectVersion) -> bool:
    """True when the object's bytes cannot be read now."""
    return key.storage_class in ARCHIVE_STORAGE_CLASSES and _state(key) != "restored"


def archived(call: S3Request, key: ObjectVersion) -> Response | None:
    """Return the refusal to read an archived object; None when it can be read. Its headers can always be read."""
    if call.method == "HEAD" or not is_archived(key):
        return None
    message = "The operation is not valid for the object's storage class"
    return refuse(403, "InvalidObjectState", message, details={"StorageClass": key.storage_class})


def source_archived(source: ObjectVersion) -> Response | None:
    """Return the refusal of a copy (or of a part) of an archived object; None when it can be copied."""
    if not is_archived(source):
        return None
    return refuse(403, "InvalidObjectState", "Operation is not valid for the source object's storage class")


def restore_header(key: ObjectVersion) -> dict[str, str]:
    """Return the header `x-amz-restore` of GetObject and HeadObject; none without a restore."""
    state = _state(key)
    if not state or key.restore_expires_at is None:
        return {}
    if state == "ongoing":
        return {"x-amz-restore": 'ongoing-request="true"'}
    expiry = format_datetime(key.restore_expires_at, usegmt=True)
    return {"x-amz-restore": f'ongoing-request="false", expiry-date="{expiry}"'}


def restore_status(key: ObjectVersion) -> str:
    """Return the element RestoreStatus of a listing; "" without a restore."""
    state = _state(key)
    if not state or key.restore_expires_at is None:
        return ""
    if state == "ongoing":
        return "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>"
    expiry = f"{key.restore_expires_at:%Y-%m-%dT%H:%M:%S}.000Z"
    return (
        "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>"
        f"<RestoreExpiryDate>{expiry}</RestoreExpiryDate></RestoreStatus>"
    )


def restore_object(call: S3Request, bucket: Any, key: ObjectVersion, notify: Tell) -> Response:
    """Answer RestoreObject: 202 for a new restore, 200 where one is extended, 409 while one is under way."""
    request_body = _wish(call)
    if isinstance(request_body, Response):
        return request_body
    days, tier = request_body
    if key.storage_class not in ARCHIVE_STORAGE_CLASSES:
        message = "Restore is not allowed for the object's current storage class"
        return refuse(403, "InvalidObjectState", message, details={"StorageClass": key.storage_class})
    if tier == "Expedited" and key.storage_class == "DEEP_ARCHIVE":
        return refuse(400, "InvalidArgument", "Retrieval option is not supported by this storage class")
    now = RESTORE_TIMING.now()
    with bucket.keys.lock:
        state = _state(key)
        if state == "ongoing":
            return refuse(409, "RestoreAlreadyInProgress", "Object restore is already in progress")
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        key.restore_expires_at = midnight + timedelta(days=days + 1)  # rounded up to midnight
        if state == "restored":
            return empty(200)
        key.restore_ready_at = now + timedelta(seconds=RESTORE_TIMING.takes_s)
        notify("s3:ObjectRestore:Post", bucket, key)
    timer = threading.Timer(RESTORE_TIMING.takes_s, notify, ("s3:ObjectRestore:Completed", bucket, key))
    timer.daemon = True
    timer.start()
    return empty(202)


def _wish(call: S3Request) -> tuple[int, str] | Response:
    malformed = refuse(
        400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
    )
    try:
        root = parse_xml(call.request.body)
    except ET.ParseError:
        return malformed
    days = (root.findtext("{*}Days") or "").strip()
    tier = (root.findtext("{*}GlacierJobParameters/{*}Tier") or root.findtext("{*}Tier") or "Standard").strip()
    if not days.removeprefix("-").isdigit() or tier not in _TIERS:
        return malformed
    if int(days) < 1:
        return refuse(400, "InvalidArgument", "restoration days should be at least 1")
    return int(days), tier
