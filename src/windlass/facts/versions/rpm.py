"""Versions of RPM packages: `[epoch:]version[-release]`, each part in the order of rpm's rpmvercmp (rpm-version(7))."""

from __future__ import annotations

import re

__all__ = ["compare_rpm", "compare_segments", "split_rpm"]

_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+|[~^]")


def compare_rpm(left: str, right: str) -> int:
    """Return the order of two versions. An epoch that is missing is 0; a release that one of them lacks is not compared."""
    left_epoch, left_version, left_release = split_rpm(left)
    right_epoch, right_version, right_release = split_rpm(right)
    order = compare_segments(left_epoch or "0", right_epoch or "0") or compare_segments(left_version, right_version)
    if order or not left_release or not right_release:
        return order
    return compare_segments(left_release, right_release)


def split_rpm(version: str) -> tuple[str, str, str]:
    """Split a version into epoch, version and release; the epoch and the release may be empty."""
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "", epoch
    name, hyphen, release = rest.rpartition("-")
    return (epoch, name, release) if hyphen else (epoch, rest, "")


def compare_segments(left: str, right: str) -> int:
    """Return the order of two versions or releases, as rpmvercmp does.

    Segments of digits are numbers, and newer than segments of letters. `~` is older than the end, `^` newer than the end and
    older than any other segment. All other characters only separate.
    """
    ours, theirs = _SEGMENT.findall(left), _SEGMENT.findall(right)
    for one, other in zip([*ours, ""], [*theirs, ""], strict=False):
        order = _compare_segment(one, other)
        if order:
            return order
    return 0


def _compare_segment(left: str, right: str) -> int:
    if left == right:
        return 0
    for mark in ("~", "^"):
        if mark in (left, right):
            # `~` is older than anything; `^` is newer than the end, older than any segment.
            other = right if left == mark else left
            is_older = mark == "~" or other != ""
            return -1 if (left == mark) == is_older else 1
    if not left or not right:
        return 1 if left else -1
    if left[0].isdigit() != right[0].isdigit():
        return 1 if left[0].isdigit() else -1
    if left[0].isdigit():
        return (int(left) > int(right)) - (int(left) < int(right))
    return 1 if left > right else -1
