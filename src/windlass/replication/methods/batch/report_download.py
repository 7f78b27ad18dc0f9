"""Downloads of completion reports: the tally of a job's report, and the manifest rows of its failed tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from windlass.core.errors import NotFound
from windlass.estate.service import Estate
from windlass.replication.methods.batch import report
from windlass.replication.model import BatchJob, BucketRef

__all__ = ["failed_rows", "fetch_tally"]

_CHUNK_BYTES = 1 << 20


def fetch_tally(
    estate: Estate, job: BatchJob, place: BucketRef, retry: Callable[[bytes], object] | None = None
) -> report.TaskCounts | None:
    """Return the counts of a job's completion report; None when there is no report. `retry` receives the failed tasks
    as manifest rows.
    """
    if not job.report_bucket:
        return None

    tally = report.TaskCounts()
    try:
        for file in _files(estate, job, place):
            report.tally(_get(estate, job, place, file.key).iter_chunks(_CHUNK_BYTES), retry, into=tally)
    except NotFound:  # no task ran, so the report has none
        return None
    return tally


def failed_rows(estate: Estate, job: BatchJob, place: BucketRef) -> Iterator[bytes]:
    """Yield the manifest rows of a job's failed tasks, in blocks, for a retry."""
    kept: list[bytes] = []
    for file in _files(estate, job, place):
        if file.status == "succeeded":
            continue
        for chunk in _get(estate, job, place, file.key).iter_chunks(8 * _CHUNK_BYTES):
            kept.append(chunk)
            complete, rest = _split_records(b"".join(kept))
            if complete:
                yield from _retry(complete)
            kept = [rest] if rest else []
        if kept:
            yield from _retry(b"".join(kept))
            kept = []


def _files(estate: Estate, job: BatchJob, place: BucketRef) -> tuple[report.ReportFile, ...]:
    prefix = f"{job.report_prefix}/" if job.report_prefix else ""
    return report.read_index(_get(estate, job, place, f"{prefix}job-{job.job_id}/manifest.json").read())


def _get(estate: Estate, job: BatchJob, place: BucketRef, key: str) -> Any:
    return estate.call(place.account_id, place.region, "s3", "GetObject", Bucket=job.report_bucket, Key=key)["Body"]


def _split_records(data: bytes) -> tuple[bytes, bytes]:
    """Split after the last line break outside quotes."""
    cut = data.rfind(b"\n") + 1
    while cut and data.count(b'"', 0, cut) % 2:
        cut = data.rfind(b"\n", 0, cut - 1) + 1
    return data[:cut], data[cut:]


def _retry(data: bytes) -> list[bytes]:
    rows: list[bytes] = []
    report.tally([data], rows.append)
    return rows
