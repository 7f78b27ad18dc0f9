"""The message that a handler receives. Its JSON and its events are parsed when they are first used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from windlass.events import Reading, read_events
from windlass.queues.model import Reject
from windlass.wire.sqs import Message

__all__ = ["ReceivedMessage"]


class ReceivedMessage:
    """One message. `body` is the text that the producer sent, without the layers that `unwrap` names."""

    __slots__ = ("_lost", "body", "message")

    def __init__(self, message: Message, body: str, lost: threading.Event | Callable[[], bool] | None = None) -> None:
        self.message = message
        self.body = body
        self._lost = lost

    @property
    def message_id(self) -> str:
        """The id of SQS, the same in every delivery of the message."""
        return self.message.message_id

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The sender's attributes, in the form of SQS: `{"name": {"DataType": …, "StringValue": …}}`."""
        return self.message.message_attributes

    @property
    def receive_count(self) -> int:
        """Number of deliveries, this one included."""
        return self.message.receive_count

    @property
    def group(self) -> str:
        """The FIFO group; empty on a standard queue."""
        return self.message.group

    @property
    def sent_at(self) -> datetime:
        """When it was sent."""
        return datetime.fromtimestamp(self.message.sent_ms / 1000, UTC)

    @property
    def lost(self) -> bool:
        """True when another consumer may have the message. A long handler should then stop: its work will be repeated."""
        if self._lost is None:
            return False
        return self._lost() if callable(self._lost) else self._lost.is_set()

    def json(self) -> Any:
        """Return the body as JSON. Raises Reject when it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Reject(f"the body is not JSON: {error}") from None

    def events(self) -> tuple[Reading, ...]:
        """Return the object events in the body, from any envelope; other content is returned as Unrecognised."""
        return read_events(self.body)
