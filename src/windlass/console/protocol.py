"""uvicorn's HTTP protocol with deadlines: a client that sends slowly, sends nothing or stops reading is disconnected.

uvicorn only limits the time between two requests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from windlass.settings.console import ConsoleConfig

__all__ = ["Deadlines", "deadlines_of", "protocol_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Deadlines of a connection. `header_s` counts from the connection or the first byte of the request, `body_s` from the
    end of the header: bytes that trickle in extend neither. `stall_s` is how long a client may read nothing of a response.
    """

    header_s: float
    body_s: float
    idle_s: float
    stall_s: float


class _Timer:
    """One deadline of a connection. Setting it replaces the previous one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Abort the connection in `seconds`, without waiting for the client to read the rest."""
        self.clear()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def clear(self) -> None:
        """Cancel the deadline."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class DeadlineProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a deadline for receiving (`_receiving`: header or body) and for sending (`_sending`)."""

    deadlines: Deadlines

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._between_requests = False
        self._receiving, self._sending = _Timer(transport), _Timer(transport)
        self._receiving.set(self.deadlines.header_s)

    def data_received(self, data: bytes) -> None:
        if self._between_requests:  # uvicorn cancels its own timer at the first byte
            self._between_requests = False
            self._receiving.set(self.deadlines.header_s)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._receiving.set(self.deadlines.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:  # refused before its body had arrived
            self._wait_for_next(self.deadlines.idle_s)  # uvicorn cancelled its timer at the first byte of the body
        else:
            self._receiving.clear()

    def on_response_complete(self) -> None:
        pipelined = bool(self.pipeline)
        super().on_response_complete()
        if not pipelined:  # uvicorn closes it after idle_s; a client that does not read is aborted later
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
    """Return the protocol class for uvicorn's `http` option. `timeout_keep_alive` has to be `deadlines.idle_s`."""
    return type("ConsoleProtocol", (DeadlineProtocol,), {"deadlines": deadlines})


def deadlines_of(console: ConsoleConfig) -> Deadlines:
    """Return the deadlines of the configuration section `[console]`."""
    return Deadlines(
        header_s=console.header_timeout_s,
        body_s=console.body_timeout_s,
        idle_s=console.idle_timeout_s,
        stall_s=console.stall_timeout_s,
    )
