"""URL rules are compiled by one thread at a time.

Upstream: moto compiles rules when a backend is first called, outside of its lock; two threads that build syntax trees
at once raise SystemError in CPython.
AWS: no visible difference: a first call succeeds.
Source: https://github.com/python/cpython/issues/106905
Offered upstream: no.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from werkzeug.routing import Rule

__all__ = ["BUILD_LOCK", "PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("werkzeug.routing.Rule.compile",)
BUILD_LOCK = threading.RLock()
"""One for the process: CPython counts the depth of a syntax tree for all threads together."""


def apply() -> None:
    """Guard the compilation of each rule by `BUILD_LOCK`."""
    Rule.compile = _serialized(Rule.compile)


def _serialized(compile_rule: Any) -> Any:
    @functools.wraps(compile_rule)
    def compiled(rule: Rule) -> None:
        with BUILD_LOCK:
            try:
                compile_rule(rule)
            except SystemError:  # another thread built a tree; compiling a rule starts from the beginning each time
                compile_rule(rule)

    return compiled
