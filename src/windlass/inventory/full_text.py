"""Full text: what of a resource is found, and what of a query is asked. The same plain words on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from windlass.inventory.model import Document

__all__ = ["document_words", "match_expression", "split_words"]

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_MAX_CHARS = 6000


def split_words(text: str) -> list[str]:
    """Lower-case runs of letters and digits: `pay-web_01` is pay, web, 01."""
    return _WORD.findall(text.lower())


def document_words(identity: tuple[str, ...], document: Document) -> str:
    """The words of a resource: its names and ids first, then every value of its document, each once, bounded."""
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
            # Tag and environment names are data; AWS's own member names would match everything.
            if key == "Tags" and isinstance(item, dict):
                yield from item
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def match_expression(words: str, dialect: str) -> str:
    """The database's own query: every word must be there, beginnings match. Empty when there is no word in `words`."""
    parts = split_words(words)
    if dialect == "sqlite":
        return " AND ".join(f'"{part}"*' for part in parts)
    return " & ".join(f"'{part}':*" for part in parts)
