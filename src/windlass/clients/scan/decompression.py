"""Inflating CloudTrail's gzip files: ISA-L where its wheel is installed, zlib else; the same bytes and complaints.

A file may be several gzip members, which inflate to their sum; what comes after them may only be zeros (as gzip(1)).
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
    except ImportError:  # the standard library's does the same, at a quarter of the speed
        isal_zlib = None

__all__ = ["ENGINE", "OtherKind", "Unreadable", "inflate", "inflated_parts"]

ENGINE = "isal" if isal_zlib else "zlib"
_MAGIC = b"\x1f\x8b"
_PART_BYTES = 1 << 20


class Unreadable(ValueError):
    """A file that can't be read; the message is for its reader."""


class OtherKind(Unreadable):
    """A file that can be read and holds no CloudTrail records."""


def inflate(data: bytes, *, limit_bytes: int) -> bytes | None:
    """What the file holds, plain JSON as it is; None when that is more than `limit_bytes`. Unreadable when broken."""
    if not data.startswith(_MAGIC):
        if not data:
            raise Unreadable("empty file")
        return data if len(data) <= limit_bytes else None
    whole = b""
    while data:
        # A buffer of the right size from the start halves the time; what the last member says of its size is a good guess.
        guess = int.from_bytes(data[-4:], "little") + 1
        member = _decompressor()
        rest = data
        while not member.eof:
            most = min(guess, limit_bytes - len(whole) + 1)
            part = _decompress(member, rest, most)
            whole = whole + part if whole else part
            if len(whole) > limit_bytes:
                return None
            rest = member.unconsumed_tail
            if not member.eof and not rest and len(part) < most:
                raise Unreadable("truncated gzip")
            guess = max(guess, _PART_BYTES)
        data = _next_member(member.unused_data)
    return whole


def inflated_parts(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What the file holds, in parts of at most 1 MiB, for files too large to hold whole."""
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
        # ISA-L's error is a class of its own; both are told in one way, so that the engines complain alike.
        if isinstance(error, zlib.error) or type(error).__name__ in ("IsalError", "error"):
            raise Unreadable("damaged gzip") from None
        raise
    return part


def _next_member(rest: bytes) -> bytes:
    rest = rest.lstrip(b"\0")
    if rest and not rest.startswith(_MAGIC):
        raise Unreadable("damaged gzip: something else follows it")
    return rest
