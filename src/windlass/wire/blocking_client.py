"""A Client for threads: its event loop runs on its own thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Self, TypeVar

from windlass.core.access import Access
from windlass.wire.client import Client
from windlass.wire.event_loops import new_loop
from windlass.wire.model import Call

__all__ = ["BlockingClient"]

T = TypeVar("T")
_CLOSE_S = 10.0


class BlockingClient:
    """Sends calls from any thread, several at once; close it, or use it with `with`."""

    def __init__(self, access: Access, *, connections: int = 0) -> None:
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._client = asyncio.run_coroutine_threadsafe(_open(access, connections), self._loop).result()

    def send(self, call: Call[T]) -> T:
        """Return the operation's result. Errors are those of `Client.send`."""
        return self.submit(call).result()

    def submit(self, call: Call[T]) -> Future[T]:
        """Start a call; the future's `result()` is what `send` returns or raises."""
        return asyncio.run_coroutine_threadsafe(self._client.send(call), self._loop)

    def close(self) -> None:
        """Close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        self._loop.close()

    async def _end(self) -> None:
        await self._client.close()
        await self._loop.shutdown_default_executor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _open(access: Access, connections: int) -> Client:
    return Client(access, connections=connections)
