"""An SQS queue in memory, on a clock that the test moves.

Visibility timeouts, a new receipt for each receive, FIFO groups and the redrive policy are as the SQS Developer Guide
has them ("Amazon SQS visibility timeout", "FIFO queue delivery logic", "Using dead-letter queues"). A standard queue
delivers in the order of sending, which SQS does not promise.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from windlass.testing.clock import FakeClock
from windlass.wire.sqs import Failed, Message

__all__ = ["DeadLettered", "FakeQueue"]


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A message in the dead-letter queue. `reason` is the handler's Reject; empty when the receive limit moved it."""

    body: str
    reason: str = ""


@dataclass(slots=True)
class _Stored:
    message_id: str
    body: str
    group: str
    message_attributes: dict[str, Any]
    sent_ms: int
    visible_at: float
    receipt: str = ""
    receive_count: int = 0


class FakeQueue:
    """A queue. `dead_letters` are the messages that were not handled; `max_receive_count` 0 means no redrive policy."""

    def __init__(
        self, *, fifo: bool = False, visibility_s: int = 60, max_receive_count: int = 0, clock: FakeClock | None = None
    ) -> None:
        self.fifo = fifo
        self.visibility_s = visibility_s
        self.max_receive_count = max_receive_count
        self.clock = clock or FakeClock()
        self.dead_letters: list[DeadLettered] = []
        self._stored: dict[str, _Stored] = {}
        self._receipts: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """Messages that are neither deleted nor dead-lettered, hidden ones included."""
        return len(self._stored)

    def send(
        self, body: str, *, group: str = "", delay_s: float = 0.0, message_attributes: dict[str, Any] | None = None
    ) -> str:
        """Put a message into the queue and return its id. `group` is required on a FIFO queue, and only there."""
        if self.fifo != bool(group):
            raise ValueError("a FIFO queue's message needs a group, and a standard queue's has none")
        message_id = f"message-{next(self._numbers)}"
        now_s = self.clock.now_s
        self._stored[message_id] = _Stored(
            message_id, body, group, message_attributes or {}, int(now_s * 1000), now_s + delay_s
        )
        return message_id

    def receive(self, count: int = 1, *, visibility_s: float | None = None) -> list[Message]:
        """Hand out at most `count` (1 to 10) visible messages and hide them for `visibility_s` seconds."""
        now_s = self.clock.now_s
        hidden_s = self.visibility_s if visibility_s is None else visibility_s
        blocked = {stored.group for stored in self._stored.values() if stored.group and stored.visible_at > now_s}
        messages: list[Message] = []
        for stored in list(self._stored.values()):
            if len(messages) >= count:
                break
            if stored.visible_at > now_s or stored.group in blocked:
                continue
            if self.max_receive_count and stored.receive_count >= self.max_receive_count:
                self._dead_letter(stored, "")
                continue
            stored.receive_count += 1
            stored.receipt = f"{stored.message_id}#{stored.receive_count}"
            stored.visible_at = now_s + hidden_s
            self._receipts[stored.receipt] = stored.message_id
            messages.append(_message(stored))
        return messages

    def delete(self, receipt: str) -> Failed | None:
        """Delete a message. A receipt that is not the latest deletes nothing, as SQS may do; None when accepted."""
        stored = self._find(receipt)
        if stored is not None:
            del self._stored[stored.message_id]
        return None

    def change_visibility(self, receipt: str, seconds: float) -> Failed | None:
        """Hide a message for `seconds` from now; 0 returns it. Failed when it is not in flight under this receipt."""
        stored = self._find(receipt)
        if stored is None or stored.visible_at <= self.clock.now_s:
            return Failed(0, "MessageNotInflight", "the message is not in flight", is_sender_fault=True)
        stored.visible_at = self.clock.now_s + seconds
        return None

    def dead_letter(self, message: Message, reason: str) -> None:
        """Record that a consumer sent a copy of `message` to the dead-letter queue; its deletion is a separate call."""
        self.dead_letters.append(DeadLettered(message.body, reason))

    def next_visible_at(self) -> float | None:
        """When the next message becomes visible (now or later); None when the queue is empty."""
        return min((stored.visible_at for stored in self._stored.values()), default=None)

    def _find(self, receipt: str) -> _Stored | None:
        stored = self._stored.get(self._receipts.get(receipt, ""))
        return stored if stored is not None and stored.receipt == receipt else None

    def _dead_letter(self, stored: _Stored, reason: str) -> None:
        self.dead_letters.append(DeadLettered(stored.body, reason))
        del self._stored[stored.message_id]


def _message(stored: _Stored) -> Message:
    attributes = {
        "ApproximateReceiveCount": str(stored.receive_count),
        "SentTimestamp": str(stored.sent_ms),
    } | ({"MessageGroupId": stored.group} if stored.group else {})
    return Message(stored.message_id, stored.receipt, stored.body, attributes, stored.message_attributes)
