"""The memcached text protocol on the server's side, without I/O: parses commands from a stream of bytes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Command", "Commands"]

_STORES = {b"set", b"add", b"replace", b"append", b"prepend", b"cas"}
_BAD = "CLIENT_ERROR bad data chunk"
_LONGEST_LINE = 8192  # memcached also refuses a longer line, unless it is a get of many keys
_LARGEST_ITEM = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Command:
    """A command's words, its data (may be empty) and its bytes as received."""

    words: tuple[bytes, ...]
    data: bytes
    raw: bytes


class Commands:
    """A parser: `feed` bytes as they arrive, get complete commands.

    A stream can turn out to be `binary` (the binary protocol) or `broken` (then the server's last line for it): nothing is
    cut from there on, and `rest` has what was not.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.binary = False
        self.broken = ""

    def rest(self) -> bytes:
        """Return the bytes received but not parsed, once."""
        left = bytes(self._buffer)
        self._buffer.clear()
        return left

    def feed(self, data: bytes) -> list[Command]:
        """Return the commands that are complete now."""
        self._buffer += data
        result = []
        while (command := self._next()) is not None:
            result.append(command)
        return result

    def _next(self) -> Command | None:
        if self._buffer[:1] == b"\x80":  # the magic byte of a binary request
            self.binary = True
        if self.binary or self.broken:
            return None
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE and not self._buffer.startswith((b"get ", b"gets ")):
                self.broken = "ERROR too large request"
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        words = tuple(line.split())
        size = _data_bytes(words)
        if size is None:
            self.broken = _BAD
            return None
        if size == 0:
            return self._cut(words, end + 1, b"")
        whole = end + 1 + size
        if len(self._buffer) < whole:
            return None
        data = bytes(self._buffer[end + 1 : whole])
        if not data.endswith(b"\r\n"):
            self.broken = _BAD
            return None
        return self._cut(words, whole, data[:-2])

    def _cut(self, words: tuple[bytes, ...], whole: int, data: bytes) -> Command:
        raw = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        return Command(words, data, raw)


def _data_bytes(words: tuple[bytes, ...]) -> int | None:
    """Return how many bytes follow the line, CR LF included; None when the line is malformed."""
    verb = words[0] if words else b""
    at = 4 if verb in _STORES else 2 if verb == b"ms" else 0
    if not at:
        return 0
    if len(words) <= at or not words[at].isdigit() or int(words[at]) > _LARGEST_ITEM:
        return None
    return int(words[at]) + 2
