"""Decompressing CloudTrail's gzip files, with ISA-L when it is installed, else with zlib; results and errors are the same.

A file may have several gzip members; their contents are concatenated. After them only zeros may follow (as for gzip(1)).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    isal_zlib: Any
else:
    try:  # the extra `windlass-aws[clients]`
        from isal import isal_zlib
    except ImportError:  # zlib gives the same result at a quarter of the speed
        isal_zlib = None

__all__ = ["IMPLEMENTATION", "OtherKind", "Unreadable", "inflate", "inflated_parts"]

IMPLEMENTATION = "isal" if isal_zlib else "zlib"
_MAGIC = b"\x1f\x8b"
_PART_BYTES = 4 << 20  # parts of 1 MiB take twice the time: each is a new buffer


class Unreadable(ValueError):
    """A file that can't be read; the message is shown to people."""


class OtherKind(Unreadable):
    """A file that can be read, but has no CloudTrail records."""


def inflate(data: bytes, *, limit_bytes: int) -> bytes | None:
    """Return the decompressed file (plain JSON unchanged); None when it is larger than `limit_bytes`. Unreadable."""
    if not data.startswith(_MAGIC):
        if not data:
            raise Unreadable("empty file")
        return data if len(data) <= limit_bytes else None
    content = b""
    while data:
        # A buffer of the right size halves the time; the size at the end of the last member is a good guess.
        guess = int.from_bytes(data[-4:], "little") + 1
        member = _decompressor()
        rest = data
        while not member.eof:
            most = min(guess, limit_bytes - len(content) + 1)
            part = _decompress(member, rest, most)
            content = content + part if content else part
            if len(content) > limit_bytes:
                return None
            rest = member.unconsumed_tail
            if not member.eof and not rest and len(part) < most:
                raise Unreadable("truncated gzip")
            guess = max(guess, _PART_BYTES)
        data = _next_member(member.unused_data)
    return content


def inflated_parts(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the decompressed file in parts of at most 4 MiB, for files that do not fit into memory. Unreadable."""
    member: Any = None
    plain: bool | None = None
    for chunk in chunks:
        data = chunk
        if plain is None:
            plain = not data.startswith(_MAGIC)
        if plain:
            yield data
            continue
        while data:
            if member is None:
                member = _decompressor()
            yield _decompress(member, data, _PART_BYTES)
            if member.eof:
                data, member = _next_member(member.unused_data), None
            else:
                data = member.unconsumed_tail
    if member is not None and not member.eof:
        raise Unreadable("truncated gzip")


def _decompressor() -> Any:
    return isal_zlib.decompressobj(31) if isal_zlib else zlib.decompressobj(31)


def _decompress(member: Any, data: bytes, most: int) -> bytes:
    try:
        part: bytes = member.decompress(data, most)
    except Exception as error:
        # ISA-L has an error class of its own; both implementations must report the same message.
        if isinstance(error, zlib.error) or type(error).__name__ in ("IsalError", "error"):
            raise Unreadable("damaged gzip") from None
        raise
    return part


def _next_member(rest: bytes) -> bytes:
    rest = rest.lstrip(b"\0")
    if rest and not rest.startswith(_MAGIC):
        raise Unreadable("damaged gzip: other data follows it")
    return rest
