"""Many copies at the least cost: no task, no future and no timer for each.

A pipeline has pinned connections. Each carries one request at a time, given by `send`; `done` is called at its end. The
usual response (a 200 in one piece) is recognised where it arrives. Anything else (errors, lost responses, keys that must be fetched)
goes through the Client with its retries; only throttling is reported at once, because the caller decides the pace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from windlass.core.aws_errors import THROTTLE_CODES, service_error
from windlass.core.errors import WindlassError
from windlass.wire.client import Client
from windlass.wire.copy_requests import CopyRequests
from windlass.wire.errors import ConnectionLost, read_fault
from windlass.wire.model import Response
from windlass.wire.pinned_connection import TIMEOUT_CHECK_S, Copy, PinnedConnection
from windlass.wire.routes import Route

__all__ = ["Copy", "CopyPipeline"]

T = TypeVar("T")
_OPENING = 8
_GOOD, _BAD = b"<CopyObjectResult", b"<Error"


class CopyPipeline(Generic[T]):
    """Sends copies through at most `size` connections. It calls `done(token, error)` at each end, `ready()` when there is room.

    `pull()` may give a connection its next copy at once, where its last ended well; None leaves it to `ready`.
    """

    def __init__(
        self,
        client: Client,
        copies: CopyRequests,
        *,
        size: int,
        done: Callable[[T, WindlassError | None], None],
        ready: Callable[[], None],
        pull: Callable[[], Copy[T] | None] = lambda: None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._client, self._copies = client, copies
        self._size = size
        self._done, self._ready, self._pull = done, ready, pull
        self._pinned: set[PinnedConnection] = set()
        self._free: list[PinnedConnection] = []
        self._opening = 0
        self._unreachable = self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.under_way = 0
        self._outbox: list[tuple[PinnedConnection, bytes]] = []
        self._in_turn = False
        self._timeout_timer = self.loop.call_later(TIMEOUT_CHECK_S, self._check_timeouts)

    def room(self) -> int:
        """Return how many copies may be sent now; open connections when there are none free and `size` allows more."""
        if not self._free:
            self._grow()
        free = len(self._free)
        if not free and self._unreachable:
            return 1 - self.under_way  # one at a time through the Client, whose error says why
        return min(free, self._size - self.under_way)

    def send(self, token: T, key: str, etag: str, storage_class: str) -> None:
        """Send one copy. Call it only while there is `room`."""
        self._send(self._free.pop() if self._free else None, (token, key, etag, storage_class))

    def _send(self, connection: PinnedConnection | None, copy: Copy[T]) -> None:
        self.under_way += 1
        if connection is None or connection.closed or not (self._in_turn or self._begin_turn()):
            self._give_back(connection)
            self._send_with_retries(copy)
            return
        token, key, etag, storage_class = copy
        try:
            head = self._copies.head(key, etag, storage_class)
        except WindlassError as error:
            self._give_back(connection)
            self.loop.call_soon(self._ended, token, error)
            return
        connection.expect(copy)
        self._outbox.append((connection, head))

    def _begin_turn(self) -> bool:
        """Sign what is sent in this turn of the loop as of now, to write it together. False when keys must be fetched first."""
        keys = self._client.keys_at_hand()
        if keys is None:
            return False
        self._copies.at(self._client.route(self._copies.bucket), keys, time.time() + self._client.skew_s)
        self._in_turn = True
        self.loop.call_soon(self._end_turn)
        if not self._free:
            self._grow()
        return True

    def _end_turn(self) -> None:
        outbox, self._outbox, self._in_turn = self._outbox, [], False
        for connection, head in outbox:
            if connection.transport is not None and not connection.closed:
                connection.transport.write(head)

    async def close(self) -> None:
        """Close every connection. Copies in flight are neither reported nor sent again."""
        self._closed = True
        self._timeout_timer.cancel()
        for task in self._tasks:
            task.cancel()
        for connection in list(self._pinned):
            connection.close()
        await asyncio.sleep(0)

    # What pinned connections call

    def on_copied(self, connection: PinnedConnection) -> None:
        """Report a copy that was made; send the next one on the same connection."""
        copy, connection.copy = connection.copy, None
        assert copy is not None
        self.under_way -= 1
        if self._closed:
            self._free.append(connection)
            return
        self._done(copy[0], None)
        following = self._pull()
        if following is None:
            self._free.append(connection)
            self._ready()
        else:
            self._send(connection, following)

    def on_response(self, connection: PinnedConnection, response: Response) -> None:
        """Report a success or throttling; send the copy through the Client after any other response."""
        copy, connection.copy = connection.copy, None
        assert copy is not None
        if response.status < 300 and _GOOD in response.body and _BAD not in response.body:
            self._ended(copy[0], None)
            return
        fault = read_fault(response)
        if fault.code in THROTTLE_CODES or fault.status in (429, 503):
            self._ended(copy[0], service_error(fault.code, fault.message, where="s3 CopyObject", status=503))
        else:
            self._send_with_retries(copy)

    def on_lost(self, connection: PinnedConnection, _: Exception) -> None:
        """Send the copy through the Client: whether it was made is unknown, and a copy may be made twice."""
        copy, connection.copy = connection.copy, None
        assert copy is not None
        self._send_with_retries(copy)

    def on_freed(self, connection: PinnedConnection) -> None:
        """Take back a connection, or forget it when it is closed."""
        if connection.closed:
            self._pinned.discard(connection)
        elif connection not in self._free:
            self._free.append(connection)
        if not self._closed:
            self._ready()

    def _give_back(self, connection: PinnedConnection | None) -> None:
        if connection is not None and not connection.closed:
            self._free.append(connection)

    def _ended(self, token: T, error: WindlassError | None) -> None:
        self.under_way -= 1
        if not self._closed:
            self._done(token, error)
            self._ready()

    def _send_with_retries(self, copy: Copy[T]) -> None:
        """Send a copy through the Client, with its retries."""
        if self._closed:
            return
        token, *what = copy

        async def go() -> None:
            error: WindlassError | None = None
            try:
                await self._client.send(self._copies.call(*what))
            except WindlassError as failed:
                error = failed
            self._ended(token, error)

        task = self.loop.create_task(go())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _grow(self) -> None:
        if self._opening >= _OPENING or len(self._pinned) + self._opening >= self._size:
            return
        route = self._client.route(self._copies.bucket)
        for _ in range(min(_OPENING, self._size - len(self._pinned) - self._opening)):
            self._opening += 1
            task = self.loop.create_task(self._opened(route))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _opened(self, route: Route) -> None:
        connection = PinnedConnection(self, self._client.buffer)
        try:
            await self._client.fetch_keys()
            await route.pool.detach(connection)
        except (ConnectionLost, WindlassError):
            self._unreachable = not self._pinned
            self._ready()
            await asyncio.sleep(TIMEOUT_CHECK_S)
            self._opening -= 1
        else:
            self._opening -= 1
            self._unreachable = False
            self._pinned.add(connection)
            self._free.append(connection)
        self._ready()

    def _check_timeouts(self) -> None:
        timeout_s = self._client.access.read_timeout_s
        for connection in list(self._pinned):
            connection.check_timeout(timeout_s)
        self._timeout_timer = self.loop.call_later(TIMEOUT_CHECK_S, self._check_timeouts)
