"""A worker: it reads a file's bytes into counts and uses. It runs in a separate process and imports little."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from windlass.clients.model import FileOutcome, FileRead
from windlass.clients.rules import judgement, named
from windlass.clients.scan.aggregator import FileTotals, RecordAggregator
from windlass.clients.scan.decompression import OtherKind, Unreadable, inflate, inflated_parts
from windlass.clients.scan.record_splitter import Splitter
from windlass.clients.scan.records import Record, read_record, read_records
from windlass.clients.scan.sections import Sections, UnusualLayout

__all__ = ["CLOUDTRAIL_NAME", "LogFile", "ReadResult", "ScanRules", "ScanWorker", "start", "work"]

CLOUDTRAIL_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{4})(\d{2})(\d{2})T\d{4}Z_[A-Za-z0-9]{16}\.json(\.gz)?")
"""https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html"""

_AT_ONCE_BYTES = 48 << 20  # decompressed files up to this size are read at once; it bounds a worker's memory
_RECORD_BYTES = 16 << 20
_SECTION_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to read. `identity` changes when the file is replaced; `path` is set for local files.

    `day` is the day in its name (2026-11-20). `left_out` is the reason not to read the file.
    """

    source: str
    identity: str
    size_bytes: int
    path: str = ""
    bucket: str = ""
    key: str = ""
    day: str = ""
    left_out: str = ""

    @property
    def name(self) -> str:
        """Return CloudTrail's unique name of the log, so that a copy at another place is the same log; else the source."""
        base = self.source.rpartition("/")[2]
        return base if CLOUDTRAIL_NAME.fullmatch(base) else self.source


@dataclass(frozen=True, slots=True)
class ScanRules:
    """The names of the rules that judge every file."""

    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of reading one file."""

    file: FileRead
    totals: FileTotals


class ScanWorker:
    """Reads files one after the other, and caches verdicts between them."""

    def __init__(self, plan: ScanRules) -> None:
        self._aggregator = RecordAggregator(plan.rules)
        self._judged = " ".join(sorted(judgement(named(plan.rules))))

    def read(self, file: LogFile, data: bytes | None = None) -> ReadResult:
        """Read a file. Its problem is returned in the result, never raised."""
        try:
            raw_bytes, totals, problem = self._read(file, data)
            outcome = FileOutcome.UNREADABLE if problem else FileOutcome.LOG
        except OtherKind as error:
            # A file with CloudTrail's own name must have CloudTrail's records: anything else is a damaged log.
            raw_bytes, totals, problem = 0, FileTotals(), str(error)
            outcome = FileOutcome.UNREADABLE if file.name != file.source else FileOutcome.OTHER_KIND
        except Unreadable as error:
            raw_bytes, totals, problem, outcome = 0, FileTotals(), str(error), FileOutcome.UNREADABLE
        except OSError as error:
            raw_bytes, totals, outcome = 0, FileTotals(), FileOutcome.UNREADABLE
            problem = f"cannot be read: {error.strerror or error}"
        days = [file.day] if file.day else sorted({day for *_, day, _ in totals.counts if day})
        return ReadResult(
            FileRead(
                name=file.name,
                source=file.source,
                identity=file.identity,
                size_bytes=file.size_bytes,
                raw_bytes=raw_bytes,
                records=totals.records,
                requests=totals.requests,
                outcome=outcome,
                problem=problem,
                judged=self._judged,
                first_day=days[0] if days else "",
                last_day=days[-1] if days else "",
            ),
            totals,
        )

    def _read(self, file: LogFile, data: bytes | None) -> tuple[int, FileTotals, str]:
        """Return (decompressed bytes, totals, problem); the problem is empty when the file was read completely."""
        if data is None and file.size_bytes <= _AT_ONCE_BYTES:
            data = Path(file.path).read_bytes()
        raw = inflate(data, limit_bytes=_AT_ONCE_BYTES) if data is not None else None
        if raw is not None:
            return len(raw), self._aggregator.add(read_records(raw)), ""
        totals = FileTotals()
        try:
            size = self._read_sections(_chunks(file, data), totals)
        except UnusualLayout:
            totals = FileTotals()
            size, oversized = self._read_large(_chunks(file, data), totals)
            if oversized:
                return size, totals, f"{oversized:,} record{'s' if oversized > 1 else ''} of more than 16 MiB left out"
        return size, totals, ""

    def _read_sections(self, chunks: Iterator[bytes], totals: FileTotals) -> int:
        """Read a large file in CloudTrail's layout, section by section; UnusualLayout for any other layout."""
        sections = Sections(section_bytes=_SECTION_BYTES, limit_bytes=_AT_ONCE_BYTES)
        size = 0
        for part in inflated_parts(chunks):
            size += len(part)
            for section in sections.feed(part):
                self._aggregator.add(self._section_records(section), totals)
        self._aggregator.add(self._section_records(sections.finish()), totals)
        return size

    @staticmethod
    def _section_records(section: bytes) -> Sequence[Record]:
        try:
            return read_records(section)
        except Unreadable:
            raise UnusualLayout from None

    def _read_large(self, chunks: Iterator[bytes], totals: FileTotals) -> tuple[int, int]:
        """Read a large file of any layout, record by record, at a tenth of the speed."""
        splitter = Splitter(limit_bytes=_RECORD_BYTES)
        size = 0
        for part in inflated_parts(chunks):
            size += len(part)
            self._aggregator.add((read_record(record) for record in splitter.feed(part)), totals)
        splitter.finish()
        return size, splitter.oversized


def _chunks(file: LogFile, data: bytes | None) -> Iterator[bytes]:
    if data is not None:
        yield data
        return
    with Path(file.path).open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


_WORKERS: dict[ScanRules, ScanWorker] = {}


def start(plan: ScanRules) -> None:
    """Create this process's worker before its first file."""
    _WORKERS[plan] = ScanWorker(plan)


def work(plan: ScanRules, file: LogFile, data: bytes | None = None) -> ReadResult:
    """Run `Worker.read` in a worker process."""
    if plan not in _WORKERS:
        start(plan)
    return _WORKERS[plan].read(file, data)
