"""Sample handlers: try a queue with them, and base your own on them."""

from __future__ import annotations

from windlass.events import Ignored, ObjectEvent
from windlass.observe.log import logger
from windlass.queues.model import Reject
from windlass.queues.received_message import ReceivedMessage

__all__ = ["log_objects", "nothing"]


async def log_objects(received: ReceivedMessage) -> None:
    """Log each object event of a message. Raises Reject for a message without object events."""
    log = logger("objects")
    for event in received.events():
        if isinstance(event, ObjectEvent):
            log.info(
                "object.event", kind=str(event.kind), bucket=event.bucket, key=event.key, size_bytes=event.size_bytes
            )
        elif not isinstance(event, Ignored):
            raise Reject(f"not an object event: {event.reason}")


async def nothing(received: ReceivedMessage) -> None:
    """Do nothing. Measures the cost of everything except the handler."""
