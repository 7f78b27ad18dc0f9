"""A file object for pyarrow's streaming readers that limits how far they read ahead.

pyarrow reads 32 blocks ahead on its own thread: with blocks of 1 MiB, 32 MiB of memory. This file makes that thread wait until
the blocks it read are used.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from windlass.pipelines.model import Chunks
from windlass.pipelines.stream import ChunkReader

__all__ = ["ThrottledFile", "throttled_batches"]

_AHEAD = 2
_STALL_S = 0.05


class ThrottledFile:
    """A file of chunks. `_AHEAD` blocks may be read at once; each `used()` allows one more.

    A block of empty lines yields no batch, so `used()` is never called for it. When the consumer waits longer than
    `_STALL_S`, one more block is allowed.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._inner = io.BufferedReader(ChunkReader(chunks))
        self._turn = threading.Condition()
        self._ahead = 0
        self._waiting = False
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """Wait until a block may be read, and return it; empty at the end and after `close`."""
        with self._turn:
            while self._ahead >= _AHEAD and not self.closed:
                if not self._turn.wait(_STALL_S) and self._waiting:
                    break
            if self.closed:
                return b""
            self._ahead += 1
        return self._inner.read(size)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark the block in which the consumer waits for the next batch."""
        with self._turn:
            self._waiting = True
            self._turn.notify()
        try:
            yield
        finally:
            with self._turn:
                self._waiting = False

    def used(self) -> None:
        """Report that the batch of one block has been used."""
        with self._turn:
            self._ahead = max(0, self._ahead - 1)
            self._turn.notify()

    def close(self) -> None:
        """End the file, which releases the reading thread."""
        with self._turn:
            self.closed = True
            self._turn.notify()


def throttled_batches(reader: Any, file: ThrottledFile) -> Iterator[Any]:
    """Yield the batches of a pyarrow reader over the file, reading no further ahead than the file allows."""
    while True:
        with file.waiting():
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
        yield batch
        del batch
        file.used()
