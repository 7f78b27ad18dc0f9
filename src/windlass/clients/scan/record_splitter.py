"""The splitter of a large file into records. It follows the structure of the JSON, so that no string can imitate a boundary."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from windlass.clients.scan.decompression import Unreadable

__all__ = ["Splitter"]

_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')


class Splitter:
    """Cuts a file's JSON, fed in parts, into the objects of the top-level `Records`.

    A record of more than `limit_bytes` is omitted and counted in `oversized`. Memory: one record and one part.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self.oversized = 0
        self._limit = limit_bytes
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._in_records = False
        self._seen_records = False
        self._kept: list[bytes] | None = None  # the record being read, or a key at the top level
        self._kept_bytes = 0
        self._dropping = False
        self._key = ""
        self._started = False

    def feed(self, part: bytes) -> Iterator[bytes]:  # noqa: C901  one scanner, a line or two per character
        """Yield the records that end in this part."""
        at = start = 0
        self._begins(part)
        while at < len(part):
            if self._in_string:
                at, ended = self._to_string_end(part, at)
                if ended and self._depth == 1:
                    self._key_ends(part[start:at])
                continue
            match = _STRUCTURE.search(part, at)
            if match is None:
                break
            sign, here, at = match[0], match.start(), match.end()
            if sign == b'"':
                self._in_string = True
                if self._depth == 1:
                    self._begin()
                    start = here
            elif sign in b"{[":
                self._depth += 1
                if self._depth == 2 and sign == b"[":
                    self._array_begins()
                elif self._depth == 3 and self._in_records and sign == b"{":
                    self._begin()
                    start = here
            else:
                record = self._closes(sign, part[start:at] if self._kept is not None else b"")
                if record is not None:
                    yield record
        if self._kept is not None:
            self._keep(part[start:])

    def _begins(self, part: bytes) -> None:
        bare = part.lstrip(b"\xef\xbb\xbf \t\r\n")
        if bare and not self._started:
            self._started = True
            if not bare.startswith(b"{"):
                raise Unreadable("not a CloudTrail file: no JSON object")

    def finish(self) -> None:
        """Raise Unreadable when the file ended before its structure did, or had no Records."""
        if self._depth or self._in_string:
            raise Unreadable("not JSON: the file is truncated")
        if not self._seen_records:
            raise Unreadable("not a CloudTrail file: no Records")

    def _to_string_end(self, part: bytes, at: int) -> tuple[int, bool]:
        """Return the end of the string in this part, and True when the string ends there."""
        if self._escaped:
            self._escaped = False
            return at + 1, False
        match = _STRING_END.search(part, at)
        if match is None:
            return len(part), False
        self._escaped = match[0] == b"\\"
        self._in_string = self._escaped
        return match.end(), not self._escaped

    def _begin(self) -> None:
        self._kept, self._kept_bytes, self._dropping = [], 0, False

    def _keep(self, rest: bytes) -> None:
        assert self._kept is not None
        self._kept_bytes += len(rest)
        if self._kept_bytes > self._limit:
            self._kept, self._dropping = [], True
        if not self._dropping:
            self._kept.append(rest)

    def _key_ends(self, rest: bytes) -> None:
        if self._kept is not None:
            self._keep(rest)
            try:
                self._key = str(json.loads(b"".join(self._kept))) if not self._dropping else ""
            except ValueError:
                raise Unreadable("not JSON") from None
            self._kept = None

    def _array_begins(self) -> None:
        if self._key == "Records":
            if self._seen_records:
                raise Unreadable("not a CloudTrail file: two Records")
            self._in_records = self._seen_records = True

    def _closes(self, sign: bytes, rest: bytes) -> bytes | None:
        record = None
        if self._depth == 3 and self._in_records and sign == b"}" and self._kept is not None:
            self._keep(rest)
            record = None if self._dropping else b"".join(self._kept)
            self.oversized += self._dropping
            self._kept = None
        elif self._depth == 2 and sign == b"]":
            self._in_records = False
        self._depth -= 1
        if self._depth < 0:
            raise Unreadable("not JSON: a bracket closes without being open")
        return record
