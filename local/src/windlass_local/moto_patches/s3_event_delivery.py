"""S3 events are delivered after the call, with every field of the record.

Upstream: events are delivered inside the call that caused them, and half the fields of the record are missing.
AWS: delivery is asynchronous; records have the structure of version 2.x.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3 import models, notifications

from windlass_local.s3.bucket_requests import shared_delivery

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.notifications.send_event",
    "moto.s3.models.S3Backend.reset",
)


def apply() -> None:
    """Hand events to our own delivery; a reset forgets those that wait."""
    delivery = shared_delivery()

    def send_event(_account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        delivery.notify(str(getattr(event_name, "value", event_name)), bucket, key)

    original_reset = models.S3Backend.reset

    @wraps(original_reset)
    def reset(backend: Any) -> None:
        delivery.forget()
        original_reset(backend)

    notifications.send_event = send_event
    models.S3Backend.reset = reset
