"""Object Lock of new objects: requested by headers, or the bucket's default; and when S3 refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from windlass_local.request import Response
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.responses import refuse

MODE, UNTIL, HOLD = (
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
)


def lock_refused(headers: Mapping[str, str], bucket: Any) -> Response | None:
    """Refuse a lock in a bucket without Object Lock, and a meaningless one; None when it is allowed."""
    if not any(name in headers for name in (MODE, UNTIL, HOLD)):
        return None
    if not bucket.object_lock_enabled:
        return refuse(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
    if (MODE in headers) != (UNTIL in headers):
        return refuse(400, "InvalidArgument", f"{UNTIL} and {MODE} must both be supplied")
    if headers.get(MODE, "GOVERNANCE") not in ("GOVERNANCE", "COMPLIANCE"):
        return refuse(400, "InvalidArgument", "Unknown wormMode directive.")
    if headers.get(HOLD, "OFF") not in ("ON", "OFF"):
        return refuse(400, "InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'")
    if UNTIL in headers and not _is_ahead(headers[UNTIL]):
        return refuse(400, "InvalidArgument", "The retain until date must be in the future!")
    return None


def missing_checksum(headers: Mapping[str, str], locks: Mapping[str, str], bucket: Any, what: str) -> Response | None:
    """Refuse an upload that will be locked and carries no checksum; None when it has one, or will not be locked.

    `headers` are those of the upload with its trailers, `locks` those with the lock (of a part: its upload's), `what` is
    "Object" or "Part".
    """
    holds = locks.get(HOLD, "OFF") == "ON"
    if not (holds or MODE in locks or UNTIL in locks or bucket.has_default_lock):
        return None
    if "content-md5" in headers or any(name.startswith("x-amz-checksum-") for name in headers):
        return None
    message = (
        f"Content-MD5 OR x-amz-checksum- HTTP header is required for Put {what} requests with Object Lock parameters"
    )
    return refuse(400, "InvalidRequest", message)


def lock(key: ObjectVersion, headers: Mapping[str, str], bucket: Any) -> None:
    """Lock an object as requested; without a retention in the request, the bucket's default applies."""
    if headers.get(HOLD):
        key.lock_legal_status = headers[HOLD]
    if MODE in headers:
        key.lock_mode, key.lock_until = headers[MODE], headers[UNTIL]
    elif bucket.has_default_lock:
        key.lock_mode, key.lock_until = bucket.default_lock_mode, bucket.default_retention()


def _is_ahead(text: str) -> bool:
    try:
        until = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return (until if until.tzinfo else until.replace(tzinfo=UTC)) > datetime.now(UTC)
