"""A queue's message through the pipelines: the handler that a worker and a Lambda function share."""

from __future__ import annotations

from collections.abc import Callable

from windlass.events import ObjectEvent, Unrecognised
from windlass.pipelines.engine import Contended, Engine
from windlass.queues.model import Reject, RetryLater
from windlass.queues.received_message import ReceivedMessage

__all__ = ["handler_of"]

_CONTENDED_S = 5


def handler_of(engine: Engine) -> Callable[[ReceivedMessage], None]:
    """A message is done when every pipeline took each of its events to an end."""

    def handle(received: ReceivedMessage) -> None:
        readings = received.events()
        events = [one for one in readings if isinstance(one, ObjectEvent)]
        unknown = next((one for one in readings if isinstance(one, Unrecognised)), None)
        if unknown is not None and not events:
            raise Reject(f"it holds no object event: {unknown.reason}")
        try:
            engine.handle(events)
        except Contended as error:
            raise RetryLater(_CONTENDED_S, str(error)) from None

    return handle
