"""What a pushed resource may hold: texts that databases accept, and bounded documents. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.inventory.pushes.model import PushedItem

__all__ = ["MAX_DOCUMENT_BYTES", "refusal_of"]

MAX_DOCUMENT_BYTES = 256 << 10  # DynamoDB and SQS bound an item alike; a larger document is data, not configuration
MAX_TAGS = 200
MAX_DEPTH = 32  # redaction, comparison and the index descend recursively


def refusal_of(item: PushedItem) -> str:
    """Return why the resource can't be stored; empty when it can."""
    if "Tags" in item.document:
        return "document.Tags: send tags in `tags`, beside the document"
    if len(item.tags) > MAX_TAGS:
        return f"a resource has at most {MAX_TAGS} tags"
    content = {"name": item.name, "tags": dict(item.tags), "document": dict(item.document)}
    refusal = next(_refusals(content), "")
    if refusal:
        return refusal
    size = len(canonical_json(content).encode())
    if size > MAX_DOCUMENT_BYTES:
        return f"the resource has {size:,} bytes, at most {MAX_DOCUMENT_BYTES:,} are allowed"
    return ""


def _refusals(content: dict[str, Any]) -> Iterator[str]:
    """Yield a reason for each value that can't be stored, without recursion: the depth is not known yet."""
    values: list[tuple[Any, int]] = [(content, 0)]
    while values:
        value, depth = values.pop()
        if depth > MAX_DEPTH:
            yield f"the document is nested deeper than {MAX_DEPTH} levels"
            return
        if isinstance(value, dict):
            values += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            values += [(part, depth + 1) for part in value]
        elif isinstance(value, str) and not _is_storable(value):
            yield "a text has a NUL or an invalid Unicode character"
        elif isinstance(value, float) and not math.isfinite(value):
            yield "NaN and Infinity are not JSON numbers"


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return "\x00" not in text
