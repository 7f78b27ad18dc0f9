"""Running one query: DDL changes the catalog, everything else is translated to DuckDB over the tables that it names."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from windlass_local.athena.tables import Table, duckdb_type, parse_table, rows

__all__ = ["Catalog", "Files", "QueryFailed", "Result", "run"]

Catalog = MutableMapping[tuple[str, str], Table]
"""Tables by database and name; a database without tables has a row with an empty name."""
Files = Callable[[str, str], Iterable[tuple[str, bytes]]]
"""The files of a bucket below a prefix: (key, bytes)."""


class QueryFailed(Exception):
    """A query that fails, with Athena's message."""


@dataclass(frozen=True, slots=True)
class Result:
    """Column names, rows of texts (None for null), and how many bytes were read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    scanned_bytes: int = 0


def run(text: str, database: str, catalog: Catalog, files: Files) -> Result:
    """Run one query. QueryFailed has a message as Athena writes it."""
    try:
        tree = parse_one(text, dialect="athena")
    except ParseError as error:
        raise QueryFailed(f"FAILED: ParseException {str(error).splitlines()[0]}") from None
    if isinstance(tree, exp.Create):
        return _create(tree, text, database, catalog)
    if isinstance(tree, exp.Drop):
        for table in tree.find_all(exp.Table):
            catalog.pop((table.db or database, table.name), None)
        return Result((), ())
    if not isinstance(tree, (exp.Select, exp.Union, exp.With)):
        raise QueryFailed(f"NOT_SUPPORTED: the embedded AWS's Athena does not run {type(tree).__name__.upper()}")
    return _select(tree, database, catalog, files)


def _create(tree: exp.Create, text: str, database: str, catalog: Catalog) -> Result:
    if tree.kind in ("DATABASE", "SCHEMA"):
        name = tree.this.name or tree.this.db
        catalog.setdefault((name, ""), _nothing(name))
        return Result((), ())
    try:
        table = parse_table(text, database)
    except (ValueError, ParseError) as error:
        raise QueryFailed(f"FAILED: SemanticException {error}") from None
    if (table.database, "") not in catalog and table.database != "default":
        raise QueryFailed(f"FAILED: SemanticException Database does not exist: {table.database}")
    if (table.database, table.name) in catalog and not tree.args.get("exists"):
        raise QueryFailed(f"FAILED: AlreadyExistsException Table {table.name} already exists")
    catalog.setdefault((table.database, table.name), table)
    return Result((), ())


def _nothing(database: str) -> Table:
    return Table(database=database, name="", columns=(), partitions=(), location="", template="", cloudtrail=False)


def _select(tree: exp.Expression, database: str, catalog: Catalog, files: Files) -> Result:
    import duckdb

    own = {expression.alias_or_name for expression in tree.find_all(exp.CTE)}
    scanned = 0
    with tempfile.TemporaryDirectory(prefix="windlass-athena-") as folder, duckdb.connect() as connection:
        for reference in list(tree.find_all(exp.Table)):
            if not reference.db and reference.name in own:
                continue
            key = (reference.db or database, reference.name)
            table = catalog.get(key)
            if table is None or not table.name:
                raise QueryFailed(f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{key[0]}.{key[1]}' does not exist")
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{key[0]}"')
            reference.set("db", exp.to_identifier(key[0]))
            scanned += _load(connection, table, Path(folder), files)
        try:
            result = connection.execute(tree.sql(dialect="duckdb"))
            columns = tuple(column[0] for column in result.description or ())
            listed = tuple(tuple(_text(value) for value in row) for row in result.fetchall())
        except duckdb.Error as error:
            raise QueryFailed(f"GENERIC_USER_ERROR: {str(error).splitlines()[0]}") from None
    return Result(columns, listed, scanned)


def _load(connection: Any, table: Table, folder: Path, files: Files) -> int:
    """Make the table in DuckDB from its files; how many bytes they have."""
    scanned = 0

    def read() -> Iterable[tuple[str, bytes]]:
        nonlocal scanned
        for key, body in files(table.bucket, table.prefix):
            if table.partition_of(key) is not None:
                scanned += len(body)
                yield key, body

    path = folder / f"{table.name}.json"
    with path.open("w", encoding="utf-8", errors="replace") as stream:
        for row in rows(table, read()):
            stream.write(json.dumps(row) + "\n")
    types = {column.name: duckdb_type(column.shape) for column in table.columns}
    types |= dict.fromkeys(table.partitions, "VARCHAR")
    listed = ", ".join(f"\"{name}\": '{kind}'" for name, kind in types.items())
    name = f'"{table.database}"."{table.name}"'
    if path.stat().st_size:
        connection.execute(
            f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM read_json(?, format='newline_delimited', "  # noqa: S608  ours
            f"maximum_object_size=268435456, columns={{{listed}}})",
            [str(path)],
        )
    else:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    return scanned


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
