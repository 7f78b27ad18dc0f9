"""Doing a piece of work once, whatever the queue delivers: a ledger beside the handler.

A key is taken (busy, with an end) before the handler runs and marked done after it returned; both are conditional writes,
so that two pods can't take it at once. A crash leaves it busy until its end, then it is free again. What is done is
acknowledged without running the handler; what somebody else is at comes again later.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from windlass.core import clock
from windlass.core.errors import AwsError
from windlass.core.ids import new_id
from windlass.queues import store as rows
from windlass.queues.handlers import Handler, is_async
from windlass.queues.model import RetryLater
from windlass.queues.received import Received
from windlass.store.engine import Store

__all__ = ["DynamoLedger", "KeyOf", "Ledger", "StoreLedger", "key_of", "once"]

KeyOf = Callable[[Received], str]
_BUSY_AGAIN_S = 5


class Ledger(Protocol):
    """Who does what, and what is done."""

    def begin(self, key: str, now: datetime) -> str:
        """`mine`, `busy` or `done`."""
        ...

    def end(self, key: str, now: datetime, *, done: bool) -> None:
        """It is done, or free again."""
        ...


class StoreLedger:
    """The ledger in the store: one file, or one PostgreSQL for all pods."""

    def __init__(self, store: Store, *, busy_s: float, window_s: float, holder: str = "") -> None:
        self._store = store
        self._busy, self._window = timedelta(seconds=busy_s), timedelta(seconds=window_s)
        self._holder = holder or _holder()

    def begin(self, key: str, now: datetime) -> str:
        """Take it in one transaction."""
        with self._store.write() as connection:
            return rows.begin_work(connection, self._store, key, self._holder, now, now + self._busy)

    def end(self, key: str, now: datetime, *, done: bool) -> None:
        """Mark it."""
        with self._store.write() as connection:
            rows.end_work(connection, key, self._holder, until=now + self._window if done else None)


class DynamoLedger:
    """The ledger in a DynamoDB table with the string key `id`; set TTL on `expires` to have it cleaned.

    `call(operation, **params)` is DynamoDB in the table's account and region.
    """

    def __init__(
        self, call: Callable[..., dict[str, Any]], table: str, *, busy_s: float, window_s: float, holder: str = ""
    ) -> None:
        self._call = call
        self._table = table
        self._busy_s, self._window_s = busy_s, window_s
        self._holder = holder or _holder()

    def begin(self, key: str, now: datetime) -> str:
        """One conditional put; what it met is read when it is refused."""
        moment = now.timestamp()
        try:
            self._call(
                "PutItem", TableName=self._table, Item=self._item(key, "busy", moment + self._busy_s),
                ConditionExpression="attribute_not_exists(id) OR expires < :now OR (holder = :me AND #s = :busy)",
                ExpressionAttributeNames={"#s": "state"},
                ExpressionAttributeValues={":now": {"N": f"{moment:.3f}"}, ":me": {"S": self._holder}, ":busy": {"S": "busy"}},
            )  # fmt: skip
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            answer = self._call("GetItem", TableName=self._table, Key={"id": {"S": key}}, ConsistentRead=True)
            return str(answer.get("Item", {}).get("state", {}).get("S", "busy"))
        return "mine"

    def end(self, key: str, now: datetime, *, done: bool) -> None:
        """Mark it, if it is still ours."""
        condition: dict[str, Any] = {
            "ConditionExpression": "holder = :me AND #s = :busy",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {":me": {"S": self._holder}, ":busy": {"S": "busy"}},
        }
        try:
            if done:
                item = self._item(key, "done", now.timestamp() + self._window_s)
                self._call("PutItem", TableName=self._table, Item=item, **condition)
            else:
                self._call("DeleteItem", TableName=self._table, Key={"id": {"S": key}}, **condition)
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise

    def _item(self, key: str, state: str, expires: float) -> dict[str, Any]:
        return {
            "id": {"S": key},
            "state": {"S": state},
            "holder": {"S": self._holder},
            "expires": {"N": f"{expires:.3f}"},
        }


def key_of(queue_arn: str, path: str = "") -> KeyOf:
    """What names a message's work: the JMESPath `path` into its body, else its deduplication id, else its id."""
    import jmespath

    expression = jmespath.compile(path) if path else None

    def name(received: Received) -> str:
        found: Any = None
        if expression is not None:
            found = expression.search(received.json())
        if found is None:
            found = received.message.attributes.get("MessageDeduplicationId") or received.message_id
        text = found if isinstance(found, str) else orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()
        return hashlib.sha256(f"{queue_arn}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()

    return name


def once(ledger: Ledger, key: KeyOf, now: Callable[[], datetime] = clock.now) -> Callable[[Handler], Handler]:
    """Wrap a handler so that each key is done once within the ledger's window."""

    def around(handler: Handler) -> Handler:
        if is_async(handler):

            async def run_async(received: Received) -> None:
                name = key(received)
                if await asyncio.to_thread(_take, ledger, name, now()):
                    done = False
                    try:
                        result: Any = handler(received)
                        await result
                        done = True
                    finally:
                        await asyncio.shield(asyncio.to_thread(ledger.end, name, now(), done=done))

            return run_async

        def run(received: Received) -> None:
            name = key(received)
            if _take(ledger, name, now()):
                done = False
                try:
                    handler(received)
                    done = True
                finally:
                    ledger.end(name, now(), done=done)

        return run

    return around


def _take(ledger: Ledger, key: str, now: datetime) -> bool:
    state = ledger.begin(key, now)
    if state == "busy":
        raise RetryLater(_BUSY_AGAIN_S, "somebody else is at it")
    return state == "mine"


def _holder() -> str:
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{new_id('l')[-8:]}"
