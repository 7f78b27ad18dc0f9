"""untar: each file of a tar archive becomes an object, while the archive is still being read."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.expansion import LIMITS, ExpansionMeter, safe_member
from windlass.pipelines.model import Chunks, Output, Reason, Rejected, Source, Step
from windlass.pipelines.options import checked_options
from windlass.pipelines.steps import bzip2_codec, gzip_codec, xz_codec, zstd_codec
from windlass.pipelines.steps.unzip import MAX_MEMBERS
from windlass.pipelines.stream import CHUNK_BYTES, ChunkReader

__all__ = ["STEP"]

_MAX_HEADER_BYTES = 1 << 20
_MAGIC = (
    (b"\x1f\x8b", gzip_codec.DECOMPRESS),
    (b"BZh", bzip2_codec.DECOMPRESS),
    (b"\xfd7zXZ\x00", xz_codec.DECOMPRESS),
    (b"\x28\xb5\x2f\xfd", zstd_codec.DECOMPRESS),
)
_MAGIC_BYTES = 6
_LONG_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Header(tarfile.TarInfo):
    """Refuse a header that announces gigabytes of further header, which tarfile would read into memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _LONG_HEADERS and header.size > _MAX_HEADER_BYTES:
            raise Rejected(Reason.BOMB, f"the archive has a header of {header.size:,} bytes")
        return header


class _Tail:
    """Chunks whose last block is kept: tarfile accepts an archive that is cut between two files."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self.last = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.last = (self.last + chunk[-tarfile.BLOCKSIZE :])[-tarfile.BLOCKSIZE :]
            yield chunk


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    meter = ExpansionMeter(options["max_bytes"], options["max_ratio"])
    tail = _Tail(_expanded(source, options, meter))
    plain = iter(tail)
    try:
        with tarfile.open(fileobj=_reader(plain), mode="r|", tarinfo=_Header) as archive:
            yield from _members(archive, options["max_members"], meter)
        for _ in plain:  # data behind the archive's end must be intact as well: it may hold a checksum
            pass
        if tail.last.strip(b"\0") or len(tail.last) < tarfile.BLOCKSIZE:
            raise Rejected(Reason.TRUNCATED, "the empty blocks at the archive's end are missing: it may be truncated")
    except (tarfile.TarError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError) as problem:
        raise Rejected(Reason.MALFORMED, f"not a valid tar archive: {problem}") from problem


def _members(archive: tarfile.TarFile, max_members: int, meter: ExpansionMeter) -> Iterator[Output]:
    names: set[str] = set()
    for header in archive:
        archive.members = []  # type: ignore[attr-defined]  # documented way to free them
        if header.isdir():
            continue
        name = safe_member(header.name)
        if not header.isreg():
            raise Rejected(Reason.UNSAFE_NAME, f"{name} is a link or a device")
        if name in names:
            raise Rejected(Reason.MALFORMED, f"the archive has two files named {name}")
        names.add(name)
        if len(names) > max_members:
            raise Rejected(Reason.BOMB, "the archive has more files than max_members")
        file = archive.extractfile(header)
        if file is not None:
            yield Output(chunks=_content(file, header.size, meter), name=name, member=name)


def _content(file: Any, size_bytes: int, meter: ExpansionMeter) -> Iterator[bytes]:
    read_bytes = 0
    try:
        while piece := file.read(CHUNK_BYTES):
            read_bytes += len(piece)
            yield meter.give(piece)
    except (tarfile.TarError, EOFError) as problem:
        raise Rejected(Reason.TRUNCATED, f"the archive ends in the middle of a file: {problem}") from problem
    if read_bytes != size_bytes:
        raise Rejected(
            Reason.TRUNCATED, f"the archive ends in the middle of a file: {read_bytes} of {size_bytes} bytes"
        )


def _expanded(source: Source, options: Mapping[str, Any], meter: ExpansionMeter) -> Iterator[bytes]:
    """Yield the plain archive; it is expanded when its first bytes are those of a compressed file."""
    chunks = iter(meter.counted(source.chunks))
    first = b""
    while len(first) < _MAGIC_BYTES and (chunk := next(chunks, None)) is not None:
        first += chunk
    joined = _with_first(first, chunks)
    for magic, step in _MAGIC:
        if first.startswith(magic):
            checked_options(step, {})  # its library may be missing
            inner = Source(chunks=joined, name=source.name)
            for output in step.run(inner, options):
                yield from output.chunks
            return
    yield from joined


def _with_first(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


def _reader(chunks: Chunks) -> Any:
    return io.BufferedReader(ChunkReader(chunks), CHUNK_BYTES)


STEP = Step(
    name="untar",
    summary="Each file of a tar archive (also .gz, .bz2, .xz, .zst) becomes an object; links, devices and bombs are refused.",
    run=_run,
    many=True,
    options=(*LIMITS, MAX_MEMBERS),
)
