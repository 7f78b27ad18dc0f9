"""Sections of a large log file: complete records, each section in the form of a log file.

CloudTrail writes `{"Records":[{"eventVersion":…},{"eventVersion":…}]}`. The bytes `},{"eventVersion":` cannot occur in a
JSON string (its quotes would be escaped): a file of this layout is cut there, and the fast reader checks the structure of each
section. For any other layout `record_splitter.Splitter` is used, which is slower.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["Sections", "UnusualLayout"]

_HEAD = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_CUT = b'},{"eventVersion":'


class UnusualLayout(Exception):
    """The file does not have CloudTrail's own layout."""


class Sections:
    """Cuts a file's JSON, fed in parts, into sections of about `section_bytes`, each as `{"Records":[…]}`.

    UnusualLayout for another head, or when `limit_bytes` contain no boundary. Memory: one section and one part.
    """

    def __init__(self, *, section_bytes: int, limit_bytes: int) -> None:
        self._section_bytes = section_bytes
        self._limit_bytes = limit_bytes
        self._held = bytearray()
        self._started = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Yield the sections that end in this part."""
        self._held += part
        if not self._started:
            head = _HEAD.match(self._held)
            if head is None:
                raise UnusualLayout
            del self._held[: head.end()]
            self._started = True
        if len(self._held) < self._section_bytes:
            return
        cut = self._held.rfind(_CUT)
        if cut < 0:
            if len(self._held) > self._limit_bytes:
                raise UnusualLayout
            return
        yield _section(bytes(self._held[: cut + 1]) + b"]}")
        del self._held[: cut + 2]

    def finish(self) -> bytes:
        """Return the last section, which has the file's own end, so that its reader notices a truncated file."""
        if not self._started or not self._held:
            raise UnusualLayout
        return _section(bytes(self._held))


def _section(rest: bytes) -> bytes:
    if b'"Records"' in rest:  # of two lists of that name a JSON reader keeps only the last
        raise UnusualLayout
    return b'{"Records":[' + rest
