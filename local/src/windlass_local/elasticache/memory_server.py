"""A small memcached for machines without the program: the text commands that clients and tests use, no I/O.

Bounded by bytes with the least recently used item evicted first. What it does not know is `ERROR`, as in memcached.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from windlass_local.elasticache.commands import Command

__all__ = ["MemoryServer"]

VERSION = b"1.6.22-windlass"
_THIRTY_DAYS_S = 30 * 86400
_OVERHEAD = 56  # bytes that memcached spends on an item beside its key and value


@dataclass(slots=True)
class _Item:
    value: bytes
    flags: bytes
    expires: float
    cas: int


class MemoryServer:
    """One node's items and counters; `answer` is the reply to a command, or nothing for `noreply`."""

    def __init__(self, limit_bytes: int = 8 << 20, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._limit = limit_bytes
        self._started = clock()
        self._cas = 0
        self.connections = 0
        self.total_connections = 0
        self.clear()
        self._counts = dict.fromkeys(
            (
                "cmd_get",
                "cmd_set",
                "cmd_flush",
                "cmd_touch",
                "get_hits",
                "get_misses",
                "get_expired",
                "delete_hits",
                "delete_misses",
                "evictions",
                "total_items",
            ),
            0,
        )

    def clear(self) -> None:
        """Forget all items."""
        self._items: OrderedDict[bytes, _Item] = OrderedDict()
        self._bytes = 0

    def answer(self, command: Command) -> bytes:
        """Return the reply to one command."""
        words = command.words
        if not words:
            return b"ERROR\r\n"
        result = getattr(self, f"_do_{words[0].decode('ascii', 'replace')}", None)
        if result is None:
            return b"ERROR\r\n"
        try:
            reply: bytes = result(words[1:], command.data)
        except (IndexError, ValueError):
            return b"CLIENT_ERROR bad command line format\r\n"
        return b"" if words[-1] == b"noreply" else reply

    def _find(self, key: bytes) -> _Item | None:
        item = self._items.get(key)
        if item is not None and item.expires and item.expires <= self._clock():
            self._drop(key)
            self._counts["get_expired"] += 1
            return None
        if item is not None:
            self._items.move_to_end(key)
        return item

    def _drop(self, key: bytes) -> None:
        item = self._items.pop(key, None)
        if item is not None:
            self._bytes -= len(key) + len(item.value) + _OVERHEAD

    def _keep(self, key: bytes, value: bytes, flags: bytes, expires: float) -> None:
        self._drop(key)
        self._cas += 1
        self._items[key] = _Item(value, flags, expires, self._cas)
        self._bytes += len(key) + len(value) + _OVERHEAD
        self._counts["total_items"] += 1
        while self._bytes > self._limit and len(self._items) > 1:
            self._drop(next(iter(self._items)))
            self._counts["evictions"] += 1

    def _expiry(self, word: bytes) -> float:
        seconds = int(word)
        if seconds == 0:
            return 0.0
        if seconds < 0:
            return 1.0  # long past
        return float(seconds) if seconds > _THIRTY_DAYS_S else self._clock() + seconds

    def _values(self, keys: tuple[bytes, ...], *, cas: bool) -> bytes:
        parts = []
        for key in keys:
            self._counts["cmd_get"] += 1
            item = self._find(key)
            self._counts["get_hits" if item else "get_misses"] += 1
            if item:
                unique = b" %d" % item.cas if cas else b""
                parts.append(b"VALUE %s %s %d%s\r\n%s\r\n" % (key, item.flags, len(item.value), unique, item.value))
        return b"".join([*parts, b"END\r\n"])

    def _do_get(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        return self._values(words, cas=False) if words else b"ERROR\r\n"

    def _do_gets(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        return self._values(words, cas=True) if words else b"ERROR\r\n"

    def _store(self, words: tuple[bytes, ...], data: bytes, allowed: bool) -> bytes:
        self._counts["cmd_set"] += 1
        if not allowed:
            return b"NOT_STORED\r\n"
        self._keep(words[0], data, words[1], self._expiry(words[2]))
        return b"STORED\r\n"

    def _do_set(self, words: tuple[bytes, ...], data: bytes) -> bytes:
        return self._store(words, data, True)

    def _do_add(self, words: tuple[bytes, ...], data: bytes) -> bytes:
        return self._store(words, data, self._find(words[0]) is None)

    def _do_replace(self, words: tuple[bytes, ...], data: bytes) -> bytes:
        return self._store(words, data, self._find(words[0]) is not None)

    def _joined(self, words: tuple[bytes, ...], join: Callable[[bytes], bytes]) -> bytes:
        item = self._find(words[0])
        if item is None:
            return b"NOT_STORED\r\n"
        self._keep(words[0], join(item.value), item.flags, item.expires)
        return b"STORED\r\n"

    def _do_append(self, words: tuple[bytes, ...], data: bytes) -> bytes:
        return self._joined(words, lambda value: value + data)

    def _do_prepend(self, words: tuple[bytes, ...], data: bytes) -> bytes:
        return self._joined(words, lambda value: data + value)

    def _do_cas(self, words: tuple[bytes, ...], data: bytes) -> bytes:
        item = self._find(words[0])
        if item is None:
            return b"NOT_FOUND\r\n"
        if item.cas != int(words[4]):
            return b"EXISTS\r\n"
        return self._store(words, data, True)

    def _do_delete(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        there = self._find(words[0]) is not None
        self._drop(words[0])
        self._counts["delete_hits" if there else "delete_misses"] += 1
        return b"DELETED\r\n" if there else b"NOT_FOUND\r\n"

    def _do_touch(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        self._counts["cmd_touch"] += 1
        item = self._find(words[0])
        if item is None:
            return b"NOT_FOUND\r\n"
        item.expires = self._expiry(words[1])
        return b"TOUCHED\r\n"

    def _do_incr(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        return self._count(words[0], int(words[1]))

    def _do_decr(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        return self._count(words[0], -int(words[1]))

    def _count(self, key: bytes, by: int) -> bytes:
        item = self._find(key)
        if item is None:
            return b"NOT_FOUND\r\n"
        if not item.value.isdigit():
            return b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
        value = b"%d" % (max(0, int(item.value) + by) % 2**64)
        self._keep(key, value, item.flags, item.expires)
        return value + b"\r\n"

    def _do_flush_all(self, _: tuple[bytes, ...], __: bytes) -> bytes:
        self._counts["cmd_flush"] += 1
        self.clear()
        return b"OK\r\n"

    def _do_version(self, _: tuple[bytes, ...], __: bytes) -> bytes:
        return b"VERSION %s\r\n" % VERSION

    def _do_verbosity(self, _: tuple[bytes, ...], __: bytes) -> bytes:
        return b"OK\r\n"

    def _do_mn(self, _: tuple[bytes, ...], __: bytes) -> bytes:
        return b"MN\r\n"

    def _do_stats(self, words: tuple[bytes, ...], _: bytes) -> bytes:
        if words:
            return b"END\r\n"  # no slabs, no settings
        now = self._clock()
        facts: dict[str, object] = {
            "pid": os.getpid(),
            "uptime": int(now - self._started),
            "time": int(now),
            "version": VERSION.decode(),
            "curr_connections": self.connections,
            "total_connections": self.total_connections,
            **self._counts,
            "bytes": self._bytes,
            "curr_items": len(self._items),
            "limit_maxbytes": self._limit,
            "threads": 1,
        }
        return "".join([*(f"STAT {name} {value}\r\n" for name, value in facts.items()), "END\r\n"]).encode()
