"""S3 events in any envelope as one typed record; anything else is reported, never raised. README.md lists the files."""

from windlass.events.model import Hop, Ignored, IgnoredBecause, Kind, ObjectEvent, Reading, Unrecognised
from windlass.events.order import Order, is_duplicate, newer, order, sequence_key
from windlass.events.read import read_events

__all__ = [
    "Hop",
    "Ignored",
    "IgnoredBecause",
    "Kind",
    "ObjectEvent",
    "Order",
    "Reading",
    "Unrecognised",
    "is_duplicate",
    "newer",
    "order",
    "read_events",
    "sequence_key",
]
