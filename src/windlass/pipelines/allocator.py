"""Freed memory goes back to the system: what a worker holds is what it works on, not the largest it ever worked on."""

from __future__ import annotations

import ctypes
import os

__all__ = ["return_freed_memory"]

_M_MMAP_THRESHOLD = -3
_MAPPED_BYTES = 256 << 10


def return_freed_memory() -> None:
    """Set the allocators of this process so; to be called before pyarrow is imported.

    glibc maps large blocks one by one, but raises the limit for "large" to the largest it saw freed (up to 32 MiB), after
    which parts of 8 MiB lie in heaps that never shrink: mallopt(3) fixes the limit. pyarrow's own allocator keeps what is
    freed, too: the system's is taken instead. Measured on csv-to-parquet (bench/pipelines_large.py): 60 MiB less, as fast.
    Another libc is left as it is, and so is a pool that was chosen in the environment.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
