"""jsonl-to-parquet and json-to-parquet: the types are those of JSON; a string in the form of a time stays a string."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from windlass.pipelines.delimited_text import MAX_LINE
from windlass.pipelines.documents import dump_json
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.parquet import PARQUET_OPTIONS, arrow_type, check_columns, declared_schema, parquet_chunks
from windlass.pipelines.records import batches, json_objects

__all__ = ["JSON", "JSONL"]

_TYPE = "application/vnd.apache.parquet"


def _run_lines(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    record_batches = batches(source.chunks, options["max_line_bytes"], options["batch_rows"])
    name = exchanged(source.name, (".jsonl", ".ndjson", ".json"), ".parquet")
    yield Output(chunks=parquet_chunks(_tables(record_batches, options), options), name=name, content_type=_TYPE)


def _run_document(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    records = json_objects(source.chunks, options["max_bytes"])
    name = exchanged(source.name, (".json",), ".parquet")
    record_batches = iter(lambda: list(islice(records, options["batch_rows"])), [])
    yield Output(chunks=parquet_chunks(_tables(record_batches, options), options), name=name, content_type=_TYPE)


def _tables(record_batches: Iterator[list[tuple[int, dict[str, Any]]]], options: Mapping[str, Any]) -> Iterator[Any]:
    import pyarrow as pa

    declared = declared_schema(options["schema"])
    schema: Any = None
    for batch in record_batches:
        first = batch[0][0]
        rows = [_prepared(record, declared) for _, record in batch]
        try:
            if schema is None:
                schema = _schema(rows, declared)
                check_columns(schema.names)
            if unknown := {name for row in rows for name in row} - set(schema.names):
                raise Rejected(
                    Reason.UNSUPPORTED,
                    f"the member {min(unknown)[:100]!r} appears only after record {first}",
                    hint="Add it to `schema`, or raise `batch_rows`: the types come from the first batch.",
                )
            table = pa.Table.from_pylist(rows, schema=schema)
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as problem:
            if isinstance(problem, Rejected):
                raise
            raise Rejected(
                Reason.UNSUPPORTED,
                f"records {first} to {batch[-1][0]} have different types: {problem}",
                hint='Set the column in `schema`, such as "payload:json" or "id:string".',
            ) from problem
        _refuse_lost_members(rows, schema)
        yield table


def _schema(rows: list[dict[str, Any]], declared: dict[str, str]) -> Any:
    """Return the union of the members of the first batch. A member that is always null is a string."""
    import pyarrow as pa

    names = list(dict.fromkeys(name for row in rows for name in row)) + [
        name for name in declared if not any(name in row for row in rows)
    ]
    fields = []
    for name in names:
        if name in declared:
            fields.append(pa.field(name, arrow_type(declared[name])))
            continue
        kind = pa.array([row.get(name) for row in rows]).type
        fields.append(pa.field(name, _no_nulls(kind)))
    return pa.schema(fields)


def _no_nulls(kind: Any) -> Any:
    """Return the type, with string where only null was seen. An object without members has no Parquet type."""
    import pyarrow as pa

    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_no_nulls(kind.value_type))
    if pa.types.is_struct(kind):
        if kind.num_fields == 0:
            raise ValueError("an object without members")
        return pa.struct([pa.field(member.name, _no_nulls(member.type)) for member in kind])
    return kind


def _prepared(record: dict[str, Any], declared: dict[str, str]) -> dict[str, Any]:
    for name, kind in declared.items():
        value = record.get(name)
        if kind == "json" and value is not None:
            record = {**record, name: dump_json(value).rstrip(b"\n").decode()}
        elif isinstance(value, str) and kind.startswith(("timestamp", "date")):
            record = {**record, name: _time(value, kind)}
        elif kind.startswith("decimal") and isinstance(value, (str, int)):
            from decimal import Decimal

            record = {**record, name: Decimal(value)}
    return record


def _time(value: str, kind: str) -> Any:
    from datetime import UTC, date, datetime

    if kind == "date":
        return date.fromisoformat(value)
    at = datetime.fromisoformat(value)
    if kind == "timestamp":
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    if at.tzinfo:
        raise ValueError(f"{value!r} has a time zone, and timestamp-local has none")
    return at


def _refuse_lost_members(rows: list[dict[str, Any]], schema: Any) -> None:
    """Refuse members of nested objects that are missing in the schema: Arrow would drop them silently."""
    import pyarrow as pa

    nested = [field for field in schema if pa.types.is_nested(field.type)]
    for row in rows if nested else ():
        for field in nested:
            _check(row.get(field.name), field.type, field.name)


def _check(value: Any, kind: Any, path: str) -> None:
    import pyarrow as pa

    if isinstance(value, dict) and pa.types.is_struct(kind):
        members = {member.name: member.type for member in kind}
        for name, inner in value.items():
            if name not in members:
                raise Rejected(
                    Reason.UNSUPPORTED,
                    f"the member {f'{path}.{name}'[:100]!r} is in no record of the first batch",
                    hint=f'Keep nested values as text with schema = ["{path.partition(".")[0][:40]}:json"].',
                )
            _check(inner, members[name], f"{path}.{name}")
    elif isinstance(value, list) and pa.types.is_list(kind):
        for inner in value:
            _check(inner, kind.value_type, path)


_BATCH = StepOption(
    name="batch_rows",
    help="Rows per batch (fewer when they reach 4 MiB). The first batch decides the columns and types.",
    kind="count",
    default=10_000,
    minimum=1,
    maximum=1_000_000,
)

JSONL = Step(
    name="jsonl-to-parquet",
    summary="JSON lines to Parquet; nested objects become structs.",
    run=_run_lines,
    requires=("pyarrow",),
    extra="parquet",
    options=(*PARQUET_OPTIONS, _BATCH, MAX_LINE),
)
JSON = Step(
    name="json-to-parquet",
    summary="A JSON array of objects (or one object) to Parquet.",
    run=_run_document,
    streams=False,
    requires=("pyarrow",),
    extra="parquet",
    options=(
        *PARQUET_OPTIONS,
        _BATCH,
        StepOption(
            name="max_bytes", help="Refuse larger objects.", kind="size", default=64 << 20, minimum=1, maximum=1 << 30
        ),
    ),
)
