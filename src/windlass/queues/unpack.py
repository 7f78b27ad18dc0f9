"""Unwrapping around a handler, large payloads fetched among it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from windlass.core.errors import NotFound
from windlass.queues.handlers import Handler, is_async
from windlass.queues.model import Reject
from windlass.queues.received import Received
from windlass.queues.unwrap import Pointer, read_pointer, unwrap

__all__ = ["Fetch", "unpacking"]

Fetch = Callable[[Pointer], str]
"""The large payload a pointer leads to."""


def unpacking(layers: Sequence[str], fetch: Fetch) -> Callable[[Handler], Handler]:
    """Wrap a handler so that it sees bodies without these layers."""

    def take_off(body: str) -> str:
        for layer in layers:
            body = _fetched(body, fetch) if layer == "s3" else unwrap([layer], body)
        return body

    def around(handler: Handler) -> Handler:
        if is_async(handler):
            blocking = "s3" in layers

            async def run_async(received: Received) -> None:
                received.body = (
                    await asyncio.to_thread(take_off, received.body) if blocking else take_off(received.body)
                )
                result: Any = handler(received)
                await result

            return run_async

        def run(received: Received) -> None:
            received.body = take_off(received.body)
            handler(received)

        return run

    return around


def _fetched(body: str, fetch: Fetch) -> str:
    pointer = read_pointer(body)
    if pointer is None:
        return body
    try:
        return fetch(pointer)
    except NotFound as error:
        raise Reject(f"the large payload is gone: {error.message}") from None
