"""Reads HTTP/1.1 responses from the bytes of one connection, one after another: head, body, limits. No I/O.

A body is kept up to a limit, streamed, or written to the call's buffer (`Call.into`) without a copy. A response that is
all head, trailers or framing is a failure before it takes memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httptools

from windlass.wire.body import Body, append_piece
from windlass.wire.errors import BrokenResponse
from windlass.wire.model import Response

__all__ = ["BUFFER_BYTES", "Owner", "Receiver"]

BUFFER_BYTES = 256 * 1024
# What is read beside the body: a head, trailers, and framing in proportion to the body.
_MAX_BESIDE_BYTES = 64 * 1024 + BUFFER_BYTES
_MAX_FRAMING = 16


class Owner(Protocol):
    """The connection that a receiver reads for."""

    def on_head(self, response: Response) -> None:
        """Take a response whose body is streamed."""
        ...

    def on_complete(self, response: Response | None, *, keep: bool) -> None:
        """Take a complete response, None when its body was streamed. `keep`: the connection outlives it."""
        ...

    def on_failure(self, error: BrokenResponse) -> None:
        """Handle bytes that are no response."""
        ...


class Receiver:
    """The state of one response at a time. `set_owner` before the first byte."""

    def __init__(self) -> None:
        self._owner: Owner
        self._parser: Any = httptools.HttpResponseParser(self)
        self.body: Body | None = None
        self.done = False
        self.read_bytes = 0
        self.direct_end = 0  # where in `_into` the body ends that is read right there; 0: it goes through the parser
        self._keep = False
        self._headers: dict[str, str] = {}
        self.start(head_only=False, limit=0)

    def set_owner(self, owner: Owner) -> None:
        """Set the owner, which receives the responses."""
        self._owner = owner

    def start(
        self,
        *,
        head_only: bool,
        limit: int,
        into: memoryview | None = None,
        open_body: Callable[[], Body] | None = None,
    ) -> None:
        """Expect a response with at most `limit` bytes of body. `open_body` makes the stream of a success."""
        self._head_only, self._limit, self._open_body = head_only, limit, open_body
        self._headers = {}
        self._pieces: list[bytes | bytearray] = []
        self._size = self.read_bytes = 0
        self._status = 0
        self._head_done = self._until_eof = self.done = self._unasked = False
        self.body, self._into = None, into
        self.direct_end = 0

    def buffer(self, shared: memoryview) -> memoryview:
        """Return where to read into: the shared buffer, or right where the body is wanted."""
        if self.direct_end and self._into is not None:
            return self._into[self._size : self.direct_end]
        return shared

    def advance(self, nbytes: int) -> None:
        """Count bytes that were read right to where they are wanted."""
        self.read_bytes += nbytes
        self._size += nbytes
        if self._size == self.direct_end:
            self._complete(keep=self._keep)

    def feed(self, data: bytes | memoryview) -> None:
        """Parse what was read."""
        self.read_bytes += len(data)
        if self.read_bytes > _MAX_BESIDE_BYTES + _MAX_FRAMING * self._size:
            self._owner.on_failure(BrokenResponse("the response's head does not end, or there is little else"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self._owner.on_failure(BrokenResponse(f"the response is not HTTP/1.1 ({error})"))
        if self._unasked:
            self._owner.on_failure(BrokenResponse("the server sent more than was requested"))
        if self._into is not None and self._head_done and not self.done:
            self._go_direct()

    def feed_eof(self) -> None:
        """Complete a response whose end is the connection's."""
        if self._until_eof and not self.done:
            self._complete(keep=False)

    def abort(self) -> Body | None:
        """Abandon the response; return its body if it was streamed and had not ended."""
        body, self.body = self.body, None
        self.done = True
        self.release()
        return body

    def release(self) -> None:
        """Let go of where the body was wanted."""
        self._into, self.direct_end = None, 0

    # What httptools calls

    def on_message_begin(self) -> None:
        """httptools: a response begins; one that follows in the same read was not asked for."""
        self._unasked = self.done

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header; after the head they are trailers, which nothing here reads."""
        if self._head_done:
            return
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")
        headers = self._headers
        headers[key] = f"{headers[key]},{text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """httptools: the head is complete."""
        if self.done:
            return
        status = self._parser.get_status_code()
        if status < 200:  # 100 Continue and its like: the final response follows
            self._headers = {}
            return
        self._head_done = True
        headers = self._headers
        self._status = status
        if self._into is not None:
            if status < 300:
                self._limit = min(self._limit, len(self._into))
            else:
                self._into = None  # an error is no content
        framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
        self._until_eof = not framed and status not in (204, 304) and not self._head_only
        length = headers.get("content-length", "")
        if self._head_only:
            keep = _keeps(headers, self._parser.get_http_version())
            # httptools would wait for the body that the length announces and that never comes.
            self._parser = httptools.HttpResponseParser(self)
            self._complete(keep=keep)
        elif self._open_body is not None and status < 300:
            self.body = self._open_body()
            self._owner.on_head(Response(status, headers, stream=self.body))
        elif length and int(length) > self._limit:
            self._fail_too_large()

    def on_body(self, data: bytes) -> None:
        """httptools: a piece of the body."""
        if self.done:
            self._unasked = True
        if self.done or not self._head_done:
            return
        self._size += len(data)
        if self.body is not None:
            self.body.put(bytes(data))
        elif self._size > self._limit:
            self._fail_too_large()
        elif self._into is not None:
            self._into[self._size - len(data) : self._size] = data
        else:
            append_piece(self._pieces, data)

    def on_message_complete(self) -> None:
        """httptools: the response is complete."""
        if self._head_done and not self.done:
            self._complete(keep=self._parser.should_keep_alive() and not self._until_eof)

    def _go_direct(self) -> None:
        """Read the rest of the body to where it is wanted; the parser, which saw its beginning, is done with."""
        length = int(self._headers.get("content-length", 0))
        if "transfer-encoding" not in self._headers and length > self._size:
            self.direct_end = length
            self._keep = _keeps(self._headers, self._parser.get_http_version())
            self._parser = httptools.HttpResponseParser(self)

    def _complete(self, *, keep: bool) -> None:
        self.done = True
        body, self.body = self.body, None
        if body is not None:
            body.end()
            self._owner.on_complete(None, keep=keep)
            return
        pieces, self._pieces = self._pieces, []  # an idle connection keeps nothing
        put_bytes = self._size if self._into is not None else 0
        self.release()
        self._owner.on_complete(Response(self._status, self._headers, b"".join(pieces), put_bytes=put_bytes), keep=keep)

    def _fail_too_large(self) -> None:
        self._owner.on_failure(BrokenResponse(f"the response is larger than {self._limit:,} bytes"))


def _keeps(headers: Mapping[str, str], version: str) -> bool:
    """Return whether the connection outlives this response."""
    option = headers.get("connection", "").lower()
    return "close" not in option and (version != "1.0" or "keep-alive" in option)
