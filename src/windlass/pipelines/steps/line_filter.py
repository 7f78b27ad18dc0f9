"""line-filter: keep or drop lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.delimited_text import MAX_LINE
from windlass.pipelines.model import Output, Source, Step, StepOption
from windlass.pipelines.stream import lines, rechunk

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    yield Output(chunks=rechunk(_filtered(source, options)), name=source.name, content_type=source.content_type)


def _filtered(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    keep = [re.compile(pattern.encode()) for pattern in options["keep"]]
    drop = [re.compile(pattern.encode()) for pattern in options["drop"]]
    for line in lines(source.chunks, options["max_line_bytes"]):
        if (not keep or any(pattern.search(line) for pattern in keep)) and not any(
            pattern.search(line) for pattern in drop
        ):
            yield line


def patterns(values: Any) -> None:
    """Raise ValueError for an invalid regular expression."""
    for value in values:
        try:
            re.compile(value.encode())
        except re.error as problem:
            raise ValueError(f"{value!r}: {problem}") from problem


STEP = Step(
    name="line-filter",
    summary="Keep the lines that match one of `keep` (without it: all lines) and none of `drop`.",
    run=_run,
    options=(
        StepOption(
            name="keep",
            help="Regular expressions; a line that matches one is kept.",
            kind="list",
            default=(),
            check=patterns,
        ),
        StepOption(
            name="drop",
            help="Regular expressions; a line that matches one is dropped.",
            kind="list",
            default=(),
            check=patterns,
        ),
        MAX_LINE,
    ),
    example={"drop": ["^#", r"^\s*$"]},
)
