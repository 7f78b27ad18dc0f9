"""Results on stdout as `table`, `json`, `jsonl` or `csv`: the same rows and names in all four.

A row is a dict of plain values. Tables show the given columns, tuned for people (relative times, sizes); the other
formats show every key, untouched, for programs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import IO, Any

__all__ = ["ALL", "Column", "Format", "emit", "emit_value"]


ALL = 1_000_000  # the number for `--limit 0`


class Format(StrEnum):
    """The `-o` of every listing."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: the row's key, its heading (the key in title case unless given), numbers flush right."""

    key: str
    heading: str = ""
    right: bool = False


def emit(
    rows: Iterable[Mapping[str, Any]],
    fmt: Format,
    columns: Iterable[object],
    *,
    now: datetime | None = None,
    empty: str = "",
    limit: int = 0,
    out: IO[str] | None = None,
) -> int:
    """Write the rows under `columns` (Columns, or bare keys) and return how many were written; at most `limit`, 0 for
    all.

    A table without rows prints `empty` on stderr; a table that was cut says so there.
    """
    stream = out or sys.stdout
    rows = _first(rows, limit, report_more=fmt is Format.TABLE) if limit else rows
    shown = [column if isinstance(column, Column) else Column(str(column)) for column in columns]
    if fmt is Format.TABLE:
        return _table(list(rows), shown, now, empty, stream)
    import csv
    import json

    from windlass.core.canonical import plain

    count = 0
    if fmt is Format.JSON:
        listed = [plain(row) for row in rows]
        count = len(listed)
        stream.write(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
    elif fmt is Format.JSONL:
        for count, row in enumerate(rows, 1):  # noqa: B007  the last number is the count
            stream.write(json.dumps(plain(row), ensure_ascii=False) + "\n")
    else:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([column.key for column in shown])
        for count, row in enumerate(rows, 1):  # noqa: B007
            writer.writerow([_csv_cell(row.get(column.key)) for column in shown])
    return count


def emit_value(value: Mapping[str, Any] | Sequence[Any], out: IO[str] | None = None) -> None:
    """Write one document as indented JSON."""
    import json

    from windlass.core.canonical import plain

    (out or sys.stdout).write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def _first(rows: Iterable[Mapping[str, Any]], limit: int, *, report_more: bool) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(rows):
        if number == limit:
            if report_more:
                print(f"Only the first {limit:,} are shown; --limit shows more, --limit 0 shows all.", file=sys.stderr)
            return
        yield row


def _table(
    rows: list[Mapping[str, Any]], columns: list[Column], now: datetime | None, empty: str, stream: IO[str]
) -> int:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        if empty:
            print(empty, file=sys.stderr)
        return 0
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        heading = column.heading or column.key.replace("_", " ").upper()
        table.add_column(heading, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column.key), now)) for column in columns))
    # Piped tables keep their full width, because programs need complete names.
    console = Console(file=stream, width=None if stream.isatty() else 400, highlight=False)
    console.print(table)
    return len(rows)


def _cell(value: Any, now: datetime | None) -> str:
    from windlass.core.canonical import plain
    from windlass.present.times import ago

    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return ago(value, now) if now else plain(value)
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case Mapping():
            return " ".join(f"{key}={item}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(str(item) for item in value)
        case _:
            return str(value)


def _csv_cell(value: Any) -> Any:
    import json

    from windlass.core.canonical import plain

    clean = plain(value)
    if isinstance(clean, (dict, list)):
        return json.dumps(clean, ensure_ascii=False)
    # A spreadsheet runs a cell that starts like a formula; a leading quote keeps it text.
    return f"'{clean}" if isinstance(clean, str) and clean[:1] in ("=", "+", "-", "@") else clean
