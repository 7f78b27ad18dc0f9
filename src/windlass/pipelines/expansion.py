"""Guards against expansion bombs in compressed streams and archives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from windlass.core.units import format_bytes
from windlass.pipelines.model import Chunks, Reason, Rejected, StepOption

__all__ = ["LIMITS", "Decoder", "ExpansionMeter", "decompressed", "safe_member"]

_FREE_BYTES = 16 << 20  # below this size any ratio is allowed: a page of zeros is not an attack

LIMITS = (
    StepOption(
        name="max_bytes",
        help="Refuse an object whose expanded content is larger than this.",
        kind="size",
        default=100 << 30,
        minimum=1,
    ),
    StepOption(
        name="max_ratio",
        help="Refuse an object that expands to more than 16 MiB and to more than this many times its size.",
        kind="number",
        default=250,
        minimum=1,
    ),
)


@dataclass(slots=True)
class ExpansionMeter:
    """Counts the bytes into and out of one object's expansion, and enforces its limits."""

    max_bytes: int
    max_ratio: float
    input_bytes: int = field(default=0)
    output_bytes: int = field(default=0)

    def counted(self, chunks: Chunks) -> Iterator[bytes]:
        """Yield the input, counted."""
        for chunk in chunks:
            self.input_bytes += len(chunk)
            yield chunk

    def give(self, piece: bytes) -> bytes:
        """Return the output, counted and checked."""
        self.output_bytes += len(piece)
        if self.output_bytes > self.max_bytes:
            raise Rejected(Reason.BOMB, f"expands to more than {format_bytes(self.max_bytes)} (max_bytes)")
        if self.output_bytes > _FREE_BYTES and self.output_bytes > self.max_ratio * max(1, self.input_bytes):
            raise Rejected(
                Reason.BOMB,
                f"expands to more than {self.max_ratio:g} times its size (max_ratio)",
                hint="If the content really is that repetitive, raise max_ratio.",
            )
        return piece


class Decoder(Protocol):
    """The interface of bz2.BZ2Decompressor and lzma.LZMADecompressor."""

    @property
    def eof(self) -> bool: ...  # noqa: D102
    @property
    def needs_input(self) -> bool: ...  # noqa: D102
    @property
    def unused_data(self) -> bytes: ...  # noqa: D102
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...  # noqa: D102


def decompressed(
    chunks: Chunks, meter: ExpansionMeter, make: type[Decoder], errors: tuple[type[Exception], ...]
) -> Iterator[bytes]:
    """Yield the expansion of concatenated streams (gzip members, zstd frames), at most 256 KiB at a time.

    Rejected for damaged, truncated or empty data, and for anything but zeros after the last stream.
    """
    decoder: Decoder | None = None
    for chunk in meter.counted(chunks):
        data = chunk
        while data or (decoder is not None and not decoder.needs_input and not decoder.eof):
            if decoder is None or decoder.eof:
                ended = decoder is not None
                if ended and not (data := data.lstrip(b"\0")):  # tape and disk blocks are padded with zeros
                    break
                decoder = make()
            try:
                piece = decoder.decompress(data, max_length=256 << 10)
            except errors as problem:
                raise Rejected(Reason.MALFORMED, f"damaged after {meter.output_bytes} bytes: {problem}") from problem
            data = decoder.unused_data if decoder.eof else b""
            if piece:
                yield meter.give(piece)
    if decoder is None or not decoder.eof:
        raise Rejected(Reason.TRUNCATED, f"ends in the middle, after {meter.output_bytes} bytes of content")


def safe_member(name: str) -> str:
    """Return the name of an archive's member as a relative path. Rejected when it leads outside the archive's folder."""
    path = PurePosixPath(name)
    parts = path.parts
    if (
        not name
        or path.is_absolute()
        or ".." in parts
        or "\\" in name
        or any(ord(letter) < 32 or "\ud800" <= letter <= "\udfff" for letter in name)  # not UTF-8: no key of S3
        or (parts and parts[0].endswith(":"))
        or not parts
    ):
        raise Rejected(Reason.UNSAFE_NAME, f"the archive has a member named {name[:200]!r}")
    return str(path)
