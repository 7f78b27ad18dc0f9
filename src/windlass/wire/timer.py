"""The timer of a connection: it checks the bytes of a complete timeout, so that it need not be reset at every read."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["SilenceTimer", "Watched"]


class Watched(Protocol):
    """What a timer watches."""

    def moved_bytes(self) -> int:
        """Return how many bytes were moved in all, in both directions."""
        ...

    def on_silence(self, timeout_s: float) -> None:
        """Handle a timeout in which too little moved."""
        ...


class SilenceTimer:
    """Reports a connection that moved fewer than `enough_bytes` within the timeout."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self._watched: Watched | None = None
        self._timeout_s, self._enough_bytes, self._moved_before = 0.0, 0, 0

    def set(self, watched: Watched, timeout_s: float, enough_bytes: int) -> None:
        """Set what is watched from the next `start` on."""
        self._watched, self._timeout_s, self._enough_bytes = watched, timeout_s, enough_bytes

    def start(self) -> None:
        """Start to watch; nothing happens before `set`."""
        if self._watched is not None:
            self._moved_before = self._watched.moved_bytes()
            self._handle = self._loop.call_later(self._timeout_s, self.look_back)

    def stop(self) -> None:
        """Stop watching. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    @property
    def running(self) -> bool:
        """Whether it watches."""
        return self._handle is not None

    def look_back(self) -> None:
        """Report a silence, or watch for another timeout; called by the loop at the end of each."""
        self._handle = None
        assert self._watched is not None
        if self._watched.moved_bytes() - self._moved_before >= self._enough_bytes:
            self.start()
        else:
            self._watched.on_silence(self._timeout_s)
