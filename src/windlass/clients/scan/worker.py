"""One worker's part: a file's bytes in, its counts and uses out. Runs in a process of its own; imports little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from windlass.clients.model import FileRead
from windlass.clients.scan.fold import Folded, Folder
from windlass.clients.scan.inflate import Unreadable, inflate, inflated_parts
from windlass.clients.scan.records import read_record, read_records
from windlass.clients.scan.split import Splitter

__all__ = ["LogFile", "Plan", "Read", "Worker", "start", "work"]

_WHOLE_BYTES = 48 << 20
"""Inflated files up to this size are read at once, larger ones record by record; it bounds a worker's memory."""
_RECORD_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to read: its name, what tells it from a later one of the same name, its size, and its path when local."""

    source: str
    identity: str
    size_bytes: int
    path: str = ""
    bucket: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of every file. Times are CloudTrail's, `until` is not included; empty for no bound."""

    rules: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a file."""

    file: FileRead
    folded: Folded


class Worker:
    """Reads files one after the other, remembering verdicts from one to the next."""

    def __init__(self, plan: Plan) -> None:
        self._folder = Folder(plan.rules, since=plan.since, until=plan.until)

    def read(self, file: LogFile, data: bytes | None = None) -> Read:
        """The file's counts and uses. What is wrong with it is said in the answer, never raised."""
        raw_bytes = 0
        folded = Folded()
        problem = ""
        try:
            if data is None and file.size_bytes <= _WHOLE_BYTES:
                data = Path(file.path).read_bytes()
            raw = inflate(data, limit_bytes=_WHOLE_BYTES) if data is not None else None
            if raw is not None:
                raw_bytes = len(raw)
                folded = self._folder.fold(read_records(raw))
            else:
                raw_bytes, oversized = self._read_large(_chunks(file, data), folded)
                if oversized:
                    problem = f"{oversized:,} record{'s' if oversized > 1 else ''} of more than 16 MiB left out"
        except Unreadable as error:
            folded, problem = Folded(), str(error)
        except OSError as error:
            folded, problem = Folded(), f"can't be read: {error.strerror or error}"
        return Read(
            FileRead(
                source=file.source,
                identity=file.identity,
                size_bytes=file.size_bytes,
                raw_bytes=raw_bytes,
                records=folded.records,
                requests=folded.requests,
                problem=problem,
            ),
            folded,
        )

    def _read_large(self, chunks: Iterator[bytes], folded: Folded) -> tuple[int, int]:
        splitter = Splitter(limit_bytes=_RECORD_BYTES)
        size = 0
        for part in inflated_parts(chunks):
            size += len(part)
            self._folder.fold((read_record(record) for record in splitter.feed(part)), folded)
        splitter.finish()
        return size, splitter.oversized


def _chunks(file: LogFile, data: bytes | None) -> Iterator[bytes]:
    if data is not None:
        yield data
        return
    with Path(file.path).open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


_WORKERS: dict[Plan, Worker] = {}


def start(plan: Plan) -> None:
    """Make this process's worker, so that its first file does not pay for it."""
    _WORKERS[plan] = Worker(plan)


def work(plan: Plan, file: LogFile, data: bytes | None = None) -> Read:
    """`Worker.read` in a worker process."""
    if plan not in _WORKERS:
        start(plan)
    return _WORKERS[plan].read(file, data)
