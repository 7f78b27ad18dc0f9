"""Resource limits of this process."""

from __future__ import annotations

import contextlib
import sys

__all__ = ["raise_file_limit"]

_MOST_FILES = 1 << 20  # Linux's own ceiling (fs.nr_open); macOS refuses "unlimited"


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; return the soft limit. Returns 0 on Windows."""
    if sys.platform == "win32":
        return 0
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _MOST_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < target:
        with contextlib.suppress(ValueError, OSError):  # the kernel allows less: the limit stays unchanged
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
