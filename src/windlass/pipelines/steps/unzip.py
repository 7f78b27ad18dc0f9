"""unzip: each file of a ZIP archive becomes an object."""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

from windlass.pipelines.expansion import LIMITS, ExpansionMeter, safe_member
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.stream import CHUNK_BYTES, spooled

__all__ = ["MAX_MEMBERS", "STEP"]

MAX_MEMBERS = StepOption(
    name="max_members", help="Refuse archives with more files.", kind="count", default=10_000, minimum=1
)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_MAX_INDEX_BYTES = 64 << 20  # zipfile holds the complete index in memory
_END, _END64_AT, _END64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    with spooled(source.chunks, options["max_archive_bytes"]) as file:
        _check_index(file)
        try:
            with zipfile.ZipFile(file) as archive:
                yield from _members(archive, options)
        except _DAMAGE as problem:
            raise Rejected(Reason.MALFORMED, f"not a valid ZIP archive: {problem}") from problem
        except OSError as problem:
            if not _is_bad_data(problem):
                raise
            raise Rejected(Reason.MALFORMED, f"not a valid ZIP archive: {problem}") from problem


def _members(archive: zipfile.ZipFile, options: Mapping[str, Any]) -> Iterator[Output]:
    files = [info for info in archive.infolist() if not info.is_dir()]
    if len(files) > options["max_members"]:
        raise Rejected(Reason.BOMB, f"the archive has {len(files):,} files, more than max_members")
    names = [safe_member(info.filename) for info in files]
    if len(set(names)) != len(names):
        raise Rejected(Reason.MALFORMED, "the archive has two files of one name")
    meter = ExpansionMeter(options["max_bytes"], options["max_ratio"])
    for info, name in zip(files, names, strict=True):
        if info.flag_bits & 1:
            raise Rejected(Reason.UNSUPPORTED, f"{name} is encrypted")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Rejected(Reason.UNSAFE_NAME, f"{name} is a symbolic link")
        meter.input_bytes += info.compress_size
        yield Output(chunks=_content(archive, info, meter), name=name, member=name)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, meter: ExpansionMeter) -> Iterator[bytes]:
    try:
        with archive.open(info) as file:
            while piece := file.read(CHUNK_BYTES):
                yield meter.give(piece)
    except _DAMAGE as problem:
        raise _damaged(info, problem) from problem
    except OSError as problem:
        if not _is_bad_data(problem):
            raise
        raise _damaged(info, problem) from problem


def _is_bad_data(problem: OSError) -> bool:
    """Return whether an OSError comes from bad data: bz2 raises one without errno, and a bad index seeks before the start."""
    return problem.errno in (None, errno.EINVAL)


def _damaged(info: zipfile.ZipInfo, problem: Exception) -> Rejected:
    return Rejected(Reason.MALFORMED, f"{info.filename[:200]} is damaged: {problem}")


def _check_index(file: IO[bytes]) -> None:
    """Refuse a huge index before zipfile reads it. APPNOTE.TXT 4.3.14 to 4.3.16."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise Rejected(Reason.MALFORMED, "not a ZIP archive, or truncated: its index is missing")
    (index_bytes,) = struct.unpack_from("<L", tail, at + 12)
    locator = at - 20
    if locator >= 0 and tail[locator : locator + 4] == _END64_AT:
        (end64,) = struct.unpack_from("<Q", tail, locator + 8)
        if end64 + 56 <= size:
            file.seek(end64)
            record = file.read(56)
            if record[:4] == _END64:
                (index_bytes,) = struct.unpack_from("<Q", record, 40)
    if index_bytes > _MAX_INDEX_BYTES:
        raise Rejected(Reason.BOMB, f"the archive's index has {index_bytes:,} bytes")
    file.seek(0)


STEP = Step(
    name="unzip",
    summary="Each file of a ZIP archive becomes an object; unsafe names, links and bombs are refused.",
    run=_run,
    many=True,
    options=(
        *LIMITS,
        MAX_MEMBERS,
        StepOption(
            name="max_archive_bytes",
            help="Refuse larger archives. The archive is stored on local disk while it is read.",
            kind="size",
            default=10 << 30,
            minimum=22,
        ),
    ),
)
