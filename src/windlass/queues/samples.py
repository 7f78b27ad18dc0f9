"""Handlers to try a queue with, and to read when writing one's own."""

from __future__ import annotations

from windlass.events import Ignored, ObjectEvent
from windlass.observe.log import logger
from windlass.queues.model import Reject
from windlass.queues.received_message import ReceivedMessage

__all__ = ["log_objects", "nothing"]


async def log_objects(received: ReceivedMessage) -> None:
    """Log each object event in a message; what holds none can never be handled and goes to the dead-letter queue."""
    log = logger("objects")
    for event in received.events():
        if isinstance(event, ObjectEvent):
            log.info(
                "object.event", kind=str(event.kind), bucket=event.bucket, key=event.key, size_bytes=event.size_bytes
            )
        elif not isinstance(event, Ignored):
            raise Reject(f"this is no object event: {event.reason}")


async def nothing(received: ReceivedMessage) -> None:
    """Do nothing: for measuring everything around the handler."""
