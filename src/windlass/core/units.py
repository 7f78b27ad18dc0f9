"""Durations and sizes, parsed and printed at the edge; inside they are `*_s` floats and `*_bytes` ints."""

from __future__ import annotations

import re

from windlass.core.errors import UsageError

__all__ = ["format_bytes", "format_count", "format_duration", "parse_duration_s", "parse_size_bytes"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([a-z]*)$")


def parse_duration_s(text: str | float) -> float:
    """Parse seconds: `90`, `"90"`, `"30s"`, `"1h30m"`, `"250ms"`, `"7d"`."""
    if isinstance(text, (int, float)):
        return float(text)
    word = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", word):
        return float(word)
    parts = _PART.findall(word)
    if not parts or _PART.sub("", word).strip():
        raise UsageError(f"{text!r} is not a duration", hint="Write 250ms, 30s, 15m, 2h, 7d, or a sum such as 1h30m.")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_size_bytes(text: str | int) -> int:
    """Parse bytes: `1024`, `"64MiB"`, `"5 GB"`; KiB is 1024 bytes, KB is 1000, a bare K is 1024 as in `dd`."""
    if isinstance(text, int):
        return text
    match = _SIZE.match(text.strip().lower())
    if match is None or match[2] not in _BYTES:
        raise UsageError(f"{text!r} is not a size", hint="Write 1024, 64MiB, 5GB or 1.5TiB.")
    return int(float(match[1]) * _BYTES[match[2]])


def format_bytes(size_bytes: float) -> str:
    """Format bytes as `1.5 GiB`, or an integer below 1 KiB."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def format_count(count: float) -> str:
    """Format as `1,234,567`."""
    return f"{count:,.0f}"


def format_duration(seconds: float) -> str:
    """Format with the two largest units: `250 ms`, `4.2 s`, `3 m 5 s`, `2 h 10 m`, `3 d 4 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    total = round(seconds)
    for big, big_name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if total >= big:
            rest = total % big // small
            return f"{total // big} {big_name} {rest} {small_name}" if rest else f"{total // big} {big_name}"
    raise AssertionError("unreachable")
