"""Wraps a handler so that it receives unwrapped bodies, with large payloads fetched from S3."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from windlass.core.errors import NotFound
from windlass.queues.envelopes import unwrap
from windlass.queues.handlers import Handler, is_async
from windlass.queues.model import Reject
from windlass.queues.payloads import Pointer, read_pointer
from windlass.queues.received_message import ReceivedMessage

__all__ = ["Fetch", "wrap_envelopes"]

Fetch = Callable[[Pointer], str]
"""Fetches the large payload of a pointer."""


def wrap_envelopes(layers: Sequence[str], fetch: Fetch, *, bucket: str = "") -> Callable[[Handler], Handler]:
    """Return a function that wraps a handler so that it gets bodies without these layers.

    A pointer to another bucket than `bucket` is rejected; empty allows any bucket.
    """

    def unwrap_body(body: str) -> str:
        for layer in layers:
            body = _payload(body, fetch, bucket) if layer == "s3" else unwrap([layer], body)
        return body

    def around(handler: Handler) -> Handler:
        if is_async(handler):
            blocking = "s3" in layers

            async def run_async(received: ReceivedMessage) -> None:
                received.body = (
                    await asyncio.to_thread(unwrap_body, received.body) if blocking else unwrap_body(received.body)
                )
                result: Any = handler(received)
                await result

            return run_async

        def run(received: ReceivedMessage) -> None:
            received.body = unwrap_body(received.body)
            handler(received)

        return run

    return around


def _payload(body: str, fetch: Fetch, bucket: str) -> str:
    """Return the payload that a body points to; the body itself when it is not a pointer. Reject when it does not exist."""
    pointer = read_pointer(body)
    if pointer is None:
        return body
    if bucket and pointer.bucket != bucket:
        raise Reject(f"the large payload is in bucket {pointer.bucket}, not in payload_bucket = {bucket}")
    try:
        return fetch(pointer)
    except NotFound as error:
        raise Reject(f"the large payload does not exist: {error.message}") from None
