"""Transports to the queue: the lean client, or boto3 on threads. Both make one attempt per call.

The coordinator decides about retries: it knows which receipts are still valid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import orjson

from windlass.core.access import Access
from windlass.core.errors import AwsError
from windlass.queues.daemon_thread import on_daemon_thread
from windlass.queues.payloads import DEDUPLICATION
from windlass.wire import sqs
from windlass.wire.client import Client, Observer
from windlass.wire.sqs import Failed, Message

__all__ = ["REASON", "BotoTransport", "LeanTransport", "Transport"]

REASON = "WindlassRejected"
_MAX_ATTRIBUTES = 10


class Transport(Protocol):
    """The calls of a consumer. They raise WindlassError."""

    async def receive(self, count: int, wait_s: int, attempt_id: str = "") -> Sequence[Message]:
        """ReceiveMessage; `attempt_id` is for FIFO queues, empty for others."""
        ...

    async def delete(self, receipts: Sequence[str]) -> Sequence[Failed]:
        """DeleteMessageBatch; return the entries that were not deleted."""
        ...

    async def change_visibility(self, changes: Sequence[tuple[str, int]]) -> Sequence[Failed]:
        """ChangeMessageVisibilityBatch; return the entries that were not changed."""
        ...

    async def dead_letter(self, message: Message, reason: str) -> None:
        """Send a copy to the dead-letter queue, with the reason."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class LeanTransport:
    """The queue over the lean client."""

    def __init__(
        self,
        access: Access,
        queue_url: str,
        *,
        visibility_s: int,
        connections: int,
        dead_letter_url: str = "",
        observe: Observer | None = None,
    ) -> None:
        self._client = Client(access, connections=connections, observe=observe)
        self._queue_url = queue_url
        self._dead_letter_url = dead_letter_url
        self._visibility_s = visibility_s

    async def receive(self, count: int, wait_s: int, attempt_id: str = "") -> Sequence[Message]:
        """ReceiveMessage."""
        call = sqs.receive(
            self._queue_url, wait_s=wait_s, count=count, visibility_s=self._visibility_s, attempt_id=attempt_id
        )
        return await self._client.send(call)

    async def delete(self, receipts: Sequence[str]) -> Sequence[Failed]:
        """DeleteMessageBatch."""
        return await self._client.send(sqs.delete(self._queue_url, receipts))

    async def change_visibility(self, changes: Sequence[tuple[str, int]]) -> Sequence[Failed]:
        """ChangeMessageVisibilityBatch."""
        return await self._client.send(sqs.change_visibility(self._queue_url, changes))

    async def dead_letter(self, message: Message, reason: str) -> None:
        """SendMessageBatch of one to the dead-letter queue."""
        failed = await self._client.send(sqs.send(self._dead_letter_url, [dead_letter_entry(message, reason)]))
        if failed:
            raise AwsError(f"the dead-letter queue did not accept the message: {failed[0].code}: {failed[0].message}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class BotoTransport:
    """The queue over boto3, on threads. `call(operation, **params)` is one attempt of a client made for this consumer."""

    def __init__(
        self,
        call: Callable[..., dict[str, Any]],
        queue_url: str,
        *,
        visibility_s: int,
        threads: int,
        dead_letter_url: str = "",
    ) -> None:
        self._call = call
        self._queue_url = queue_url
        self._dead_letter_url = dead_letter_url
        self._visibility_s = visibility_s
        self._loop = asyncio.get_running_loop()
        self._others = ThreadPoolExecutor(max(4, threads // 2), thread_name_prefix="sqs")

    async def receive(self, count: int, wait_s: int, attempt_id: str = "") -> Sequence[Message]:
        """ReceiveMessage, on a daemon thread: an aborted call does not delay the exit."""
        more = {"ReceiveRequestAttemptId": attempt_id} if attempt_id else {}

        def ask() -> list[Message]:
            response = self._call(
                "ReceiveMessage",
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=count,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=self._visibility_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
                **more,
            )
            return [
                Message(
                    message["MessageId"],
                    message["ReceiptHandle"],
                    message["Body"],
                    message.get("Attributes") or {},
                    message.get("MessageAttributes") or {},
                )
                for message in response.get("Messages", ())
            ]

        return await on_daemon_thread(ask, self._give_back)

    def _give_back(self, messages: Sequence[Message]) -> None:
        """Make the messages of an aborted receive visible again."""
        entries = [
            {"Id": str(at), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
            for at, message in enumerate(messages)
        ]
        if entries:
            self._call("ChangeMessageVisibilityBatch", QueueUrl=self._queue_url, Entries=entries)

    async def delete(self, receipts: Sequence[str]) -> Sequence[Failed]:
        """DeleteMessageBatch."""
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        return await self._batch("DeleteMessageBatch", self._queue_url, entries)

    async def change_visibility(self, changes: Sequence[tuple[str, int]]) -> Sequence[Failed]:
        """ChangeMessageVisibilityBatch."""
        entries = [
            {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for at, (receipt, seconds) in enumerate(changes)
        ]
        return await self._batch("ChangeMessageVisibilityBatch", self._queue_url, entries)

    async def dead_letter(self, message: Message, reason: str) -> None:
        """SendMessageBatch of one to the dead-letter queue."""
        entry = dead_letter_entry(message, reason)
        row: dict[str, Any] = {"Id": "0", "MessageBody": entry.body, "MessageAttributes": dict(entry.attributes)}
        if entry.group:
            row |= {"MessageGroupId": entry.group, "MessageDeduplicationId": entry.deduplication_id}
        failed = await self._batch("SendMessageBatch", self._dead_letter_url, [row])
        if failed:
            raise AwsError(f"the dead-letter queue did not accept the message: {failed[0].code}: {failed[0].message}")

    async def close(self) -> None:
        """Close the thread pool without waiting for a long poll."""
        self._others.shutdown(wait=False, cancel_futures=True)

    async def _batch(self, operation: str, queue_url: str, entries: list[dict[str, Any]]) -> list[Failed]:
        def ask() -> list[Failed]:
            response = self._call(operation, QueueUrl=queue_url, Entries=entries)
            return [sqs.read_failure(entry) for entry in response.get("Failed", ())]

        return await self._loop.run_in_executor(self._others, ask)


def dead_letter_entry(message: Message, reason: str) -> sqs.Entry:
    """Return the entry for the dead-letter queue: the body and attributes as received, the original message id, and the reason.

    SQS accepts ten attributes: a message that has all ten is sent without the reason, then without the id.
    """
    attributes = {name: _attribute(value) for name, value in message.message_attributes.items()}
    if DEDUPLICATION not in attributes and len(attributes) < _MAX_ATTRIBUTES:
        attributes[DEDUPLICATION] = {"DataType": "String", "StringValue": message.message_id}
    if len(attributes) < _MAX_ATTRIBUTES or REASON in attributes:
        details = orjson.dumps(
            {"reason": reason[:2000], "message_id": message.message_id, "receive_count": message.receive_count}
        )
        attributes[REASON] = {"DataType": "String", "StringValue": details.decode()}
    group = message.group
    return sqs.Entry(
        message.body, attributes=attributes, group=group, deduplication_id=message.message_id if group else ""
    )


def _attribute(value: Any) -> dict[str, Any]:
    return {name: value[name] for name in ("DataType", "StringValue", "BinaryValue") if name in value}
