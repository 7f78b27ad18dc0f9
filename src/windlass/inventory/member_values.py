"""The values of a document's members as rows of the inverted index `member_value`: pointer, value. Pure.

A pointer is an RFC 6901 JSON pointer (`/Versioning/Status`), stored as a 63-bit hash. Members inside lists and large
objects have no rows: such a container has one row with a marker, and a condition that reaches into it reads the
document. A change of these rules needs a migration that builds the table again, because the rows that a
new revision ends are computed from the document before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from windlass.inventory.filters import value_text

__all__ = [
    "LARGE_OBJECT",
    "LIST",
    "LONG_TEXT",
    "MAX_TEXT",
    "NAME",
    "OBJECT",
    "ROOT",
    "Interval",
    "State",
    "document_members",
    "intervals",
    "member_values",
    "microseconds",
    "pointer_hash",
    "presence_pointer",
    "tag_pointer",
]

MAX_TEXT = 256
"""Longer texts are not indexed: a condition on one reads the document. AWS limits the value of a tag to 256 characters."""
_MAX_MEMBERS = 200  # per object: larger ones are data rather than configuration (maps from ids to values)
_MAX_NAME = 600  # an index entry of PostgreSQL has at most 2,704 bytes, and a character up to four

OBJECT, LIST, LARGE_OBJECT, LONG_TEXT = "\x01", "\x02", "\x03", "\x04"
"""Markers in place of a value: the kind of container at the pointer."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=20_000)
def _hash(pointer: str) -> int:
    return int.from_bytes(hashlib.blake2b(pointer.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


def pointer_hash(parts: Iterable[str]) -> int:
    """Return the hash of the pointer with these member names."""
    return _hash("".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts))


ROOT = pointer_hash(())
"""The pointer of the document: its row says from when to when the resource exists."""
NAME = _hash("name")  # no pointer of a member: those begin with `/`
"""The pointer of the resource's name."""


def tag_pointer(name: str) -> int:
    """Return the pointer of a tag."""
    return pointer_hash(("Tags", name))


def presence_pointer(tag: str) -> int:
    """Return the pointer of the row that says that a resource has the tag, whatever its value."""
    return _hash(f"tag:{tag}")


def member_values(name: str, tags: Mapping[str, str], document: Mapping[str, Any]) -> set[tuple[int, str]]:
    """Return the rows of a resource's state, each (pointer, value)."""
    rows = {(ROOT, ""), (NAME, name[:_MAX_NAME])}
    rows.update((tag_pointer(tag), _bounded(value)) for tag, value in tags.items())
    rows.update((presence_pointer(tag), "") for tag in tags)
    if tags or "Tags" in document:
        rows.add((pointer_hash(("Tags",)), OBJECT))
    rows.update(document_members({key: value for key, value in document.items() if key != "Tags"}))
    return rows


def document_members(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield (pointer, value) for every member outside lists. Null counts as absent."""
    yield from _members(document, ())


def _members(value: Mapping[str, Any], at: Sequence[str]) -> Iterator[tuple[int, str]]:
    for key, item in value.items():
        here = (*at, key)
        if isinstance(item, dict):
            large = len(item) > _MAX_MEMBERS
            yield pointer_hash(here), LARGE_OBJECT if large else OBJECT
            if not large:
                yield from _members(item, here)
        elif isinstance(item, list):
            yield pointer_hash(here), LIST
        elif item is not None:
            yield pointer_hash(here), _bounded(value_text(item))


def _bounded(text: str) -> str:
    # A text that begins like a marker would be read as one.
    return LONG_TEXT if len(text) > MAX_TEXT or text[:1] in (OBJECT, LIST, LARGE_OBJECT, LONG_TEXT) else text


Item = tuple[int, str, int]
"""A pointer, its value, and the resource's group."""
State = tuple[int, frozenset[Item]]
"""The items of a resource from a moment on."""
Interval = tuple[Item, int, int | None]
"""An item, from when and to when it was uninterrupted."""


def intervals(states: Iterable[State]) -> list[Interval]:
    """Return the intervals of every item, from the states of a resource, oldest first."""
    since: dict[Item, int] = {}
    ended: list[Interval] = []
    for moment, items in states:
        ended += [(item, since.pop(item), moment) for item in since.keys() - items]
        since.update(dict.fromkeys(items - since.keys(), moment))
    return [*ended, *((item, start, None) for item, start in since.items())]


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970: 8 bytes in an index where its text has 27."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
