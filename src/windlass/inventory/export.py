"""Export of resources with their documents to JSON lines, CSV or Parquet, written to a partial file that is renamed at the end."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from windlass.core.canonical import canonical_json, plain
from windlass.core.errors import ConfigError, UsageError
from windlass.inventory.model import Resource
from windlass.inventory.rows import resource_row

__all__ = ["FORMATS", "export"]

FORMATS = ("jsonl", "csv", "parquet")
_COLUMNS = (
    "type",
    "name",
    "resource_id",
    "arn",
    "account_id",
    "region",
    "tags",
    "first_seen_at",
    "changed_at",
    "document",
)
_ROWS_PER_GROUP = 5000


def export(resources: Iterable[Resource], path: Path) -> int:
    """Write resources to `path`, whose suffix is the format (`-`: JSON lines on stdout). Return how many.

    UsageError for an unknown suffix or a file that can't be written; ConfigError without pyarrow.
    """
    if str(path) == "-":
        return _jsonl(resources, sys.stdout)
    kind = path.suffix.lstrip(".").lower()
    if kind not in FORMATS:
        raise UsageError(f"{path} has no known suffix", hint=f"Use one of .{', .'.join(FORMATS)}, or - for stdout.")
    partial = path.with_name(f".{path.name}.partial")
    try:
        if kind == "parquet":
            count = _parquet(resources, partial)
        else:
            with partial.open("w", encoding="utf-8", newline="") as out:
                count = _jsonl(resources, out) if kind == "jsonl" else _csv(resources, out)
        partial.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror}", hint="Check the folder and the free space."
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return count


def _rows(resources: Iterable[Resource]) -> Iterator[dict[str, Any]]:
    for resource in resources:
        yield plain(resource_row(resource)) | {
            "document": resource.document,
            "measures": dict(resource.measures),
        }


def _jsonl(resources: Iterable[Resource], out: IO[str]) -> int:
    count = 0
    for count, row in enumerate(_rows(resources), 1):  # noqa: B007  the last number is the count
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _csv(resources: Iterable[Resource], out: IO[str]) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    count = 0
    for count, row in enumerate(_rows(resources), 1):  # noqa: B007
        writer.writerow([_cell(row[name]) for name in _COLUMNS])
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return canonical_json(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _parquet(resources: Iterable[Resource], path: Path) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow, which is not installed", hint="pip install 'windlass-aws[parquet]'"
        ) from None
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        group: list[dict[str, Any]] = []
        for row in _rows(resources):
            group.append({name: _text(row[name]) for name in _COLUMNS})
            count += 1
            if len(group) == _ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group = []
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    return count


def _text(value: Any) -> str | None:
    return canonical_json(value) if isinstance(value, (dict, list)) else value
