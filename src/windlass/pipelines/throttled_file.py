"""Chunks as the file that pyarrow's streaming readers want, read no further ahead than asked for.

pyarrow reads 32 blocks ahead on a thread of its own: with blocks of 1 MiB, 32 MiB that nobody asked for. Here that thread
waits at a gate until what was read is used.
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
_PATIENCE_S = 0.05


class ThrottledFile:
    """A file of chunks. Each `used()` lets one more block be read; `_AHEAD` may always be.

    A block that holds nothing but empty lines yields no batch, so that nobody ever says it was used: when the user
    waits in vain for a moment, one more is let through.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._inner = io.BufferedReader(ChunkReader(chunks))
        self._turn = threading.Condition()
        self._ahead = 0
        self._waiting = False
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next block, when its turn has come; the end once it is closed."""
        with self._turn:
            while self._ahead >= _AHEAD and not self.closed:
                if not self._turn.wait(_PATIENCE_S) and self._waiting:
                    break
            if self.closed:
                return b""
            self._ahead += 1
        return self._inner.read(size)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The user waits for what is made of the next block, and then has it."""
        with self._turn:
            self._waiting = True
            self._turn.notify()
        try:
            yield
        finally:
            with self._turn:
                self._waiting = False

    def used(self) -> None:
        """What was made of one block is used up."""
        with self._turn:
            self._ahead = max(0, self._ahead - 1)
            self._turn.notify()

    def close(self) -> None:
        """Let the reading thread go: it finds the end."""
        with self._turn:
            self.closed = True
            self._turn.notify()


def throttled_batches(reader: Any, file: ThrottledFile) -> Iterator[Any]:
    """The batches of a pyarrow reader over the file, each before the next block is read."""
    while True:
        with file.waiting():
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
        yield batch
        del batch
        file.used()
