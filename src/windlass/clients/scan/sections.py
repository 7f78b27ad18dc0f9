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
_SECTION_HEAD = b'{"Records":['


class UnusualLayout(Exception):
    """The file does not have CloudTrail's own layout."""


class Sections:
    """Cuts a file's JSON, fed in parts, into sections of at least `section_bytes`, each as `{"Records":[…]}`.

    UnusualLayout for another head, or when `limit_bytes` contain no boundary. Memory: one section and one part.
    """

    def __init__(self, *, section_bytes: int, limit_bytes: int) -> None:
        self._section_bytes = section_bytes
        self._limit_bytes = limit_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._started = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Yield the section that ends in this part, if one does."""
        self._hold(part)
        if not self._started:
            self._start()
        if self._held_bytes < self._section_bytes:
            return
        cut = self._held[-1].rfind(_CUT)
        if cut < 0:  # the boundary may lie across two parts
            self._hold_only(b"".join(self._held))
            cut = self._held[0].rfind(_CUT)
        if cut >= 0:
            last = self._held.pop()
            yield _section(*self._held, memoryview(last)[: cut + 1], b"]}")
            self._hold_only(last[cut + 2 :])
        elif self._held_bytes > self._limit_bytes:
            raise UnusualLayout

    def finish(self) -> bytes:
        """Return the last section, which has the file's own end, so that its reader notices a truncated file."""
        if not self._started or not self._held_bytes:
            raise UnusualLayout
        return _section(*self._held)

    def _start(self) -> None:
        beginning = b"".join(self._held)
        head = _HEAD.match(beginning)
        if head is None:
            raise UnusualLayout
        self._hold_only(beginning[head.end() :])
        self._started = True

    def _hold(self, part: bytes) -> None:
        self._held.append(part)
        self._held_bytes += len(part)

    def _hold_only(self, rest: bytes) -> None:
        self._held, self._held_bytes = [rest], len(rest)


def _section(*records: bytes | memoryview) -> bytes:
    section = b"".join((_SECTION_HEAD, *records))  # the only copy of the records
    # Of two lists of that name a JSON reader keeps only the last. Searching backwards takes a quarter of the time here.
    if section.rfind(b'"Records"') > _SECTION_HEAD.index(b'"'):
        raise UnusualLayout
    return section
