"""parquet-to-csv."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.delimited_text import DELIMITER, checked_delimiter
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.parquet import MAX_FILE, tables
from windlass.pipelines.steps.parquet_to_jsonl import plain_times
from windlass.pipelines.stream import WriteBuffer, rechunk, spooled

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    name = exchanged(source.name, (".parquet",), ".csv")
    yield Output(chunks=rechunk(_csv(source, options)), name=name, content_type="text/csv")


def _csv(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import csv

    out = WriteBuffer()
    writer: Any = None
    with spooled(source.chunks, options["max_bytes"]) as file:
        for batch in tables(file, options["columns"]):
            flat = _flat(plain_times(batch))
            try:
                if writer is None:
                    how = csv.WriteOptions(
                        include_header=options["header"], delimiter=checked_delimiter(options["delimiter"])
                    )
                    writer = csv.CSVWriter(out, flat.schema, write_options=how)
                writer.write_batch(flat)
            except pa.ArrowException as problem:
                raise Rejected(Reason.UNSUPPORTED, f"a value cannot be written as CSV: {problem}") from problem
            yield out.take()
        writer.close()
        yield out.take()


def _flat(batch: Any) -> Any:
    """Return nested values and bytes as JSON text, because CSV has neither."""
    import orjson
    import pyarrow as pa

    from windlass.pipelines.steps.parquet_to_jsonl import json_form

    for index, field in enumerate(batch.schema):
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            values = [
                None if value is None else orjson.dumps(value, default=json_form).decode().strip('"')
                for value in batch.column(index).to_pylist()
            ]
            batch = batch.set_column(index, field.name, pa.array(values, pa.string()))
    return batch


STEP = Step(
    name="parquet-to-csv",
    summary='Parquet to CSV: null is an empty field, an empty string is "", nested values are JSON text.',
    run=_run,
    requires=("pyarrow",),
    extra="parquet",
    options=(
        StepOption(name="columns", help="Columns to write; all by default.", kind="list", default=()),
        DELIMITER,
        StepOption(name="header", help="Write a header row.", kind="flag", default=True),
        MAX_FILE,
    ),
)
