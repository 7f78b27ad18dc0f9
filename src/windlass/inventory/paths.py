"""Paths into documents: JMESPath for reading, dotted patterns with `*` for removing and redacting."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jmespath

__all__ = ["change_at", "find", "find_texts", "remove_at"]


@functools.cache
def _compiled(path: str) -> Any:
    return jmespath.compile(path)


def find(path: str, document: Any) -> Any:
    """Return the value at a JMESPath, or None. Plain names, as most paths are, are looked up directly."""
    if path == "@":
        return document
    if path.isidentifier():
        return document.get(path) if isinstance(document, dict) else None
    return _compiled(path).search(document)


def find_texts(path: str, document: Any) -> list[str]:
    """Return every non-empty text at the path, whose value is a text or a list."""
    value = find(path, document)
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def remove_at(document: Any, pattern: str) -> None:
    """Remove, in place, the values at a dotted pattern; `*` is any key or every item of a list."""
    _walk(document, pattern.split("."), lambda parent, key: parent.pop(key, None) if isinstance(parent, dict) else None)


def change_at(document: Any, pattern: str, change: Callable[[Any], Any]) -> None:
    """Replace, in place, every value at a dotted pattern by `change(value)`."""

    def apply(parent: Any, key: Any) -> None:
        if isinstance(parent, list) or key in parent:
            parent[key] = change(parent[key])

    _walk(document, pattern.split("."), apply)


def _walk(value: Any, parts: list[str], act: Callable[[Any, Any], object]) -> None:
    head, rest = parts[0], parts[1:]
    if isinstance(value, dict):
        keys: list[Any] = list(value) if head == "*" else [head] if head in value else []
    elif isinstance(value, list) and head == "*":
        keys = list(range(len(value)))
    else:
        return
    for key in keys:
        if rest:
            _walk(value[key], rest, act)
        else:
            act(value, key)
