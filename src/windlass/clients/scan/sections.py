"""Sections of a log file too large to be read at once: whole records in between, each section a file of its own.

CloudTrail writes `{"Records":[{"eventVersion":…},{"eventVersion":…}]}`. The bytes `},{"eventVersion":` cannot stand inside a
JSON string (its quotes would be escaped), so a file of this layout is cut there and each section goes through the fast reader,
which checks its structure. A file of any other layout is left to `split.Splitter`, which takes every layout and is slower.
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
    """Feed it a file's JSON part by part; it gives sections of about `section_bytes`, each as `{"Records":[…]}`.

    UnusualLayout when the head is another one or `limit_bytes` hold no boundary. Memory is one section and one part.
    """

    def __init__(self, *, section_bytes: int, limit_bytes: int) -> None:
        self._section_bytes = section_bytes
        self._limit_bytes = limit_bytes
        self._held = bytearray()
        self._started = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """The sections that end in this part."""
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
        """The last section; it keeps the file's own end, so that a file cut short is noticed by its reader."""
        if not self._started or not self._held:
            raise UnusualLayout
        return _section(bytes(self._held))


def _section(rest: bytes) -> bytes:
    if b'"Records"' in rest:  # a second list of that name: of the two, a reader of JSON would keep the last alone
        raise UnusualLayout
    return b'{"Records":[' + rest
