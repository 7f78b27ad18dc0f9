"""copy: the unchanged content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.model import Output, Source, Step

__all__ = ["STEP"]


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    del options
    yield Output(chunks=source.chunks, name=source.name, content_type=source.content_type)


STEP = Step(
    name="copy",
    summary="Copy the content unchanged, to move or rename objects or change their storage class.",
    run=_run,
)
