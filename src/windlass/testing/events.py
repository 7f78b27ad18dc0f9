"""Sample S3 events, in every wrapping in which AWS delivers them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from windlass.core.errors import UsageError
from windlass.core.suggest import unknown_word
from windlass.events import Kind, ObjectEvent, encode

__all__ = ["WRAPPINGS", "object_event", "wrap_events"]

WRAPPINGS = tuple(encode.WRAPPINGS)
"""The names of the wrappings, such as `s3 in a queue's body` or `eventbridge to sqs to lambda`."""


def object_event(
    bucket: str, key: str, *, name: str = "ObjectCreated:Put", size_bytes: int = 1024, at: datetime | None = None
) -> ObjectEvent:
    """Return the event of one object. `name` is one of S3's event names, `at` by default 2026-01-01T00:00:00Z."""
    if name not in encode.names():
        raise unknown_word("event name", name, encode.names())
    removed = name.startswith(("ObjectRemoved", "LifecycleExpiration"))
    kind = Kind.REMOVED if name.startswith("ObjectRemoved") else Kind.LIFECYCLE if removed else Kind.CREATED
    if not removed and not name.startswith("ObjectCreated"):
        raise UsageError(f"{name} is neither a creation nor a removal", hint="Build a windlass.events.ObjectEvent.")
    return ObjectEvent(
        kind=kind,
        name=name,
        bucket=bucket,
        key=key,
        size_bytes=None if removed else size_bytes,
        at=at or datetime(2026, 1, 1, tzinfo=UTC),
        region="us-east-1",
        sequencer="0055AED6DCD90281E5",
    )


def wrap_events(events: Iterable[ObjectEvent], wrapping: str = "s3 in a queue's body") -> Any:
    """Return the payload that carries `events`: text, or a document for Lambda. UsageError for an unknown wrapping."""
    if wrapping not in encode.WRAPPINGS:
        raise unknown_word("wrapping", wrapping, WRAPPINGS)
    _, build = encode.WRAPPINGS[wrapping]
    return build(list(events))
