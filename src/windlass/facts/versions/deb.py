"""Versions of Debian packages: `[epoch:]upstream[-revision]`, in the order of deb-version(7)."""

from __future__ import annotations

from itertools import zip_longest

__all__ = ["compare_deb", "split_deb"]


def compare_deb(left: str, right: str) -> int:
    """Return the order of two versions, as `dpkg --compare-versions` does. An epoch or revision that is missing is 0."""
    left_parts, right_parts = split_deb(left), split_deb(right)
    order = _epoch(left_parts[0]) - _epoch(right_parts[0])
    return order or _compare(left_parts[1], right_parts[1]) or _compare(left_parts[2], right_parts[2])


def split_deb(version: str) -> tuple[str, str, str]:
    """Split a version into epoch, upstream version and revision; the epoch and the revision may be empty."""
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "", epoch
    upstream, hyphen, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if hyphen else (epoch, rest, "")


def _epoch(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _compare(left: str, right: str) -> int:
    """Compare alternating parts: first those without digits, character by character, then the numbers."""
    for left_part, right_part in zip_longest(_parts(left), _parts(right), fillvalue=("", 0)):
        if left_part[0] != right_part[0]:
            return -1 if _word(left_part[0]) < _word(right_part[0]) else 1
        if left_part[1] != right_part[1]:
            return -1 if left_part[1] < right_part[1] else 1
    return 0


def _parts(text: str) -> list[tuple[str, int]]:
    """Return (word, number) pairs: `1.2rc3` is `("", 1), (".", 2), ("rc", 3)`."""
    parts, at = [], 0
    while at < len(text):
        start = at
        while at < len(text) and not _is_digit(text[at]):
            at += 1
        word, start = text[start:at], at
        while at < len(text) and _is_digit(text[at]):
            at += 1
        parts.append((word, int(text[start:at] or 0)))
    return parts


def _is_digit(character: str) -> bool:
    return "0" <= character <= "9"


def _word(text: str) -> list[int]:
    """Return the order of a word's characters: `~` before the end, the end before letters, letters before all others."""
    return [*(-1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 0x110000 for char in text), 0]
