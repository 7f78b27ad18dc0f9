"""project: a JMESPath expression over each JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.delimited_text import MAX_LINE
from windlass.pipelines.documents import checked_depth, dump_json, parse_json
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.stream import lines, read_all, rechunk

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    is_document = options["input"] == "json"
    chunks = _document(source, options) if is_document else _lines(source, options)
    kind = "application/json" if is_document else "application/x-ndjson"
    yield Output(chunks=rechunk(chunks), name=source.name, content_type=kind)


def _document(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    result = _search(options["expression"], parse_json(read_all(source.chunks, options["max_bytes"])), "")
    yield dump_json(result)


def _lines(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    for number, line in enumerate(lines(source.chunks, options["max_line_bytes"]), 1):
        if not line.strip():
            continue
        result = _search(options["expression"], parse_json(line, f"line {number}"), f"line {number}: ")
        if result is not None or options["keep_null"]:
            yield dump_json(result)


def _search(expression: str, value: Any, where: str) -> Any:
    import jmespath

    try:
        return jmespath.compile(expression).search(checked_depth(value, where))
    except jmespath.exceptions.JMESPathError as problem:
        raise Rejected(Reason.UNSUPPORTED, f"{where}{problem}") from problem


def _compiles(expression: str) -> None:
    import jmespath

    jmespath.compile(expression)  # its ParseError is a ValueError


STEP = Step(
    name="project",
    summary="Apply a JMESPath expression to each JSON line or to one document: select, rename, filter.",
    run=_run,
    requires=("jmespath",),
    options=(
        StepOption(name="expression", help="JMESPath.", required=True, check=_compiles),
        StepOption(
            name="input",
            help="jsonl: line by line; json: one document.",
            kind="choice",
            choices=("jsonl", "json"),
            default="jsonl",
        ),
        StepOption(name="keep_null", help="Keep lines whose result is null.", kind="flag", default=False),
        StepOption(name="max_bytes", help="Refuse larger documents.", kind="size", default=64 << 20, minimum=1),
        MAX_LINE,
    ),
    example={"expression": "{id: id, who: user.name}"},
)
