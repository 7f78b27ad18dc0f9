"""The jobs tables and every query on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from windlass.core.canonical import canonical_json, plain
from windlass.core.clock import format_time, parse_time
from windlass.jobs.model import Job, JobStatus, LogEntry
from windlass.store.leases.table import delete_leases
from windlass.store.metadata import Json, Message, Time, metadata

__all__ = [
    "append_log",
    "change_job",
    "delete_ended",
    "get_job",
    "insert_job",
    "lease_name",
    "list_jobs",
    "list_log",
    "list_running",
]

_Serial = BigInteger().with_variant(Integer, "sqlite")

job = Table(
    "job",
    metadata,
    Column("job_id", String(40), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("params", Json, nullable=False),
    Column("checkpoint", Json, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("unit", String(32), nullable=False),
    Column("detail", Message, nullable=False),
    Column("error", Message, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("created_at", Time, nullable=False),
    Column("started_at", Time),
    Column("heartbeat_at", Time),
    Column("finished_at", Time),
)

job_log = Table(
    "job_log",
    metadata,
    Column("entry_id", _Serial, primary_key=True, autoincrement=True),
    Column("job_id", String(40), nullable=False),
    Column("at", Time, nullable=False),
    Column("level", String(8), nullable=False),
    Column("message", Message, nullable=False),
)


def lease_name(job_id: str) -> str:
    """Return the name of the lease that the job's runner holds."""
    return f"job/{job_id}"


def insert_job(
    connection: Connection, job_id: str, *, kind: str, title: str, params: Mapping[str, Any], unit: str, now: datetime
) -> None:
    """Insert a queued job."""
    connection.execute(
        insert(job).values(
            job_id=job_id,
            kind=kind,
            title=title,
            status=JobStatus.QUEUED,
            params=canonical_json(plain(params)),
            checkpoint="{}",
            done=0,
            total=0,
            unit=unit,
            detail="",
            error="",
            cancel_requested=False,
            attempt=0,
            holder="",
            created_at=format_time(now),
        )
    )


def change_job(connection: Connection, job_id: str, *, was: Sequence[JobStatus], **values: Any) -> bool:
    """Set columns when the job's status is one of `was`; return False when it is not."""
    stored = {name: format_time(value) if isinstance(value, datetime) else value for name, value in values.items()}
    statement = update(job).where(job.c.job_id == job_id, job.c.status.in_([str(status) for status in was]))
    return connection.execute(statement.values(**stored)).rowcount == 1


def get_job(connection: Connection, job_id: str) -> Job | None:
    """Return the job, or None."""
    row = connection.execute(select(job).where(job.c.job_id == job_id)).first()
    return _job(row) if row else None


def list_jobs(
    connection: Connection, *, status: JobStatus | None = None, kind: str = "", limit: int = 100
) -> tuple[Job, ...]:
    """Return jobs, newest first."""
    statement = select(job).order_by(job.c.created_at.desc(), job.c.job_id.desc()).limit(limit)
    if status:
        statement = statement.where(job.c.status == str(status))
    if kind:
        statement = statement.where(job.c.kind == kind)
    return tuple(_job(row) for row in connection.execute(statement))


def list_running(connection: Connection) -> tuple[str, ...]:
    """Return the ids of jobs whose status is running, whether or not their process still exists."""
    return tuple(connection.execute(select(job.c.job_id).where(job.c.status == str(JobStatus.RUNNING))).scalars())


def delete_ended(connection: Connection, kind: str, *, keep: int) -> int:
    """Delete the done jobs of a kind except the newest `keep`, with their logs."""
    done = select(job.c.job_id).where(job.c.kind == kind, job.c.status == str(JobStatus.DONE))
    old = [row.job_id for row in connection.execute(done.order_by(job.c.created_at.desc()).offset(keep))]
    for job_id in old:
        connection.execute(delete(job_log).where(job_log.c.job_id == job_id))
        connection.execute(delete(job).where(job.c.job_id == job_id))
    delete_leases(connection, [lease_name(job_id) for job_id in old])
    return len(old)


def append_log(connection: Connection, job_id: str, *, at: datetime, level: str, message: str) -> None:
    """Append one line to the job's log, secrets in it masked."""
    values = {"job_id": job_id, "at": format_time(at), "level": level, "message": message}
    connection.execute(insert(job_log).values(**values))


def list_log(connection: Connection, job_id: str, *, after: int = 0, limit: int = 500) -> tuple[LogEntry, ...]:
    """Return the lines after entry `after`, oldest first."""
    statement = (
        select(job_log)
        .where(job_log.c.job_id == job_id, job_log.c.entry_id > after)
        .order_by(job_log.c.entry_id)
        .limit(limit)
    )
    return tuple(
        LogEntry(row.entry_id, parse_time(row.at), row.level, row.message) for row in connection.execute(statement)
    )


def _job(row: Row[Any]) -> Job:
    def moment(text: str | None) -> datetime | None:
        return parse_time(text) if text else None

    return Job(
        job_id=row.job_id,
        kind=row.kind,
        title=row.title,
        status=JobStatus(row.status),
        params=json.loads(row.params),
        checkpoint=json.loads(row.checkpoint),
        done=row.done,
        total=row.total,
        unit=row.unit,
        detail=row.detail,
        error=row.error,
        cancel_requested=row.cancel_requested,
        attempt=row.attempt,
        holder=row.holder,
        created_at=parse_time(row.created_at),
        started_at=moment(row.started_at),
        heartbeat_at=moment(row.heartbeat_at),
        finished_at=moment(row.finished_at),
    )
