"""Parquet files: chunks from arriving tables, and record batches from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windlass.pipelines.model import Reason, Rejected, StepOption
from windlass.pipelines.stream import CHUNK_BYTES, WriteBuffer

__all__ = ["MAX_FILE", "PARQUET_OPTIONS", "arrow_type", "check_columns", "declared_schema", "parquet_chunks", "tables"]

_ROW_GROUP_BYTES = 8 << 20
_COLUMN_BYTES = 32 << 10  # of each column and row group at least: the footer has an entry for each, held to the end
_MAX_COLUMNS = 10_000
# Arrow's own limit, 1 MiB, costs 26 MiB at once in a column of many different values, and makes the file larger.
_DICTIONARY_BYTES = 256 << 10

PARQUET_OPTIONS = (
    StepOption(
        name="compression",
        help="The codec of the columns.",
        kind="choice",
        choices=("zstd", "snappy", "gzip", "none"),
        default="zstd",
    ),
    StepOption(
        name="schema",
        help="Columns' types as name:type, for those not to be inferred: string, int64, int32, double, float, bool, date, "
        "timestamp (UTC), timestamp-local, decimal(P;S), json (nested values as text).",
        kind="list",
        default=(),
        check=lambda value: declared_schema(value),  # noqa: PLW0108  # defined below
    ),
)
MAX_FILE = StepOption(
    name="max_bytes",
    help="Refuse larger files. The file is stored on local disk while it is read.",
    kind="size",
    default=50 << 30,
    minimum=1,
)


def declared_schema(columns: Iterable[str]) -> dict[str, str]:
    """Return `{"id": "int64"}` for `["id:int64"]`. ValueError for an unknown type."""
    kinds = {}
    for column in columns:
        name, colon, kind = column.rpartition(":")
        if not colon or not name:
            raise ValueError(f"{column!r} is not name:type")
        if kind not in _TYPES and _decimal(kind) is None:
            raise ValueError(f"{kind!r} is none of {', '.join(_TYPES)}, decimal(P;S)")
        kinds[name] = kind
    return kinds


_TYPES = ("string", "int64", "int32", "double", "float", "bool", "date", "timestamp", "timestamp-local", "json")


def _decimal(kind: str) -> tuple[int, int] | None:
    precision, semicolon, scale = kind.removeprefix("decimal(").removesuffix(")").partition(";")
    if not kind.startswith("decimal(") or not semicolon or not (precision.isdigit() and scale.isdigit()):
        return None
    return (int(precision), int(scale)) if 0 < int(precision) <= 38 and int(scale) <= int(precision) else None


def arrow_type(kind: str) -> Any:
    """Return the Arrow type of a declared type."""
    import pyarrow as pa

    if (digits := _decimal(kind)) is not None:
        return pa.decimal128(*digits)
    return {
        "string": pa.string(),
        "json": pa.string(),
        "int64": pa.int64(),
        "int32": pa.int32(),
        "double": pa.float64(),
        "float": pa.float32(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"),
        "timestamp-local": pa.timestamp("us"),
    }[kind]


def check_columns(names: list[str]) -> None:
    """Raise Rejected for two columns of one name (most readers would fail, or drop one) and for too many columns."""
    if len(names) > _MAX_COLUMNS:
        raise Rejected(Reason.TOO_LARGE, f"the table has {len(names):,} columns; the limit is {_MAX_COLUMNS:,}")
    if len(set(names)) != len(names):
        duplicate = Counter(names).most_common(1)[0][0]
        raise Rejected(Reason.MALFORMED, f"the column {duplicate[:100]!r} appears twice")


def parquet_chunks(arriving: Iterable[Any], options: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield one Parquet file of tables of one schema, in row groups of about 8 MiB of Arrow memory (more for hundreds of columns).

    The same tables give the same bytes. Rejected for an input without tables.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out, pool = WriteBuffer(), pa.default_memory_pool()
    writer: Any = None
    pending: list[Any] = []
    size = 0
    try:
        for table in arriving:
            if writer is None:
                codec = options["compression"]
                writer = pq.ParquetWriter(
                    out,
                    table.schema,
                    compression="NONE" if codec == "none" else codec,
                    dictionary_pagesize_limit=_DICTIONARY_BYTES,
                )
            pending.append(table)
            size += table.nbytes
            if size >= max(_ROW_GROUP_BYTES, table.num_columns * _COLUMN_BYTES):
                writer.write_table(pa.concat_tables(pending))
                del table
                pending, size = [], 0
                pool.release_unused()  # the allocator would keep freed memory, which other objects of the worker need
                yield from _pieces(out)
        if writer is None:
            raise Rejected(
                Reason.MALFORMED,
                "the input has no rows, so its columns are unknown",
                hint="Name the columns in schema.",
            )
        if pending:
            writer.write_table(pa.concat_tables(pending))
        writer.close()
        yield from _pieces(out)
    except pa.ArrowException as problem:
        raise Rejected(Reason.UNSUPPORTED, f"the table cannot be written as Parquet: {problem}") from problem


def _pieces(out: WriteBuffer) -> Iterator[bytes]:
    content = out.take()
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def tables(file: Any, columns: Iterable[str] = ()) -> Iterator[Any]:
    """Yield the record batches of a Parquet file on disk. Rejected for a damaged file or another format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False) as parquet:
            check_columns(parquet.schema_arrow.names)
            selected = list(columns) or None
            if selected and (missing := set(selected) - set(parquet.schema_arrow.names)):
                raise Rejected(Reason.MALFORMED, f"the file has no column {min(missing)!r}")
            empty = pa.RecordBatch.from_pylist([], schema=parquet.schema_arrow)
            yield empty.select(selected) if selected else empty  # carries the column names of a file without rows
            for batch in parquet.iter_batches(batch_size=8192, columns=selected):
                # Columns may be requested in another order than they were written.
                yield batch.select(selected) if selected else batch
    except (pa.ArrowException, OSError) as problem:
        raise Rejected(Reason.MALFORMED, f"not a valid Parquet file: {problem}") from problem
