"""Hive's CREATE EXTERNAL TABLE as a declaration, and the rows of its files. Pure except for the files' bytes.

The CloudTrail input format gives each object in a file's `Records`; the JSON SerDe matches names in any case, gives a
string column the JSON text of any value, and null for a missing one.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse_one

__all__ = ["Column", "Table", "duckdb_type", "parse_table", "rows", "shape_of"]

Shape = str | Mapping[str, "Shape"]
"""A primitive type's name, or a struct's fields."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its shape."""

    name: str
    shape: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An external table."""

    database: str
    name: str
    columns: tuple[Column, ...]
    partitions: tuple[str, ...]
    location: str
    template: str  # storage.location.template; empty when partitions are not projected
    cloudtrail: bool

    @property
    def bucket(self) -> str:
        """Return the bucket of the table's location."""
        return self.location.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """Return the key prefix of the table's location."""
        return self.location.removeprefix("s3://").partition("/")[2]

    def partition_of(self, key: str) -> dict[str, str] | None:
        """Return the partition columns' values of a file; None when it is in no partition."""
        if not self.template:
            return {}
        pattern = re.escape(self.template.removeprefix(f"s3://{self.bucket}/"))
        for name in self.partitions:
            pattern = pattern.replace(
                re.escape(f"${{{name}}}"), f"(?P<{name}>.+?)" if "day" not in name else f"(?P<{name}>[0-9/]{{10}})"
            )
        match = re.match(f"{pattern}/[^/]+$", key)
        return match.groupdict() if match else None


def parse_table(text: str, database: str) -> Table:
    """Parse a CREATE EXTERNAL TABLE statement. ValueError when it is something else."""
    tree = parse_one(text, dialect="athena")
    if not isinstance(tree, exp.Create) or tree.kind != "TABLE" or not isinstance(tree.this, exp.Schema):
        raise ValueError("not a CREATE EXTERNAL TABLE")
    table = tree.this.this
    properties = {
        item.name: item.args["value"].name for item in tree.find_all(exp.Property) if type(item) is exp.Property
    }
    location = tree.find(exp.LocationProperty)
    partitioned = tree.find(exp.PartitionedByProperty)
    formats = tree.find(exp.InputOutputFormat)
    return Table(
        database=table.db or database,
        name=table.name,
        columns=tuple(
            Column(expression.name.lower(), _shape(expression.args["kind"])) for expression in tree.this.expressions
        ),
        partitions=tuple(column.name.lower() for column in partitioned.find_all(exp.ColumnDef)) if partitioned else (),
        location=location.this.name if location else "",
        template=properties.get("storage.location.template", ""),
        cloudtrail=formats is not None and "CloudTrail" in formats.sql(dialect="hive"),
    )


def shape_of(text: str) -> Any:
    """Parse a Hive type such as `struct<a:string,b:array<int>>`."""
    return _shape(exp.DataType.build(text, dialect="hive"))


def _shape(kind: exp.DataType) -> Any:
    if kind.this is exp.DataType.Type.STRUCT:
        return {expression.name.lower(): _shape(expression.args["kind"]) for expression in kind.expressions}
    if kind.this is exp.DataType.Type.ARRAY:
        return [_shape(kind.expressions[0])]
    return "string"


def duckdb_type(shape: Any) -> str:
    """Return the DuckDB type of a column."""
    if isinstance(shape, Mapping):
        fields = ", ".join(f'"{name}" {duckdb_type(inner)}' for name, inner in shape.items())
        return f"STRUCT({fields})"
    if isinstance(shape, list):
        return f"{duckdb_type(shape[0])}[]"
    return "VARCHAR"


def rows(table: Table, files: Iterable[tuple[str, bytes]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table's files; `files` are (key, bytes)."""
    for key, body in files:
        partition = table.partition_of(key)
        if partition is None:
            continue
        raw = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        if table.cloudtrail:
            document = json.loads(raw)
            records = document.get("Records", []) if isinstance(document, dict) else []
        else:
            records = [json.loads(line) for line in raw.splitlines() if line.strip()]
        for record in records:
            if isinstance(record, dict):
                lower = {name.lower(): value for name, value in record.items()}
                yield {
                    column.name: _value(lower.get(column.name), column.shape) for column in table.columns
                } | partition


def _value(value: Any, shape: Any) -> Any:
    if value is None:
        return None
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            return None
        lower = {name.lower(): inner for name, inner in value.items()}
        return {name: _value(lower.get(name), inner) for name, inner in shape.items()}
    if isinstance(shape, list):
        return [_value(item, shape[0]) for item in value] if isinstance(value, list) else None
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
