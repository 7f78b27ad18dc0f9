"""The cyclic garbage collector, run less often while many objects without cycles are created."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["seldom"]

_MANY = 20_000
_lock = threading.Lock()
_within = 0
_before: tuple[int, int, int] = gc.get_threshold()


@contextmanager
def seldom() -> Iterator[None]:
    """Within it, in every thread, the collector looks at what was made after each 20,000 objects more instead of each 700.

    Listings make some objects a key and hardly a cycle: looking for one finds nothing, and costs a good part of what reading
    them does. What is not part of a cycle goes at once, as ever.
    """
    global _within, _before  # noqa: PLW0603  the collector is the process's
    with _lock:
        if _within == 0:
            _before = gc.get_threshold()
            if _before[0]:  # else it never looks
                gc.set_threshold(max(_MANY, _before[0]), *_before[1:])
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                gc.set_threshold(*_before)
