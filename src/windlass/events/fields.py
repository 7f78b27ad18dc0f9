"""Reading documents that anybody may have written: a field of the right type, or nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["number", "part", "text"]


def part(document: Any, *path: str) -> dict[str, Any]:
    """The object at this path; empty when there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def text(document: dict[str, Any], *names: str) -> str:
    """The first of these fields that is a text; empty when none is."""
    for name in names:
        value = document.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def number(document: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that is a whole number, and not negative."""
    for name in names:
        value = document.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
