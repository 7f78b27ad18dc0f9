"""A Connection without a socket: bytes are fed to it as asyncio would, and nothing waits."""

from __future__ import annotations

import asyncio

from windlass.wire.connection import Connection, shared_buffer
from windlass.wire.timer import SilenceTimer


class Pipe:
    """A transport that keeps what is written, and does as told."""

    def __init__(self):
        self.written = b""
        self.aborted = self.paused = False
        self.unsent_bytes = 0

    def write(self, data):
        self.written += bytes(data)

    def abort(self):
        self.aborted = True

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def get_write_buffer_size(self):
        return self.unsent_bytes


class Fed:
    """A connection in memory."""

    def __init__(self, loop):
        self.freed = []
        self.pipe = Pipe()
        self.timer = SilenceTimer(loop)
        self.connection = Connection(loop, shared_buffer(), self.freed.append, timer=self.timer)
        self.connection.connection_made(self.pipe)

    def ask(self, *, head_only=False, limit=1 << 20, stream=False, into=None):
        self.answer = self.connection.send(
            b"GET / HTTP/1.1\r\n\r\n", b"", head_only=head_only, limit=limit, timeout_s=60, stream=stream, into=into
        )
        return self.answer

    def feed(self, data, cuts=()):
        """Feed it in pieces, cut at these places, as long as the connection is open."""
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        for start, end in zip(places, places[1:], strict=False):
            while start < end and not self.connection.closed:
                buffer = self.connection.get_buffer(-1)
                piece = data[start : min(end, start + len(buffer))]
                buffer[: len(piece)] = piece
                self.connection.buffer_updated(len(piece))
                start += len(piece)

    def hang_up(self):
        """The server's end is closed, as asyncio tells it."""
        if not self.connection.closed:
            self.connection.eof_received()
        self.connection.connection_lost(None)

    def outcome(self):
        """(status, body) or the error's type; "nothing" while it waits."""
        if not self.answer.done():
            return "nothing"
        error = self.answer.exception()
        return type(error) if error else (self.answer.result().status, self.answer.result().body)


def new_loop():
    return asyncio.new_event_loop()
