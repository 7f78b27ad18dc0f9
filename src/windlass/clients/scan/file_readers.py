"""Parallel reading of many files: threads fetch, processes decompress and parse. Results come in order of completion."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from windlass.clients.model import FileOutcome, FileRead
from windlass.clients.scan.aggregator import FileTotals
from windlass.clients.scan.worker import LogFile, ReadResult, ScanRules, ScanWorker, start, work
from windlass.core.errors import WindlassError
from windlass.core.pool import map_bounded

__all__ = ["default_workers", "read_files"]

_ONE_PROCESS_BYTES = 24 << 20  # compressed size that this process reads before a pool of processes has started

Fetch = Callable[[LogFile], bytes]


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_files(
    files: Iterable[LogFile],
    plan: ScanRules,
    *,
    fetch: Fetch | None = None,
    workers: int = 0,
    total_bytes: int = _ONE_PROCESS_BYTES,
    stop: threading.Event | None = None,
) -> Iterator[ReadResult]:
    """Read every file. `fetch` returns the bytes of files without a path; a WindlassError becomes the file's problem.

    One worker, or little to read, stays in this process. After `stop` is set no further file is read.
    """
    count = workers or (default_workers() if total_bytes >= _ONE_PROCESS_BYTES else 1)
    if count == 1 and fetch is None:
        worker = ScanWorker(plan)
        for file in files:
            if stop is not None and stop.is_set():
                return
            yield worker.read(file)
        return
    if count == 1:
        assert fetch is not None
        worker, lock = ScanWorker(plan), threading.Lock()
        fetcher = fetch

        def read_here(file: LogFile) -> ReadResult:
            data = fetcher(file)
            with lock:
                return worker.read(file, data)

        yield from _outcomes(read_here, files, 8, stop)
        return
    # Spawned, not forked: a fork would copy the held locks of this process's threads (console, collector).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=start, initargs=(plan,)) as processes:

        def read_there(file: LogFile) -> ReadResult:
            return processes.submit(work, plan, file, fetch(file) if fetch else None).result()

        yield from _outcomes(read_there, files, 3 * count if fetch is None else 8 * count, stop)


def _outcomes(
    read: Callable[[LogFile], ReadResult], files: Iterable[LogFile], limit: int, stop: threading.Event | None
) -> Iterator[ReadResult]:
    for outcome in map_bounded(read, files, limit=limit, stop=stop, name="clients"):
        if outcome.result is not None:
            yield outcome.result
        elif isinstance(outcome.error, WindlassError):
            yield _failed(outcome.item, outcome.error.message)
        elif outcome.error is not None:
            raise outcome.error


def _failed(file: LogFile, problem: str) -> ReadResult:
    read = FileRead(
        name=file.name,
        source=file.source,
        identity="",  # so that the next scan reads it again
        size_bytes=file.size_bytes,
        outcome=FileOutcome.UNREADABLE,
        problem=problem,
        first_day=file.day,
        last_day=file.day,
    )
    return ReadResult(read, FileTotals())
