"""bzip2, bunzip2."""

from __future__ import annotations

import bz2
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.expansion import LIMITS, ExpansionMeter, decompressed
from windlass.pipelines.model import Output, Source, Step, StepOption
from windlass.pipelines.names import added, removed
from windlass.pipelines.stream import rechunk

__all__ = ["COMPRESS", "DECOMPRESS"]


def _compress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    chunks = _compressed(source, options["level"])
    yield Output(chunks=rechunk(chunks), name=added(source.name, ".bz2"), content_type="application/x-bzip2")


def _compressed(source: Source, level: int) -> Iterator[bytes]:
    encoder = bz2.BZ2Compressor(level)
    for chunk in source.chunks:
        if piece := encoder.compress(chunk):
            yield piece
    yield encoder.flush()


def _decompress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    meter = ExpansionMeter(options["max_bytes"], options["max_ratio"])
    chunks = decompressed(source.chunks, meter, bz2.BZ2Decompressor, (OSError, ValueError))
    yield Output(chunks=chunks, name=removed(source.name, (".bz2",)))


COMPRESS = Step(
    name="bzip2",
    summary="Compress with bzip2.",
    run=_compress,
    options=(StepOption(name="level", help="1 is fast, 9 is small.", kind="count", default=9, minimum=1, maximum=9),),
)
DECOMPRESS = Step(name="bunzip2", summary="Expand bzip2, with all streams.", run=_decompress, options=LIMITS)
