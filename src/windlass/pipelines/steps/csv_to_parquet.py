"""csv-to-parquet: no value changes its meaning.

A column becomes a number or a time only when each of its texts is the exact notation of that value: 007 and +49 stay strings.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from csv import Error as CsvError
from csv import reader as csv_rows
from itertools import chain
from typing import Any

from windlass.core.units import format_bytes
from windlass.pipelines.delimited_text import DELIMITER, ENCODING, checked_delimiter
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.parquet import PARQUET_OPTIONS, arrow_type, check_columns, declared_schema, parquet_chunks
from windlass.pipelines.stream import utf8
from windlass.pipelines.throttled_file import ThrottledFile, throttled_batches

__all__ = ["STEP"]

_INFERRED = ("int64", "double", "bool", "date", "timestamp", "timestamp-local")
_DECIMAL = r"^-?(0|[1-9]\d{0,15})(\.\d{1,15})?([eE][-+]?\d{1,3})?$"
_FORMS = {
    "double": _DECIMAL,
    "float": _DECIMAL,
    "bool": r"^(true|false)$",
    "date": r"^\d{4}-\d\d-\d\d$",
    "timestamp": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[-+]\d\d:?\d\d)$",
    "timestamp-local": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$",
}


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    name = exchanged(source.name, (".csv", ".tsv"), ".parquet")
    chunks = parquet_chunks(_typed_tables(source, options), options)
    yield Output(chunks=chunks, name=name, content_type="application/vnd.apache.parquet")


def _typed_tables(source: Source, options: Mapping[str, Any]) -> Iterator[Any]:
    import pyarrow as pa

    kinds: dict[str, str] | None = None
    declared = declared_schema(options["schema"])
    for table in _text_tables(source, options):
        if kinds is None:
            if unknown := declared.keys() - set(table.column_names):
                raise Rejected(Reason.MALFORMED, f"the input has no column {min(unknown)!r}, which the schema names")
            infer = options["types"] == "infer"
            kinds = {
                name: declared.get(name) or (_inferred(table[name]) if infer else "string")
                for name in table.column_names
            }
        columns = [_cast(table[name], name, kind) for name, kind in kinds.items()]
        yield pa.table(columns, names=list(kinds))


def _text_tables(source: Source, options: Mapping[str, Any]) -> Iterator[Any]:
    """Yield blocks of rows with all columns as strings; an unquoted text in `null` is null."""
    import pyarrow as pa
    from pyarrow import csv

    names, body = _header(utf8(source.chunks, options["encoding"]), options)
    if not names:
        return
    check_columns(names)
    text = pa.string()
    read_options = csv.ReadOptions(use_threads=False, block_size=options["block_bytes"], column_names=names)
    parse = csv.ParseOptions(delimiter=checked_delimiter(options["delimiter"]), newlines_in_values=True)
    convert = csv.ConvertOptions(
        check_utf8=False,  # utf8() has checked it
        column_types=dict.fromkeys(names, text),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=list(options["null"]),
    )
    first = next(body, b"")
    if not first:
        yield pa.table([pa.array([], text)] * len(names), names=names)
        return
    try:
        with closing(ThrottledFile(chain((first,), body))) as file:
            source_file = pa.PythonFile(file, mode="r")
            with file.waiting():
                reader = csv.open_csv(
                    source_file, read_options=read_options, parse_options=parse, convert_options=convert
                )
            with reader, closing(file):  # the file first: the reader waits for the thread that reads it
                for batch in throttled_batches(reader, file):
                    yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as problem:
        message = str(problem)
        if "straddling" in message:
            limit = format_bytes(options["block_bytes"])
            raise Rejected(
                Reason.TOO_LARGE, f"a row is longer than {limit} (block_bytes), or its quotes are never closed"
            ) from problem
        raise Rejected(Reason.MALFORMED, f"not CSV: {message}") from problem


def _header(chunks: Iterator[bytes], options: Mapping[str, Any]) -> tuple[list[str], Iterator[bytes]]:
    """Return the column names, and the content after the row that has them."""
    if options["columns"]:
        return list(options["columns"]), chunks
    head = b""
    for chunk in chain(chunks, (b"",)):  # b"" once more: the end
        head += chunk
        if chunk and b"\n" not in chunk:
            if len(head) > options["block_bytes"]:
                raise Rejected(
                    Reason.TOO_LARGE,
                    f"the first row is larger than {format_bytes(options['block_bytes'])} (block_bytes)",
                )
            continue
        complete_rows = head[: head.rindex(b"\n") + 1] if chunk else head
        # Not splitlines: it also ends lines at U+2028 and similar characters, which may be part of a name.
        lines = list(io.StringIO(complete_rows.decode(), newline=""))
        reader = csv_rows(iter(lines), delimiter=checked_delimiter(options["delimiter"]), strict=True)
        try:
            row = next((row for row in reader if row), [])
        except CsvError as problem:  # a quoted name continues in the next chunk, or the quoting is broken
            if chunk and len(head) <= options["block_bytes"]:
                continue
            raise Rejected(Reason.MALFORMED, f"the first row is not CSV: {problem}") from problem
        if row or not chunk:
            used = sum(len(line.encode()) for line in lines[: reader.line_num])
            return row, chain((head[used:],) if len(head) > used else (), chunks)
    return [], iter(())


def _inferred(column: Any) -> str:
    import pyarrow as pa

    if column.null_count == len(column):
        return "string"
    for kind in _INFERRED:
        try:
            _cast(column, "", kind)
        except (Rejected, pa.ArrowException):
            continue
        return kind
    return "string"


def _cast(column: Any, name: str, kind: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind in ("string", "json"):
        return column
    to = arrow_type(kind)
    try:
        converted = pc.cast(column, to)
        exact = pc.equal(pc.cast(converted, pa.string()), column) if kind.startswith("int") else None
        if kind in _FORMS:
            exact = pc.match_substring_regex(column, _FORMS[kind])
    except pa.ArrowInvalid as problem:
        raise _type_rejection(name, kind, str(problem)) from problem
    if exact is not None and pc.all(exact).as_py() is False:
        mismatch = column.filter(pc.invert(exact))[0].as_py()
        raise _type_rejection(name, kind, f"{mismatch[:60]!r} is not in the notation of this type")
    return converted


def _type_rejection(name: str, kind: str, why: str) -> Rejected:
    return Rejected(
        Reason.UNSUPPORTED,
        f"the column {name[:100]!r} has the type {kind}, from its first rows or the schema: {why}",
        hint=f'Set its type in `schema` (such as "{name[:40]}:string"), or set types = "text".',
    )


STEP = Step(
    name="csv-to-parquet",
    summary="CSV to Parquet, with types where they lose nothing. Unquoted empty fields are null.",
    run=_run,
    requires=("pyarrow",),
    extra="parquet",
    options=(
        DELIMITER,
        ENCODING,
        StepOption(
            name="columns", help="Names of the columns, when the first row is not a header.", kind="list", default=()
        ),
        StepOption(
            name="types",
            help="infer: types from the first block of rows; text: all strings, except the columns in schema.",
            kind="choice",
            choices=("infer", "text"),
            default="infer",
        ),
        StepOption(name="null", help="Unquoted texts that mean null.", kind="list", default=("",)),
        StepOption(
            name="block_bytes",
            help="Size of the blocks in which rows are read. A row must fit into one.",
            kind="size",
            default=1 << 20,
            minimum=1 << 10,
            maximum=256 << 20,
        ),
        *PARQUET_OPTIONS,
    ),
)
