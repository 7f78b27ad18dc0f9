"""The log of a run in CloudWatch Logs, and the tail of it that its caller may have."""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

from windlass_local.lambda_.deployment import Deployment
from windlass_local.lambda_.outcome import LogLine, RunOutcome

__all__ = ["LogWriter", "full_log", "tail"]

_TAIL_BYTES = 4096
_KEPT_EVENTS = 20_000
"""Per stream: CloudWatch keeps them for ever, this process's memory does not."""
_KEPT_STREAMS = 200


def full_log(deployment: Deployment, request_id: str, outcome: RunOutcome) -> tuple[LogLine, ...]:
    """Return the run's lines between Lambda's own: START, END, REPORT."""
    now_ms = int(time.time() * 1000)
    first_ms = outcome.lines[0][0] if outcome.lines else now_ms
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {outcome.duration_ms:.2f} ms\t"
        f"Billed Duration: {math.ceil(outcome.duration_ms + (outcome.init_ms or 0.0))} ms\t"
        f"Memory Size: {deployment.memory_mb} MB\tMax Memory Used: {outcome.peak_mb} MB\t"
    )
    if outcome.init_ms is not None:
        report += f"Init Duration: {outcome.init_ms:.2f} ms\t"
    if outcome.ended:
        report += f"Status: {outcome.ended}\t"
    started = f"START RequestId: {request_id} Version: {deployment.version}"
    return ((first_ms, started), *outcome.lines, (now_ms, f"END RequestId: {request_id}"), (now_ms, report))


def tail(lines: Sequence[LogLine]) -> str:
    """Return the log's last 4 KB as X-Amz-Log-Result carries them."""
    stored: list[bytes] = []
    size = 0
    for _, line in reversed(lines):
        stored.append(line.encode() + b"\n")
        size += len(stored[-1])
        if size >= _TAIL_BYTES:
            break
    return base64.b64encode(b"".join(reversed(stored))[-_TAIL_BYTES:]).decode()


class LogWriter:
    """The writer of moto's log streams; one at a time, because they are plain lists."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, logs: Any, deployment: Deployment, stream: str, lines: Sequence[LogLine]) -> None:
        """Add the lines to the stream of moto's `logs` backend; group and stream are made where they are missing."""
        events = [{"timestamp": at_ms, "message": f"{line}\n"} for at_ms, line in lines]
        with self._lock:
            logs.ensure_log_group(deployment.log_group)
            group = logs.groups[deployment.log_group]
            if stream not in group.streams:
                while len(group.streams) >= _KEPT_STREAMS:
                    del group.streams[next(iter(group.streams))]
                group.create_log_stream(stream)
            group.put_log_events(stream, events)
            stored = group.streams[stream].events
            if len(stored) > _KEPT_EVENTS:
                del stored[: _KEPT_EVENTS // 2]
