"""Records of JSON: lines of objects, or the objects of one document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from windlass.pipelines.documents import parse_json
from windlass.pipelines.model import Chunks, Reason, Rejected
from windlass.pipelines.stream import lines, read_all

__all__ = ["batches", "json_lines", "json_objects"]

_BATCH_BYTES = 4 << 20


Record: TypeAlias = tuple[int, dict[str, Any]]


def json_lines(chunks: Chunks, max_line_bytes: int) -> Iterator[Record]:
    """Yield (line number, object) of each line, without blank lines. Rejected for anything but objects."""
    return ((number, record) for number, record, _ in _sized(chunks, max_line_bytes))


def batches(chunks: Chunks, max_line_bytes: int, max_rows: int) -> Iterator[list[Record]]:
    """Yield batches of `max_rows` records; fewer when their lines exceed 4 MiB of text."""
    batch: list[Record] = []
    held_bytes = 0
    for number, record, size_bytes in _sized(chunks, max_line_bytes):
        batch.append((number, record))
        held_bytes += size_bytes
        if len(batch) >= max_rows or held_bytes >= _BATCH_BYTES:
            yield batch
            batch, held_bytes = [], 0
    if batch:
        yield batch


def _sized(chunks: Chunks, max_line_bytes: int) -> Iterator[tuple[int, dict[str, Any], int]]:
    for number, line in enumerate(lines(chunks, max_line_bytes), 1):
        if stripped := line.strip():
            yield number, _object(parse_json(stripped, f"line {number}"), f"line {number}"), len(line)


def json_objects(chunks: Chunks, max_bytes: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (index, object) of each item of a JSON array of objects; a single object is one item."""
    value = parse_json(read_all(chunks, max_bytes))
    for number, item in enumerate(value if isinstance(value, list) else [value], 1):
        yield number, _object(item, f"item {number}")


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Rejected(Reason.MALFORMED, f"{where} is a {type(value).__name__}, not an object")
    return value
