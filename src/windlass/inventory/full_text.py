"""Full text: the words of a resource for the index, and the words of a query, split the same way on both databases.

The index has three parts, so that a search can rank: the words of the name and the id, those of the tags, and all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from windlass.inventory.model import Document

__all__ = ["PARTS", "Words", "match_expression", "resource_words", "split_words"]

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_MAX_CHARS = 6000


class Words(NamedTuple):
    """The distinct words of a resource by where they occur."""

    names: str
    tags: str
    words: str


PARTS = Words._fields
"""The columns of the index, the best place for a match first."""


def split_words(text: str) -> list[str]:
    """Return the lower-case runs of letters and digits: `pay-web_01` is pay, web, 01."""
    return _WORD.findall(text.lower())


def resource_words(names: Iterable[str], tags: Mapping[str, str], identity: Iterable[str], document: Document) -> Words:
    """Return the words of names, of tags, and of identity and document; each part has at most 6,000 characters."""
    values = {key: value for key, value in document.items() if key != "Tags"}
    return Words(
        _distinct(names),
        _distinct(text for pair in tags.items() for text in pair),
        _distinct((*identity, *_texts(values))),
    )


def _distinct(texts: Iterable[str]) -> str:
    seen: dict[str, None] = {}
    room = _MAX_CHARS
    for text in texts:
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
            # Tag names are data; AWS's member names occur in every document and would match every search.
            if key == "Tags" and isinstance(item, dict):
                yield from item
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def match_expression(words: str, dialect: str, *, part: str = "", beginnings: bool = True) -> str:
    """Return the database's query for resources with every word. `part` limits it to a part of `PARTS`.

    Beginnings of words match unless `beginnings` is false. Empty without a word.
    """
    terms = split_words(words)
    if dialect == "sqlite":
        star = "*" if beginnings else ""
        joined = " AND ".join(f'"{term}"{star}' for term in terms)
        return f"{part} : ({joined})" if part and joined else joined
    star, weight = "*" if beginnings else "", _WEIGHTS.get(part, "")
    return " & ".join(f"'{term}'{':' if star or weight else ''}{star}{weight}" for term in terms)


_WEIGHTS = {"names": "A", "tags": "B", "words": "D"}  # of the parts in PostgreSQL's index
