"""uvicorn's HTTP protocol with deadlines: a client that sends slowly, not at all, or stops reading is dropped.

uvicorn limits only the time between two requests. Here each connection has at most one timer, for what it is waited for now.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from windlass.settings.console import ConsoleConfig

__all__ = ["Deadlines", "deadlines_of", "protocol_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds. `header_s` counts from the connection or the request's first byte, `body_s` from the end of the head: bytes
    that trickle in do not extend either. `stall_s` is how long a client may read nothing of an answer.
    """

    header_s: float
    body_s: float
    idle_s: float
    stall_s: float


class _Timer:
    """One deadline of a connection; setting it replaces the one before."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Drop the connection in so many seconds, without waiting for the client to take what is left."""
        self.clear()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def clear(self) -> None:
        """No deadline."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class DeadlineProtocol(HttpToolsProtocol):
    """`_receiving` is the deadline of a head or a body, `_sending` that of a client that does not read."""

    deadlines: Deadlines

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._between_requests = False
        self._receiving, self._sending = _Timer(transport), _Timer(transport)
        self._receiving.set(self.deadlines.header_s)

    def data_received(self, data: bytes) -> None:
        if self._between_requests:  # uvicorn's own timer ends with the first byte
            self._between_requests = False
            self._receiving.set(self.deadlines.header_s)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._receiving.set(self.deadlines.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:  # refused before its body had arrived
            self._wait_for_next(self.deadlines.idle_s)  # uvicorn's timer ended with the body's first byte
        else:
            self._receiving.clear()

    def on_response_complete(self) -> None:
        pipelined = bool(self.pipeline)
        super().on_response_complete()
        if (
            not pipelined
        ):  # uvicorn closes it in order after idle_s; a client that does not read the rest is cut off later
            self._wait_for_next(self.deadlines.idle_s + self.deadlines.stall_s)

    def _wait_for_next(self, seconds: float) -> None:
        self._between_requests = True
        self._receiving.set(seconds)

    def pause_writing(self) -> None:
        self._sending.set(self.deadlines.stall_s)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._sending.clear()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiving.clear()
        self._sending.clear()
        super().connection_lost(exc)


def protocol_with(deadlines: Deadlines) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` option. Its `timeout_keep_alive` has to be `deadlines.idle_s`."""
    return type("ConsoleProtocol", (DeadlineProtocol,), {"deadlines": deadlines})


def deadlines_of(console: ConsoleConfig) -> Deadlines:
    """The deadlines of the section `[console]`."""
    return Deadlines(
        header_s=console.header_timeout_s,
        body_s=console.body_timeout_s,
        idle_s=console.idle_timeout_s,
        stall_s=console.stall_timeout_s,
    )
