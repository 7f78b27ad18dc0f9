"""Full text: the words of a resource for the index, and the words of a query, alike on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from windlass.inventory.model import Document

__all__ = ["document_words", "match_expression", "split_words"]

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_MAX_CHARS = 6000


def split_words(text: str) -> list[str]:
    """Return the lower-case runs of letters and digits: `pay-web_01` is pay, web, 01."""
    return _WORD.findall(text.lower())


def document_words(identity: tuple[str, ...], document: Document) -> str:
    """Return the distinct words of a resource, at most 6,000 characters: names and ids first, then the document's values."""
    seen: dict[str, None] = {}
    room = _MAX_CHARS
    for text in (*identity, *_texts(document)):
        for word in split_words(text):
            if word not in seen:
                seen[word] = None
                room -= len(word) + 1
        if room <= 0:
            break
    return " ".join(seen)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            # Names of tags are data; AWS's member names occur in every document.
            if key == "Tags" and isinstance(item, dict):
                yield from item
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def match_expression(words: str, dialect: str) -> str:
    """Return the database's query for resources with every word; beginnings match. Empty without a word."""
    parts = split_words(words)
    if dialect == "sqlite":
        return " AND ".join(f'"{part}"*' for part in parts)
    return " & ".join(f"'{part}':*" for part in parts)
