"""Any wrapping of an S3 event, one typed ObjectEvent. README.md has the map."""

from __future__ import annotations

from windlass.events.model import Event, Ignored, Kind, ObjectEvent, Unrecognised, Via
from windlass.events.order import is_duplicate, is_newer
from windlass.events.read import read_events

__all__ = [
    "Event", "Ignored", "Kind", "ObjectEvent", "Unrecognised", "Via", "is_duplicate", "is_newer", "read_events",
]  # fmt: skip
