"""A scan as a job: it can be watched and cancelled, and an interrupted one is resumed with the remaining files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from windlass.clients.model import LogScan
from windlass.clients.service import Clients, ScanOptions, ScanProgress
from windlass.core.clock import parse_time
from windlass.core.units import format_bytes
from windlass.jobs.service import Jobs, RunningJob

__all__ = ["KIND", "register", "scan_as_job"]

KIND = "clients.scan"
_REPORT_INTERVAL_S = 0.5

Show = Callable[[int, int, str], None]


def scan_as_job(
    clients: Clients,
    jobs: Jobs,
    options: ScanOptions,
    *,
    show: Show = lambda *_: None,
    stop: threading.Event | None = None,
) -> LogScan:
    """Scan as a new job."""
    scans: list[LogScan] = []
    with jobs.run_new(KIND, f"scan {options.source}", params=_params(options), unit="files") as running:
        scans.append(_scan(clients, running, show=show, stop=stop))
    return scans[0] if scans else clients.scans(1)[0]  # a cancelled job ends the block without a result


def register(clients: Callable[[], Clients], jobs: Jobs) -> None:
    """Register the function with which `jobs.resume` resumes a scan: it skips files that were read."""

    def resume(running: RunningJob) -> None:
        _scan(clients(), running, show=lambda *_: None, stop=None)

    jobs.runners[KIND] = resume


def _scan(clients: Clients, running: RunningJob, *, show: Show, stop: threading.Event | None) -> LogScan:
    reported = 0.0
    started = time.monotonic()

    def progress(now: ScanProgress) -> None:
        nonlocal reported
        rate = now.raw_bytes / max(time.monotonic() - started, 0.001)
        detail = f"{now.requests:,} S3 requests, {format_bytes(rate)}/s" + (
            f", {now.broken:,} broken" if now.broken else ""
        )
        show(now.files, now.total, detail)
        if stop is not None and stop.is_set():
            running.stop.set()
        if time.monotonic() - reported >= _REPORT_INTERVAL_S:
            reported = time.monotonic()
            running.report(done=now.files, total=now.total, detail=detail)

    options = _options(running.params)
    if running.checkpoint.get("begun"):  # a resumed scan must keep its own results
        options = ScanOptions(**{**_fields(options), "fresh": False})
    running.report(checkpoint={"begun": True})
    scan = clients.scan(options, progress=progress, stop=running.stop)
    detail = (
        f"{scan.files:,} files read, {scan.skipped:,} read before, {scan.broken:,} unreadable, {scan.other_kind:,} of another"
        f" kind; {scan.requests:,} S3 requests"
    )
    running.report(done=scan.files, total=scan.files, detail=detail)
    for file in clients.unread_files(scan.scan_id)[:100]:
        running.log(f"{file.source}: {file.problem}", level="warning")
    running.log(f"{scan.scan_id}: {detail}")
    running.check()
    return scan


def _fields(options: ScanOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ScanOptions.__dataclass_fields__}


def _params(options: ScanOptions) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value
        for name, value in _fields(options).items()
    }


def _options(params: Any) -> ScanOptions:
    values = dict(params)
    for name in ("since", "until"):
        values[name] = parse_time(values[name]) if values.get(name) else None
    return ScanOptions(**values | {"rules": tuple(values.get("rules") or ())})
