"""A bound on open connections: beyond it, the least recently used client closes its idle ones."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

__all__ = ["OpenClients"]

OPEN_CLIENTS = 128  # an estate has thousands of clients (accounts x regions x services), a process often 1,024 files


class OpenClients:
    """Clients whose connections may be open, the least recently used first. Thread-safe.

    A client that closed its connections opens new ones at its next call: AWS itself drops a connection that is idle for
    some seconds, so that most calls to a scope that was left begin with a new one anyway.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = OPEN_CLIENTS if limit is None else limit
        self._lock = threading.Lock()
        self._uses: OrderedDict[Any, int] = OrderedDict()

    @contextlib.contextmanager
    def use(self, client: Any) -> Iterator[None]:
        """Keep the connections of `client` open within the block. Clients in use are never closed, however many."""
        with self._lock:
            self._uses[client] = self._uses.get(client, 0) + 1
            self._uses.move_to_end(client)
            self._close_idle()
        try:
            yield
        finally:
            with self._lock:
                self._uses[client] -= 1

    def __len__(self) -> int:
        return len(self._uses)

    def _close_idle(self) -> None:
        """Close the oldest. Call it under the lock, so that no call begins on a client that is closing."""
        for client in list(self._uses):
            if len(self._uses) <= self._limit:
                return
            if not self._uses[client]:
                del self._uses[client]
                client.close()
