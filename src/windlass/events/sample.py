"""Samples: the beginning of any payload as short, printable text, in bounded time."""

from __future__ import annotations

__all__ = ["sample"]

_LENGTH = 200


def sample(value: object) -> str:
    """Return at most 200 characters: the beginning of a text, the member names of a document, else the type."""
    if isinstance(value, str):
        return _plain(value[:_LENGTH])
    if isinstance(value, bytes | bytearray | memoryview):
        return _plain(bytes(value[:_LENGTH]).decode("utf-8", "replace"))
    if isinstance(value, dict):
        names = [_plain(name[:40]) if isinstance(name, str) else type(name).__name__ for name in list(value)[:12]]
        return f"{{{', '.join(names)}}}"[:_LENGTH]
    if isinstance(value, list | tuple):
        return f"[{len(value)} items]"
    return type(value).__name__


def _plain(text: str) -> str:
    """Make text printable and valid UTF-8: no control characters, no lone surrogates."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
