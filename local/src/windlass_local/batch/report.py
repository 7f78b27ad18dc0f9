"""Completion reports, as AWS writes them. Pure.

Source: S3 user guide, "Examples: S3 Batch Operations completion reports". The schema names ErrorCode before HTTPStatusCode,
but the rows that S3 writes have the HTTP status first (`succeeded,200,,…`, `failed,200,PermanentFailure,…`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from windlass_local.batch.manifest import Row

__all__ = ["FORMAT", "Report", "TaskResult"]

FORMAT = "Report_CSV_20180820"
_SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
_FILE_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended: HTTP status, the error's code ("" for a success), the message."""

    ok: bool
    http: int
    code: str
    message: str


@dataclass(slots=True)
class Report:
    """The rows of the tasks that a scope (`AllTasks`, `FailedTasksOnly`, or "" for no report) asks for."""

    scope: str
    succeeded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def take(self, row: Row, outcome: TaskResult) -> None:
        """Write a task down."""
        if not self.scope or (outcome.ok and self.scope == "FailedTasksOnly"):
            return
        bucket, key, version = row
        status = "succeeded" if outcome.ok else "failed"
        code = "" if outcome.ok else outcome.code
        line = f"{bucket},{_quoted(key)},{version},{status},{outcome.http or ''},{code},{_quoted(outcome.message)}\n"
        (self.succeeded if outcome.ok else self.failed).append(line)

    def files(self, bucket: str, prefix: str, job_id: str, at: datetime) -> Iterator[tuple[str, bytes, str]]:
        """Yield (key, body, content type) of the report's files; the manifest with their MD5 comes last."""
        lead = f"{prefix}/job-{job_id}" if prefix else f"job-{job_id}"
        results: list[dict[str, str]] = []
        for status, rows in (("succeeded", self.succeeded), ("failed", self.failed)):
            for first in range(0, len(rows), _FILE_ROWS):
                body = "".join(rows[first : first + _FILE_ROWS]).encode()
                name = hashlib.sha1(f"{job_id}/{status}/{first}".encode(), usedforsecurity=False).hexdigest()
                key = f"{lead}/results/{name}.csv"
                results.append({"TaskExecutionStatus": status, "Bucket": bucket, "MD5Checksum": _md5(body), "Key": key})
                yield key, body, "text/csv"
        created = f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
        index = json.dumps(
            {"Format": FORMAT, "ReportCreationDate": created, "Results": results, "ReportSchema": _SCHEMA}
        ).encode()
        yield f"{lead}/manifest.json", index, "application/json"
        yield f"{lead}/manifest.json.md5", _md5(index).encode(), "text/plain"


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    """Quote one CSV cell."""
    if not any(sign in text for sign in ',"\r\n'):
        return text
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([text])
    return out.getvalue()
