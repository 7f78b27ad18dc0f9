"""What a handler is given: one message, its parsed forms made when they are asked for."""

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
    """One message. `body` is the text as the producer meant it: unwrapped, unpacked and fetched, where that was asked for."""

    __slots__ = ("_lost", "body", "message")

    def __init__(self, message: Message, body: str, lost: threading.Event | Callable[[], bool] | None = None) -> None:
        self.message = message
        self.body = body
        self._lost = lost

    @property
    def message_id(self) -> str:
        """SQS's id: the same each time the message is delivered."""
        return self.message.message_id

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The sender's attributes, in SQS's own form: `{"name": {"DataType": …, "StringValue": …}}`."""
        return self.message.message_attributes

    @property
    def receive_count(self) -> int:
        """How often it was delivered, this time included."""
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
        """Whether the message is no longer ours: a long handler that sees this should stop; what it does will be done again."""
        if self._lost is None:
            return False
        return self._lost() if callable(self._lost) else self._lost.is_set()

    def json(self) -> Any:
        """The body as JSON; Reject (never retried) when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Reject(f"the body is not JSON: {error}") from None

    def events(self) -> tuple[Reading, ...]:
        """The object events in it, whatever they are wrapped in; what is none comes as Unrecognised."""
        return read_events(self.body)
