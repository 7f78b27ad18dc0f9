"""zstd, unzstd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from windlass.pipelines.expansion import LIMITS, ExpansionMeter
from windlass.pipelines.model import Chunks, Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import added, removed
from windlass.pipelines.stream import rechunk

__all__ = ["COMPRESS", "DECOMPRESS"]

_WINDOW_BYTES = 128 << 20
# A block of 4 bytes can expand to 128 KiB: small input bounds the output of one call.
_INPUT_CHUNK_BYTES = 512
_LARGE_BYTES = 4 << 20
_THREADS = 2


def _compress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    chunks = _compressed(source, options["level"])
    yield Output(chunks=rechunk(chunks), name=added(source.name, ".zst"), content_type="application/zstd")


def _compressed(source: Source, level: int) -> Iterator[bytes]:
    import zstandard

    begins, chunks = _split_head(source.chunks)
    # zstd's threads compress while this one reads and writes. They need 60 MiB, so small objects use none.
    threads = _THREADS if len(begins) == _LARGE_BYTES else 0
    encoder = zstandard.ZstdCompressor(level=level, write_checksum=True, threads=threads).compressobj()
    for chunk in chain((begins,), chunks):
        if piece := encoder.compress(chunk):
            yield piece
    yield encoder.flush()


def _split_head(chunks: Chunks) -> tuple[bytes, Iterator[bytes]]:
    """Return the first `_LARGE_BYTES` (or all of a smaller content), and the rest."""
    remaining, begins = iter(chunks), bytearray()
    for chunk in remaining:
        begins += chunk
        if len(begins) >= _LARGE_BYTES:
            break
    return bytes(begins[:_LARGE_BYTES]), chain((bytes(begins[_LARGE_BYTES:]),), remaining)


def _decompress(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    meter = ExpansionMeter(options["max_bytes"], options["max_ratio"])
    chunks = rechunk(_expanded(source, meter))
    yield Output(chunks=chunks, name=removed(source.name, (".zst", ".zstd")))


def _expanded(source: Source, meter: ExpansionMeter) -> Iterator[bytes]:
    import zstandard

    context = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    decoder, begun = context.decompressobj(), False
    for chunk in source.chunks:
        for start in range(0, len(chunk), _INPUT_CHUNK_BYTES):
            data = chunk[start : start + _INPUT_CHUNK_BYTES]
            meter.input_bytes += len(data)
            while data:
                if decoder.eof:
                    decoder = context.decompressobj()
                begun = True
                try:
                    piece = decoder.decompress(data)
                except zstandard.ZstdError as problem:
                    raise Rejected(
                        Reason.MALFORMED, f"damaged after {meter.output_bytes} bytes: {problem}"
                    ) from problem
                data = decoder.unused_data if decoder.eof else b""
                if piece:
                    yield meter.give(piece)
    if not begun or not decoder.eof:
        raise Rejected(Reason.TRUNCATED, f"ends in the middle, after {meter.output_bytes} bytes of content")


COMPRESS = Step(
    name="zstd",
    summary="Compress with Zstandard, with a checksum.",
    run=_compress,
    requires=("zstandard",),
    extra="transforms",
    options=(StepOption(name="level", help="1 is fast, 19 is small.", kind="count", default=3, minimum=1, maximum=19),),
)
DECOMPRESS = Step(
    name="unzstd",
    summary="Expand Zstandard, with all frames.",
    run=_decompress,
    requires=("zstandard",),
    extra="transforms",
    options=LIMITS,
)
