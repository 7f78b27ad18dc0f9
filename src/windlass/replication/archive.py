"""Restore states of objects in archive classes, read from a HEAD (S3 API reference, "HeadObject", x-amz-restore). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from windlass.replication.own_keys import ARCHIVE_CLASSES

__all__ = ["RestoreState", "restore_state"]


class RestoreState(StrEnum):
    """Whether an object can be read."""

    ARCHIVED = "archived"
    RESTORING = "restoring"
    READABLE = "readable"


def restore_state(headers: Mapping[str, str]) -> RestoreState:
    """Return the restore state that the object's head shows. An object of no archive class is READABLE."""
    restore = headers.get("x-amz-restore", "")
    if 'ongoing-request="true"' in restore:
        return RestoreState.RESTORING
    is_archived = headers.get("x-amz-storage-class", "") in ARCHIVE_CLASSES and 'ongoing-request="false"' not in restore
    return RestoreState.ARCHIVED if is_archived else RestoreState.READABLE
