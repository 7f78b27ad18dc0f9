"""One worker's part: a file's bytes in, its counts and uses out. Runs in a process of its own; imports little."""

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

__all__ = ["CLOUDTRAIL_NAME", "LogFile", "Read", "ScanRules", "Worker", "start", "work"]

CLOUDTRAIL_NAME = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{4})(\d{2})(\d{2})T\d{4}Z_[A-Za-z0-9]{16}\.json(\.gz)?")
"""https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html"""

_WHOLE_BYTES = 48 << 20
"""Inflated files up to this size are read at once, larger ones record by record; it bounds a worker's memory."""
_RECORD_BYTES = 16 << 20
_SECTION_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to read: its name, what tells it from a later one of the same name, its size, and its path when local.

    `day` is the day in its name (2026-11-20). `left_out` says why a file is not to be read at all.
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
        """CloudTrail's own name of the log, which is unique, so that a copy elsewhere is the same log; else the source."""
        base = self.source.rpartition("/")[2]
        return base if CLOUDTRAIL_NAME.fullmatch(base) else self.source


@dataclass(frozen=True, slots=True)
class ScanRules:
    """What is asked of every file."""

    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a file."""

    file: FileRead
    totals: FileTotals


class Worker:
    """Reads files one after the other, remembering verdicts from one to the next."""

    def __init__(self, plan: ScanRules) -> None:
        self._folder = RecordAggregator(plan.rules)
        self._judged = " ".join(sorted(judgement(named(plan.rules))))

    def read(self, file: LogFile, data: bytes | None = None) -> Read:
        """The file's counts and uses. What is wrong with it is said in the answer, never raised."""
        try:
            raw_bytes, totals, problem = self._fold(file, data)
            outcome = FileOutcome.UNREADABLE if problem else FileOutcome.LOG
        except OtherKind as error:
            # A file with CloudTrail's own name must hold CloudTrail's records: anything else is a damaged log.
            raw_bytes, totals, problem = 0, FileTotals(), str(error)
            outcome = FileOutcome.UNREADABLE if file.name != file.source else FileOutcome.OTHER_KIND
        except Unreadable as error:
            raw_bytes, totals, problem, outcome = 0, FileTotals(), str(error), FileOutcome.UNREADABLE
        except OSError as error:
            raw_bytes, totals, outcome = 0, FileTotals(), FileOutcome.UNREADABLE
            problem = f"can't be read: {error.strerror or error}"
        days = [file.day] if file.day else sorted({day for *_, day, _ in totals.counts if day})
        return Read(
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

    def _fold(self, file: LogFile, data: bytes | None) -> tuple[int, FileTotals, str]:
        """(inflated bytes, what the file comes to, what is missing in it; empty when nothing is)."""
        if data is None and file.size_bytes <= _WHOLE_BYTES:
            data = Path(file.path).read_bytes()
        raw = inflate(data, limit_bytes=_WHOLE_BYTES) if data is not None else None
        if raw is not None:
            return len(raw), self._folder.fold(read_records(raw)), ""
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
        """Fold a large file as CloudTrail writes it, section by section; UnusualLayout for any other layout."""
        sections = Sections(section_bytes=_SECTION_BYTES, limit_bytes=_WHOLE_BYTES)
        size = 0
        for part in inflated_parts(chunks):
            size += len(part)
            for section in sections.feed(part):
                self._folder.fold(self._section_records(section), totals)
        self._folder.fold(self._section_records(sections.finish()), totals)
        return size

    @staticmethod
    def _section_records(section: bytes) -> Sequence[Record]:
        try:
            return read_records(section)
        except Unreadable:
            raise UnusualLayout from None

    def _read_large(self, chunks: Iterator[bytes], totals: FileTotals) -> tuple[int, int]:
        """Fold a large file of any layout, record by record, at a tenth of the speed."""
        splitter = Splitter(limit_bytes=_RECORD_BYTES)
        size = 0
        for part in inflated_parts(chunks):
            size += len(part)
            self._folder.fold((read_record(record) for record in splitter.feed(part)), totals)
        splitter.finish()
        return size, splitter.oversized


def _chunks(file: LogFile, data: bytes | None) -> Iterator[bytes]:
    if data is not None:
        yield data
        return
    with Path(file.path).open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


_WORKERS: dict[ScanRules, Worker] = {}


def start(plan: ScanRules) -> None:
    """Make this process's worker, so that its first file does not pay for it."""
    _WORKERS[plan] = Worker(plan)


def work(plan: ScanRules, file: LogFile, data: bytes | None = None) -> Read:
    """`Worker.read` in a worker process."""
    if plan not in _WORKERS:
        start(plan)
    return _WORKERS[plan].read(file, data)
