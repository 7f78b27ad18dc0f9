"""gzip, gunzip. The header has no time and no name, so equal inputs give equal outputs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.expansion import LIMITS, ExpansionMeter, decompressed
from windlass.pipelines.model import Output, Source, Step, StepOption
from windlass.pipelines.names import added, removed
from windlass.pipelines.stream import rechunk

__all__ = ["COMPRESS", "DECOMPRESS"]

_GZIP = 31  # zlib's wbits for a gzip header and trailer


class _Decoder:
    """zlib's decompressobj with the interface of bz2 and lzma."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _compress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    chunks = _compressed(source, options["level"])
    yield Output(chunks=rechunk(chunks), name=added(source.name, ".gz"), content_type="application/gzip")


def _compressed(source: Source, level: int) -> Iterator[bytes]:
    encoder = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    for chunk in source.chunks:
        if piece := encoder.compress(chunk):
            yield piece
    yield encoder.flush()


def _decompress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    meter = ExpansionMeter(options["max_bytes"], options["max_ratio"])
    chunks = decompressed(source.chunks, meter, _Decoder, (zlib.error,))
    yield Output(chunks=chunks, name=removed(source.name, (".gz", ".gzip")))


COMPRESS = Step(
    name="gzip",
    summary="Compress with gzip; equal inputs give equal bytes.",
    run=_compress,
    options=(StepOption(name="level", help="1 is fast, 9 is small.", kind="count", default=6, minimum=0, maximum=9),),
)
DECOMPRESS = Step(name="gunzip", summary="Expand gzip, with all members.", run=_decompress, options=LIMITS)
