"""Key names of one bucket, kept sorted as keys are added and removed.

moto sorts every key of the bucket for each page of a listing. A sorted list of short sorted lists costs a bisect per
lookup and moves at most a few thousand pointers per insert. Python compares `str` by code point, which is the order of
the UTF-8 bytes, which is S3's (AWS docs: "List results are always returned in UTF-8 binary order").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

_SPLIT_AT = 2048
_LAST_CHARACTER = 0x10FFFF


def prefix_end(prefix: str) -> str | None:
    """Return the first string after every string that starts with `prefix`; None when there is none."""
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


class SortedNames:
    """A sorted set of names: add, discard, and iterate from any point."""

    __slots__ = ("_chunks", "_firsts", "_size")

    def __init__(self) -> None:
        self._chunks: list[list[str]] = []
        self._firsts: list[str] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return self.since("")

    def _chunk_for(self, name: str) -> int:
        return max(bisect_right(self._firsts, name) - 1, 0)

    def add(self, name: str) -> None:
        """Insert `name` in order. Idempotent."""
        if not self._chunks:
            self._chunks.append([name])
            self._firsts.append(name)
            self._size = 1
            return
        at = self._chunk_for(name)
        chunk = self._chunks[at]
        index = bisect_left(chunk, name)
        if index < len(chunk) and chunk[index] == name:
            return
        insort(chunk, name, lo=index)
        self._firsts[at] = chunk[0]
        self._size += 1
        if len(chunk) > _SPLIT_AT:
            self._split(at)

    def _split(self, at: int) -> None:
        chunk = self._chunks[at]
        # Names often arrive in ascending order: a nearly full left half then wastes the least space.
        half = len(chunk) * 9 // 10 if at == len(self._chunks) - 1 else len(chunk) // 2
        self._chunks.insert(at + 1, chunk[half:])
        self._firsts.insert(at + 1, chunk[half])
        del chunk[half:]

    def discard(self, name: str) -> None:
        """Remove `name`. Idempotent."""
        if not self._chunks:
            return
        at = self._chunk_for(name)
        chunk = self._chunks[at]
        index = bisect_left(chunk, name)
        if index >= len(chunk) or chunk[index] != name:
            return
        del chunk[index]
        self._size -= 1
        if chunk:
            self._firsts[at] = chunk[0]
        else:
            del self._chunks[at], self._firsts[at]

    def since(self, start: str, *, inclusive: bool = True) -> Iterator[str]:
        """Yield the names from `start` on. The set must not change while the iterator is in use."""
        if not self._chunks:
            return
        at = self._chunk_for(start)
        chunk = self._chunks[at]
        index = bisect_left(chunk, start) if inclusive else bisect_right(chunk, start)
        yield from chunk[index:]
        for later in self._chunks[at + 1 :]:
            yield from later
