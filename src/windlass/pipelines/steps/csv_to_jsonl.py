"""csv-to-jsonl: one JSON object per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from windlass.pipelines.delimited_text import DELIMITER, ENCODING, MAX_LINE, rows
from windlass.pipelines.documents import dump_json
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.stream import rechunk

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    name = exchanged(source.name, (".csv", ".tsv"), ".jsonl")
    yield Output(chunks=rechunk(_lines(source, options)), name=name, content_type="application/x-ndjson")


def _lines(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    header: list[str] | None = options["columns"] or None
    null, typed, fill = options["null"], options["types"] == "json", options["ragged"] == "fill"
    for number, row in rows(source.chunks, options):
        if header is None:
            header = _distinct(row)
            continue
        if len(row) != len(header):
            if not fill or len(row) > len(header):
                raise Rejected(Reason.MALFORMED, f"line {number} has {len(row)} fields; the header has {len(header)}")
            row = row + [""] * (len(header) - len(row))
        values: list[Any] = [_typed(field) for field in row] if typed else list(row)
        if null is not None:
            values = [None if field == null else value for field, value in zip(row, values, strict=True)]
        yield dump_json(dict(zip(header, values, strict=True)))


def _distinct(header: list[str]) -> list[str]:
    if len(set(header)) != len(header):
        duplicate = Counter(header).most_common(1)[0][0]
        raise Rejected(
            Reason.MALFORMED, f"the column {duplicate[:100]!r} appears twice", hint="Name the columns with `columns`."
        )
    return header


def _typed(field: str) -> Any:
    """Return a number, true, false or null where JSON writes it in exactly this form; 007 and 1e3 stay strings."""
    if field in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[field]
    if field[:1] in "-0123456789" and len(field) < 19:
        try:
            value = orjson.loads(field) if field else field
        except orjson.JSONDecodeError:
            return field
        if isinstance(value, (int, float)) and orjson.dumps(value).decode() == field:
            return value
    return field


STEP = Step(
    name="csv-to-jsonl",
    summary="CSV to JSON lines: one object per row. Values are strings unless `types` says otherwise.",
    run=_run,
    options=(
        DELIMITER,
        ENCODING,
        StepOption(
            name="columns", help="Names of the columns, when the first row is not a header.", kind="list", default=()
        ),
        StepOption(name="null", help="The text that means null. Without it, every field is a string."),
        StepOption(
            name="types",
            help="text: all fields are strings; json: JSON numbers, true, false and null are converted.",
            kind="choice",
            choices=("text", "json"),
            default="text",
        ),
        StepOption(
            name="ragged",
            help="A row with too few fields: refuse the object, or fill the row with empty fields.",
            kind="choice",
            choices=("refuse", "fill"),
            default="refuse",
        ),
        MAX_LINE,
    ),
    example={"types": "json", "null": ""},
)
