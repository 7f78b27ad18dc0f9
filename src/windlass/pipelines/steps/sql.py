"""sql: one SELECT over the object, by DuckDB.

The query sees the table `input` and nothing else: no files, no network, no extensions, no settings.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from windlass.core.units import format_bytes
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.stream import file_chunks

__all__ = ["STEP"]

_READ = {"csv": "read_csv", "jsonl": "read_json", "json": "read_json", "parquet": "read_parquet"}
_SAMPLE = {"csv": ", sample_size = -1", "jsonl": ", format = 'newline_delimited', sample_size = -1"}
_WRITE = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION zstd"}
_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    output_format = options["output"]
    name = exchanged(source.name, (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"), f".{output_format}")
    yield Output(chunks=_selected(source, options), name=name, content_type=_TYPES[output_format])


def _selected(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="windlass-") as folder:
        content, result = Path(folder, "input"), Path(folder, "output")
        _save(source, content, options["max_bytes"])
        _query(content, result, options)
        with result.open("rb") as file:
            yield from file_chunks(file)


def _save(source: Source, path: Path, limit_bytes: int) -> None:
    size = 0
    with path.open("wb") as file:
        for chunk in source.chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise Rejected(Reason.TOO_LARGE, f"larger than {format_bytes(limit_bytes)} (max_bytes)")
            file.write(chunk)


def _query(content: Path, result: Path, options: Mapping[str, Any]) -> None:
    import duckdb

    spill = content.parent / "spill"
    settings: dict[str, Any] = {
        "memory_limit": f"{options['memory_bytes'] >> 20}MiB",
        "threads": options["threads"],
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "true",
    }
    table_function = f"{_READ[options['input']]}('{_quoted(content)}'{_SAMPLE.get(options['input'], '')})"
    with duckdb.connect(":memory:", config=settings) as connection:
        try:
            connection.execute(f"SET allowed_paths = ['{_quoted(content)}', '{_quoted(result)}']")
            connection.execute(f"SET allowed_directories = ['{_quoted(spill)}']")
            connection.execute("SET enable_external_access = false")
            connection.execute(
                "SET enable_progress_bar = false"
            )  # DuckDB would draw it on stdout, which is for results
            connection.execute("SET lock_configuration = true")
            connection.execute(f"CREATE VIEW input AS SELECT * FROM {table_function}")  # noqa: S608  # our own path
            connection.execute(
                f"COPY ({options['query'].rstrip().rstrip(';')}\n) TO '{_quoted(result)}' ({_WRITE[options['output']]})"
            )
        except duckdb.OutOfMemoryException as problem:
            raise Rejected(
                Reason.TOO_LARGE, f"the query needs more than memory_bytes: {_duckdb_message(problem, content)}"
            ) from problem
        except duckdb.Error as problem:
            raise Rejected(Reason.MALFORMED, f"the query failed: {_duckdb_message(problem, content)}") from problem


def _duckdb_message(problem: Exception, content: Path) -> str:
    """Return DuckDB's message in one line, without our statement and paths, so that it is the same on every machine."""
    message = " ".join(str(problem).split()).partition(" LINE 1: CREATE VIEW")[0]
    return message.replace(f"{content.parent}/", "")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _select(query: str) -> None:
    import duckdb

    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as problem:
        raise ValueError(str(problem)) from problem
    if len(statements) != 1 or statements[0].type.name != "SELECT":
        raise ValueError("one SELECT, and nothing else")


STEP = Step(
    name="sql",
    summary="Run one SELECT over the object, which is the table `input`, in an isolated DuckDB.",
    run=_run,
    requires=("duckdb",),
    extra="transforms",
    options=(
        StepOption(name="query", help="One SELECT FROM input.", required=True, check=_select),
        StepOption(
            name="input",
            help="Format of the object.",
            kind="choice",
            choices=("csv", "jsonl", "json", "parquet"),
            default="csv",
        ),
        StepOption(
            name="output",
            help="Format of the output.",
            kind="choice",
            choices=("csv", "jsonl", "parquet"),
            default="jsonl",
        ),
        StepOption(
            name="memory_bytes",
            help="Memory of DuckDB, which spills to disk.",
            kind="size",
            default=128 << 20,
            minimum=128 << 20,
        ),
        StepOption(name="threads", help="Threads of DuckDB.", kind="count", default=1, minimum=1, maximum=64),
        StepOption(
            name="max_bytes",
            help="Refuse larger objects. The object is stored on local disk while it is read.",
            kind="size",
            default=50 << 30,
            minimum=1,
        ),
    ),
    example={"query": "SELECT country, count(*) AS n FROM input GROUP BY country ORDER BY country"},
)
