"""The clients' tables: records of scans, and the queries of reports. `totals.py` writes the contributions of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from windlass.clients.coverage import FileGroup
from windlass.clients.model import ClientUse, FileOutcome, LogScan, RequestCount, S3RequestFacts, UnreadFile, UseKey
from windlass.clients.tables import client_bucket, client_count, client_file, client_scan, client_use
from windlass.core.clock import format_time, parse_time
from windlass.store.engine import Store

__all__ = [
    "begin_scan",
    "bucket_requests",
    "counts",
    "file_groups",
    "finish_scan",
    "forget",
    "known_files",
    "list_scans",
    "signature_totals",
    "sources",
    "tls_totals",
    "unread_files",
    "uses",
]


def begin_scan(store: Store, scan_id: str, *, source: str, engine: str, rules: Iterable[str], now: datetime) -> None:
    """Record a new scan."""
    with store.write() as connection:
        connection.execute(
            client_scan.insert().values(
                scan_id=scan_id,
                source=source,
                engine=engine,
                rules=" ".join(rules),
                started_at=format_time(now),
                files=0,
                skipped=0,
                broken=0,
                other_kind=0,
                size_bytes=0,
                raw_bytes=0,
                records=0,
                requests=0,
            )
        )


def finish_scan(store: Store, scan_id: str, *, now: datetime, numbers: Mapping[str, int]) -> None:
    """Record the scan's end and its numbers."""
    with store.write() as connection:
        connection.execute(
            update(client_scan)
            .where(client_scan.c.scan_id == scan_id)
            .values(finished_at=format_time(now), **dict(numbers))
        )


def known_files(store: Store) -> dict[str, tuple[str, frozenset[str]]]:
    """Return (identity, rules that judged it) of every file that was read, by name."""
    with store.read() as connection:
        rows = connection.execute(select(client_file.c.name, client_file.c.identity, client_file.c.judged))
        judged: dict[str, frozenset[str]] = {}
        return {row.name: (row.identity, judged.setdefault(row.judged, frozenset(row.judged.split()))) for row in rows}


def unread_files(store: Store, scan_id: str = "") -> tuple[UnreadFile, ...]:
    """Return the files that could not be read or have no CloudTrail records, of one scan or all, unreadable ones first."""
    columns = (client_file.c.source, client_file.c.problem, client_file.c.outcome)
    statement = select(*columns).where(client_file.c.outcome != str(FileOutcome.LOG))
    if scan_id:
        statement = statement.where(client_file.c.scan_id == scan_id)
    with store.read() as connection:
        rows = connection.execute(statement.order_by(client_file.c.outcome.desc(), client_file.c.source))
        return tuple(
            UnreadFile(source=row.source, problem=row.problem, outcome=FileOutcome(row.outcome)) for row in rows
        )


def sources(store: Store) -> dict[str, str]:
    """Return the source of every file that was read, by name."""
    with store.read() as connection:
        return {row.name: row.source for row in connection.execute(select(client_file.c.name, client_file.c.source))}


def file_groups(store: Store) -> tuple[FileGroup, ...]:
    """Return the number of files by outcome, days and rules that judged them."""
    columns = (client_file.c.outcome, client_file.c.first_day, client_file.c.last_day, client_file.c.judged)
    statement = select(*columns, func.count().label("files"), func.sum(client_file.c.records).label("records"))
    with store.read() as connection:
        return tuple(
            FileGroup(
                outcome=FileOutcome(row.outcome),
                first_day=row.first_day,
                last_day=row.last_day,
                judged=frozenset(row.judged.split()),
                files=row.files,
                records=int(row.records or 0),
            )
            for row in connection.execute(statement.group_by(*columns))
        )


def bucket_requests(store: Store) -> dict[str, int]:
    """Return the number of requests of every bucket in the logs."""
    with store.read() as connection:
        return {row.bucket: row.requests for row in connection.execute(select(client_bucket))}


def list_scans(store: Store, limit: int = 20) -> tuple[LogScan, ...]:
    """Return the last scans, newest first."""
    with store.read() as connection:
        rows = connection.execute(select(client_scan).order_by(client_scan.c.started_at.desc()).limit(limit)).all()
    return tuple(
        LogScan(
            scan_id=row.scan_id,
            source=row.source,
            engine=row.engine,
            started_at=parse_time(row.started_at),
            finished_at=parse_time(row.finished_at) if row.finished_at else None,
            **{
                name: getattr(row, name)
                for name in (
                    "files",
                    "skipped",
                    "broken",
                    "other_kind",
                    "size_bytes",
                    "raw_bytes",
                    "records",
                    "requests",
                )
            },
        )
        for row in rows
    )


def uses(store: Store, *, since_day: str = "") -> Iterator[ClientUse]:
    """Yield every use, sorted by agent."""
    statement = select(client_use).order_by(client_use.c.agent, client_use.c.use_id)
    if since_day:
        statement = statement.where(client_use.c.day >= since_day)
    with store.read() as connection:
        for row in connection.execution_options(yield_per=2000).execute(statement):
            values = row._mapping  # noqa: SLF001  SQLAlchemy's name for the row as a mapping
            yield ClientUse(
                key=UseKey(
                    S3RequestFacts(*(values[name] for name in S3RequestFacts._fields)),
                    *(values[name] for name in UseKey._fields if name != "facts"),
                ),
                day=row.day,
                holder=row.holder,
                holder_name=row.holder_name,
                owner=row.owner,
                requests=row.requests,
                first_seen=row.first_seen,
                last_seen=row.last_seen,
            )


def counts(store: Store, *, since_day: str = "") -> tuple[RequestCount, ...]:
    """Return the number of requests by agent, signature, TLS version and exclusion, over all days."""
    columns = (client_count.c.agent, client_count.c.signature, client_count.c.tls, client_count.c.exclusion)
    number = func.sum(client_count.c.requests)
    statement = select(*columns, number.label("number")).group_by(*columns).order_by(number.desc(), *columns)
    if since_day:
        statement = statement.where(client_count.c.day >= since_day)
    with store.read() as connection:
        return tuple(
            RequestCount(
                agent=row.agent,
                signature=row.signature,
                tls=row.tls,
                day="",
                exclusion=row.exclusion,
                requests=int(row.number),
            )
            for row in connection.execute(statement)
        )


def signature_totals(store: Store) -> tuple[tuple[str, str, int], ...]:
    """Return (day, signature, requests) of the requests that are not excluded, for charts."""
    return _totals(store, client_count.c.signature)


def tls_totals(store: Store) -> tuple[tuple[str, str, int], ...]:
    """Return (day, TLS version, requests) of the requests that are not excluded, for charts."""
    return _totals(store, client_count.c.tls)


def _totals(store: Store, column: Any) -> tuple[tuple[str, str, int], ...]:
    statement = (
        select(client_count.c.day, column.label("value"), func.sum(client_count.c.requests).label("number"))
        .where(client_count.c.exclusion == "")
        .group_by(client_count.c.day, column)
        .order_by(client_count.c.day, column)
    )
    with store.read() as connection:
        return tuple((row.day, row.value, int(row.number)) for row in connection.execute(statement))


def forget(store: Store) -> None:
    """Delete the results of all scans and the records of the files that they read."""
    with store.write() as connection:
        for table in (client_use, client_count, client_bucket, client_file, client_scan):
            connection.execute(delete(table))
