"""jsonl-to-csv: one row per JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from windlass.pipelines.delimited_text import DELIMITER, MAX_LINE, write_rows
from windlass.pipelines.documents import dump_json
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.records import json_lines

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    name = exchanged(source.name, (".jsonl", ".ndjson", ".json"), ".csv")
    yield Output(chunks=_csv(source, options), name=name, content_type="text/csv")


def _csv(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    records = json_lines(source.chunks, options["max_line_bytes"])
    columns: list[str] = list(options["columns"])
    if not columns:
        first = next(records, None)
        if first is None:
            return
        columns = list(first[1])
        records = chain((first,), records)
    body = _rows(records, columns, options["null"], options["extra"] == "drop")
    yield from write_rows(columns if options["header"] else None, body, options["delimiter"])


def _rows(
    records: Iterator[tuple[int, dict[str, Any]]], columns: list[str], null: str, drop: bool
) -> Iterator[list[Any]]:
    column_set = set(columns)
    for number, record in records:
        if not drop and not record.keys() <= column_set:
            extra = next(name for name in record if name not in column_set)
            raise Rejected(
                Reason.UNSUPPORTED,
                f"line {number} has the member {extra[:100]!r}, which is not a column",
                hint='Name all columns in `columns`, or set extra = "drop".',
            )
        yield [null if (value := record.get(name)) is None else _field(value) for name in columns]


def _field(value: Any) -> str:
    return value if isinstance(value, str) else dump_json(value).rstrip(b"\n").decode()


STEP = Step(
    name="jsonl-to-csv",
    summary="JSON lines to CSV. The columns are the first object's members, or those of `columns`.",
    run=_run,
    options=(
        DELIMITER,
        StepOption(name="columns", help="The columns, in order.", kind="list", default=()),
        StepOption(name="header", help="Write a header row.", kind="flag", default=True),
        StepOption(name="null", help="Text for null and for missing members.", default=""),
        StepOption(
            name="extra",
            help="Members that are not columns: refuse the object, or drop them.",
            kind="choice",
            choices=("refuse", "drop"),
            default="refuse",
        ),
        MAX_LINE,
    ),
)
