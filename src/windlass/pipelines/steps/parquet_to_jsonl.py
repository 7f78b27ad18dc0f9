"""parquet-to-jsonl."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson

from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.parquet import MAX_FILE, tables
from windlass.pipelines.stream import rechunk, spooled

__all__ = ["STEP", "json_form", "plain_times"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    name = exchanged(source.name, (".parquet",), ".jsonl")
    yield Output(chunks=rechunk(_lines(source, options)), name=name, content_type="application/x-ndjson")


def _lines(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    with spooled(source.chunks, options["max_bytes"]) as file:
        for batch in tables(file, options["columns"]):
            for row in plain_times(batch).to_pylist():
                try:
                    yield orjson.dumps(row, default=json_form, option=option)
                except (orjson.JSONEncodeError, TypeError) as problem:
                    raise Rejected(Reason.UNSUPPORTED, f"a value cannot be written as JSON: {problem}") from problem


def plain_times(batch: Any) -> Any:
    """Return the batch with nanosecond times as ISO text, because Python's times have microseconds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            naive = pc.cast(batch.column(index), pa.timestamp("ns"))  # its UTC reading, when it has a zone
            text = pc.replace_substring(pc.cast(naive, pa.string()), " ", "T")
            if field.type.tz:
                text = pc.binary_join_element_wise(text, "Z", "")
            batch = batch.set_column(index, field.name, text)
    return batch


def json_form(value: object) -> Any:
    """Convert what orjson cannot: decimals to text, bytes to base64, durations to seconds."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(type(value).__name__)


STEP = Step(
    name="parquet-to-jsonl",
    summary="Parquet to JSON lines: times as ISO text, decimals as text, bytes in base64, NaN as null.",
    run=_run,
    requires=("pyarrow",),
    extra="parquet",
    options=(
        StepOption(name="columns", help="Columns to write; all by default.", kind="list", default=()),
        MAX_FILE,
    ),
)
