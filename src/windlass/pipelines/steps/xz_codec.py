"""xz, unxz."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from windlass.pipelines.expansion import LIMITS, ExpansionMeter, decompressed
from windlass.pipelines.model import Output, Source, Step, StepOption
from windlass.pipelines.names import added, removed
from windlass.pipelines.stream import rechunk

__all__ = ["COMPRESS", "DECOMPRESS"]

_DICTIONARY_BYTES = 128 << 20  # the largest dictionary that a stream may require; xz -9 requires 65 MiB


def _compress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    chunks = _compressed(source, options["level"])
    yield Output(chunks=rechunk(chunks), name=added(source.name, ".xz"), content_type="application/x-xz")


def _compressed(source: Source, level: int) -> Iterator[bytes]:
    encoder = lzma.LZMACompressor(preset=level)
    for chunk in source.chunks:
        if piece := encoder.compress(chunk):
            yield piece
    yield encoder.flush()


def _decompress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    meter = ExpansionMeter(options["max_bytes"], options["max_ratio"])
    make: Any = partial(lzma.LZMADecompressor, memlimit=_DICTIONARY_BYTES)
    chunks = decompressed(source.chunks, meter, make, (lzma.LZMAError,))
    yield Output(chunks=chunks, name=removed(source.name, (".xz", ".lzma")))


COMPRESS = Step(
    name="xz",
    summary="Compress with xz (LZMA).",
    run=_compress,
    options=(
        StepOption(
            name="level",
            help="0 is fast, 6 is small. Higher levels need hundreds of MiB of memory and are not available.",
            kind="count",
            default=6,
            minimum=0,
            maximum=6,
        ),
    ),
)
DECOMPRESS = Step(name="unxz", summary="Expand xz and lzma, with all streams.", run=_decompress, options=LIMITS)
