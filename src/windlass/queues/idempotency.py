"""Idempotency: handle each key once within a window, whatever the queue delivers.

A key is taken before the handler runs (busy, extended while the handler runs) and marked done after it. All writes are
conditional on the token of that attempt, so that two pods, or two messages of one pod, never hold a key at once. After a
crash the key stays busy until it expires. A message whose key is done is deleted without running the handler; one whose key
is busy is retried when the key may be free.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from windlass.core import clock
from windlass.core.errors import AwsError, WindlassError
from windlass.core.ids import new_id
from windlass.queues.handlers import Handler, is_async
from windlass.queues.model import RetryLater
from windlass.queues.payloads import DEDUPLICATION
from windlass.queues.received_message import ReceivedMessage
from windlass.queues.throttled_log import ThrottledLog

if TYPE_CHECKING:  # a Lambda function has no store and no SQLAlchemy
    from windlass.store.engine import Store

__all__ = ["Begun", "DynamoLedger", "KeyOf", "Ledger", "StoreLedger", "key_of", "once"]

_MARK_TIMEOUT_S = 600.0
_FIRST_MARK_S, _MARK_INTERVAL_S = 0.1, 5.0

KeyOf = Callable[[ReceivedMessage], str]


@dataclass(frozen=True, slots=True)
class Begun:
    """The result of taking a key: `mine`, `busy` or `done`, and until when."""

    state: str
    until: datetime


class Ledger(Protocol):
    """A store of keys that are busy or done."""

    busy_s: float
    """Seconds for which a key is taken; it is renewed after a third of that."""

    def begin(self, key: str, token: str, now: datetime) -> Begun:
        """Take a key for one attempt."""
        ...

    def renew(self, key: str, token: str, now: datetime) -> None:
        """Extend the key of an attempt."""
        ...

    def end(self, key: str, token: str, now: datetime, *, done: bool) -> None:
        """Mark a key as done, or free it. Does nothing when another attempt holds it."""
        ...


class StoreLedger:
    """The ledger in the store: one file, or one PostgreSQL for all pods."""

    def __init__(self, store: Store, *, busy_s: float, window_s: float) -> None:
        self.busy_s = busy_s
        self._store = store
        self._busy, self._window = timedelta(seconds=busy_s), timedelta(seconds=window_s)

    def begin(self, key: str, token: str, now: datetime) -> Begun:
        """Take a key in one transaction."""
        from windlass.queues import store as rows

        until = now + self._busy
        return Begun(
            *self._store.transact(lambda connection: rows.begin_work(connection, self._store, key, token, now, until))
        )

    def renew(self, key: str, token: str, now: datetime) -> None:
        """Extend a key."""
        from windlass.queues import store as rows

        self._store.transact(lambda connection: rows.renew_work(connection, key, token, now + self._busy))

    def end(self, key: str, token: str, now: datetime, *, done: bool) -> None:
        """Mark a key as done, or free it."""
        from windlass.queues import store as rows

        until = now + self._window if done else None
        self._store.transact(lambda connection: rows.end_work(connection, key, token, until=until))


class DynamoLedger:
    """The ledger in a DynamoDB table with the string key `id`; set TTL on `expires` to have it cleaned.

    `call(operation, **params)` is DynamoDB in the table's account and region.
    """

    def __init__(self, call: Callable[..., dict[str, Any]], table: str, *, busy_s: float, window_s: float) -> None:
        self.busy_s = busy_s
        self._call = call
        self._table = table
        self._window_s = window_s

    def begin(self, key: str, token: str, now: datetime) -> Begun:
        """Take a key with one conditional put; read the item when the condition fails."""
        moment = now.timestamp()
        end = moment + self.busy_s
        try:
            self._call(
                "PutItem",
                TableName=self._table,
                Item=_item(key, "busy", token, end),
                ConditionExpression="attribute_not_exists(id) OR expires < :now OR holder = :me",
                ExpressionAttributeValues={":now": {"N": f"{moment:.3f}"}, ":me": {"S": token}},
            )
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            response = self._call("GetItem", TableName=self._table, Key={"id": {"S": key}}, ConsistentRead=True)
            item = response.get("Item") or _item(key, "busy", "", moment)
            return Begun(item["state"]["S"], datetime.fromtimestamp(float(item["expires"]["N"]), UTC))
        return Begun("mine", datetime.fromtimestamp(end, UTC))

    def renew(self, key: str, token: str, now: datetime) -> None:
        """Extend a key that this attempt holds."""
        item = _item(key, "busy", token, now.timestamp() + self.busy_s)
        self._if_ours("PutItem", token, TableName=self._table, Item=item)

    def end(self, key: str, token: str, now: datetime, *, done: bool) -> None:
        """Mark a key that this attempt holds as done, or free it."""
        if done:
            item = _item(key, "done", token, now.timestamp() + self._window_s)
            self._if_ours("PutItem", token, TableName=self._table, Item=item)
        else:
            self._if_ours("DeleteItem", token, TableName=self._table, Key={"id": {"S": key}})

    def _if_ours(self, operation: str, token: str, **params: Any) -> None:
        try:
            self._call(
                operation,
                **params,
                ConditionExpression="holder = :me AND #s = :busy",
                ExpressionAttributeNames={"#s": "state"},
                ExpressionAttributeValues={":me": {"S": token}, ":busy": {"S": "busy"}},
            )
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise


def _item(key: str, state: str, token: str, expires: float) -> dict[str, Any]:
    return {"id": {"S": key}, "state": {"S": state}, "holder": {"S": token}, "expires": {"N": f"{expires:.3f}"}}


def key_of(queue_arn: str, path: str = "") -> KeyOf:
    """Return a function from a message to its key: the JMESPath `path` into its body, else its deduplication id, else
    its id.

    Copies of a rejected message have the first message's id, so that two redriven copies are handled once.
    """
    import jmespath

    expression = jmespath.compile(path) if path else None

    def name(received: ReceivedMessage) -> str:
        value: Any = None
        if expression is not None:
            value = expression.search(received.json())
        if value is None:
            copied = received.attributes.get(DEDUPLICATION, {}).get("StringValue")  # redriven from a dead-letter queue
            value = received.message.attributes.get("MessageDeduplicationId") or copied or received.message_id
        text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
        return hashlib.sha256(f"{queue_arn}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()

    return name


def once(ledger: Ledger, key: KeyOf, now: Callable[[], datetime] = clock.now) -> Callable[[Handler], Handler]:
    """Return a function that wraps a handler so that each key is handled once within the ledger's window."""
    throttled = ThrottledLog()
    parts = _Once(ledger, key, now, throttled, _Renewer(ledger, now, throttled))

    def around(handler: Handler) -> Handler:
        if is_async(handler):

            async def run_async(received: ReceivedMessage) -> None:
                await parts.run_async(handler, received)

            return run_async
        return lambda received: parts.run(handler, received)

    return around


@dataclass(frozen=True, slots=True)
class _Once:
    """Runs a handler between taking its key and marking it as done."""

    ledger: Ledger
    key: KeyOf
    now: Callable[[], datetime]
    throttled: ThrottledLog
    renewer: _Renewer

    def run(self, handler: Handler, received: ReceivedMessage) -> None:
        attempt = _take(self.ledger, self.key(received), self.now())
        if attempt is None:
            return
        marking: _Marking | None = None
        self.renewer.add(attempt)
        try:
            handler(received)
            marking = _Marking(self.ledger, attempt, received, self.now, self.throttled)
            while (wait_s := marking.wait_s()) is not None:
                time.sleep(wait_s)
        except BaseException:
            if marking is None:
                self._free(attempt)
            raise
        finally:
            self.renewer.drop(attempt)

    async def run_async(self, handler: Handler, received: ReceivedMessage) -> None:
        attempt = await asyncio.to_thread(_take, self.ledger, self.key(received), self.now())
        if attempt is None:
            return
        marking: _Marking | None = None
        self.renewer.add(attempt)
        try:
            result: Any = handler(received)
            await result
            marking = _Marking(self.ledger, attempt, received, self.now, self.throttled)
            while (wait_s := await asyncio.shield(asyncio.to_thread(marking.wait_s))) is not None:
                await asyncio.sleep(wait_s)
        except BaseException:
            if marking is None:
                await asyncio.shield(asyncio.to_thread(self._free, attempt))
            raise
        finally:
            self.renewer.drop(attempt)

    def _free(self, attempt: Attempt) -> None:
        """Free a key whose handler failed. When that fails, the key is free after it expires."""
        try:
            self.ledger.end(*attempt, self.now(), done=False)
        except Exception as error:  # noqa: BLE001  the handler's own error is what is raised
            self.throttled.warning("ledger.free_failed", error)


Attempt = tuple[str, str]  # key, token


def _take(ledger: Ledger, key: str, now: datetime) -> Attempt | None:
    token = new_id("try")
    begun = ledger.begin(key, token, now)
    if begun.state == "busy":
        left_s = (begun.until - now).total_seconds()
        raise RetryLater(max(1, math.ceil(left_s)), "another attempt holds the key")
    return (key, token) if begun.state == "mine" else None


class _Marking:
    """Marks a key as done, and retries while the message's lease lives: without the mark the message would be handled
    twice.
    """

    def __init__(
        self,
        ledger: Ledger,
        attempt: Attempt,
        received: ReceivedMessage,
        now: Callable[[], datetime],
        throttled: ThrottledLog,
    ) -> None:
        self._ledger, self._attempt, self._received, self._now = ledger, attempt, received, now
        self._throttled = throttled
        self._tries = 0
        self._until = time.monotonic() + _MARK_TIMEOUT_S

    def wait_s(self) -> float | None:
        """Try once; return None when the key is marked, else the seconds to wait. Raises after ten minutes."""
        try:
            self._ledger.end(*self._attempt, self._now(), done=True)
        except Exception as error:
            if self._received.lost or time.monotonic() > self._until:
                raise
            self._throttled.warning("ledger.mark_failed", error)
            self._tries += 1
            return min(_MARK_INTERVAL_S, _FIRST_MARK_S * 2.0**self._tries)
        return None


class _Renewer:
    """Extends all busy keys on one thread, which runs while there are any."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime], throttled: ThrottledLog) -> None:
        self._ledger, self._now, self._throttled = ledger, now, throttled
        self._attempts: set[Attempt] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, attempt: Attempt) -> None:
        """Start extending the key of an attempt."""
        with self._lock:
            self._attempts.add(attempt)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
                self._thread.start()

    def drop(self, attempt: Attempt) -> None:
        """Stop extending the key of an attempt."""
        with self._lock:
            self._attempts.discard(attempt)

    def _run(self) -> None:
        while True:
            time.sleep(self._ledger.busy_s / 3)
            with self._lock:
                attempts = list(self._attempts)
                if not attempts:
                    self._thread = None
                    return
            for attempt in attempts:
                try:
                    self._ledger.renew(*attempt, self._now())
                except WindlassError as error:
                    self._throttled.warning("ledger.renew_failed", error)
