"""The handler of queue messages that a worker and a Lambda function share."""

from __future__ import annotations

from collections.abc import Callable

from windlass.events import ObjectEvent, Unrecognised
from windlass.pipelines.runner import Contended, PipelineRunner
from windlass.queues.model import Reject, RetryLater
from windlass.queues.received_message import ReceivedMessage

__all__ = ["make_handler"]

_CONTENDED_S = 5


def make_handler(runner: PipelineRunner) -> Callable[[ReceivedMessage], None]:
    """Return a handler. A message is done when every pipeline has delivered or refused each of its events."""

    def handle(received: ReceivedMessage) -> None:
        readings = received.events()
        events = [reading for reading in readings if isinstance(reading, ObjectEvent)]
        unknown = next((reading for reading in readings if isinstance(reading, Unrecognised)), None)
        if unknown is not None and not events:
            raise Reject(f"the message has no object event: {unknown.reason}")
        try:
            runner.handle(events)
        except Contended as error:
            raise RetryLater(_CONTENDED_S, str(error)) from None

    return handle
