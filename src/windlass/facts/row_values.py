"""Rows in the form that is stored: only the columns of their shape, as canonical JSON, with a digest. Pure.

Equal rows of all hosts are stored once. A section's digest is the sum of its rows' digests, so that it does not depend on
their order and a delta can be added to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from windlass.core.canonical import canonical_json
from windlass.core.errors import UsageError
from windlass.facts.model import Row
from windlass.facts.sections import Shape

__all__ = ["RowValue", "row_values", "section_digest"]

MAX_TEXT = 4096
"""Longer texts are cut: AWS limits an inventory attribute to the same length."""
MAX_LABEL = 512
"""The length of the text that searches compare: an index of PostgreSQL takes at most 2,704 bytes."""
MAX_ROWS = 100_000
"""A section beyond this is a fault of its source: hosts have some thousand packages."""
_MASK = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class RowValue:
    """A row of a section as it is stored. Searches compare `label` and `version`."""

    section: str
    label: str
    version: str
    document: str
    digest: str


def row_values(shape: Shape, rows: Iterable[Row]) -> dict[str, RowValue]:
    """Return the distinct rows of a section by digest. UsageError for a row without its label and for too many rows."""
    values = {}
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            raise UsageError(
                f"{shape.name}: a section has at most {MAX_ROWS:,} rows", hint="Report less in this section."
            )
        value = _row_value(shape, row, number)
        values[value.digest] = value
    return values


def section_digest(digests: Iterable[str]) -> str:
    """Return the digest of a set of rows as 32 hex digits."""
    return f"{sum(int(digest, 16) for digest in digests) & _MASK:032x}"


def _row_value(shape: Shape, row: Row, number: int) -> RowValue:
    columns = shape.columns or tuple(sorted(map(str, row)))
    kept = {name: _plain(row[name]) for name in columns if row.get(name) not in (None, "")}
    label = str(kept.get(shape.label, "")) if shape.label else ""
    if shape.label and not label:
        raise UsageError(
            f"row {number} of section {shape.name} has no {shape.label!r}", hint=f"Its columns: {', '.join(columns)}."
        )
    document = _document(kept)
    digest = hashlib.blake2b(document.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    version = str(kept.get(shape.version, "")) if shape.version else ""
    return RowValue(shape.name, label[:MAX_LABEL], version[:MAX_LABEL], document, digest)


def _document(row: dict[str, Any]) -> str:
    """Return the canonical text: by orjson, which is ten times faster, if it accepts the values."""
    try:
        return orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # a lone surrogate, or a number of more than 64 bits
        return canonical_json(row)


def _plain(value: Any) -> Any:
    """Return numbers, booleans and texts as they are, anything else as canonical text. NUL is removed: no database accepts it."""
    if isinstance(value, bool | int):
        return value
    text = value if isinstance(value, str) else canonical_json(value)
    return text.replace("\x00", "")[:MAX_TEXT]
