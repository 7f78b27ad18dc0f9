"""redact: replaces confidential text, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.delimited_text import MAX_LINE
from windlass.pipelines.model import Output, Source, Step, StepOption
from windlass.pipelines.steps.line_filter import patterns
from windlass.pipelines.stream import lines, rechunk

__all__ = ["KNOWN", "STEP"]

KNOWN: Mapping[str, bytes] = {
    "email": rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,24}",
    "ipv4": rb"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])",
    "aws-key-id": rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])",
    "bearer": rb"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}",
    "card": rb"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)",
    "iban": rb"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])",
}


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    yield Output(chunks=rechunk(_redacted(source, options)), name=source.name, content_type=source.content_type)


def _redacted(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    expressions = [KNOWN[name] for name in options["known"]] + [pattern.encode() for pattern in options["patterns"]]
    compiled = [re.compile(expression) for expression in expressions]
    replacement = options["replacement"].encode()
    for line in lines(source.chunks, options["max_line_bytes"]):
        for pattern in compiled:
            line = pattern.sub(lambda _: replacement, line)
        yield line


def _known(names: Any) -> None:
    for name in names:
        if name not in KNOWN:
            raise ValueError(f"{name!r} is none of {', '.join(KNOWN)}")


STEP = Step(
    name="redact",
    summary="Replace matching text, line by line. A match never crosses the end of a line.",
    run=_run,
    options=(
        StepOption(name="known", help=f"Built-in patterns: {', '.join(KNOWN)}.", kind="list", default=(), check=_known),
        StepOption(name="patterns", help="Regular expressions of your own.", kind="list", default=(), check=patterns),
        StepOption(name="replacement", help="The text that replaces a match.", default="[redacted]"),
        MAX_LINE,
    ),
    example={"known": ["email", "aws-key-id"]},
)
