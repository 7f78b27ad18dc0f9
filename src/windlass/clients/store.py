"""The clients' tables written and read. Files and what they came to go in together: a file counts once, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, func, select, update

from windlass.clients.model import Count, Facts, FileRead, Key, Scan, Trouble, Use
from windlass.clients.tables import DIMENSIONS, client_count, client_file, client_scan, client_use
from windlass.core.clock import format_time, parse_time
from windlass.store.engine import Store

__all__ = [
    "add",
    "begin_scan",
    "counts",
    "finish_scan",
    "forget",
    "known_files",
    "list_scans",
    "signature_totals",
    "tls_totals",
    "troubles",
    "uses",
]

_BATCH = 2000
_TIME_LENGTH = 32


def begin_scan(store: Store, scan_id: str, *, source: str, engine: str, rules: Iterable[str], now: datetime) -> None:
    """A new scan, under way."""
    with store.write() as connection:
        connection.execute(
            client_scan.insert().values(
                scan_id=scan_id, source=source, engine=engine, rules=" ".join(rules), started_at=format_time(now),
                files=0, skipped=0, broken=0, size_bytes=0, raw_bytes=0, records=0, requests=0,
            )
        )  # fmt: skip


def finish_scan(store: Store, scan_id: str, *, now: datetime, numbers: Mapping[str, int]) -> None:
    """The scan's end and its numbers."""
    with store.write() as connection:
        connection.execute(
            update(client_scan)
            .where(client_scan.c.scan_id == scan_id)
            .values(finished_at=format_time(now), **dict(numbers))
        )


def add(store: Store, scan_id: str, *, files: Iterable[FileRead], uses: Iterable[Use], counts: Iterable[Count]) -> None:
    """Files as read, and what they came to added to what is there: one transaction."""
    with store.write() as connection:
        _put_files(store, connection, scan_id, files)
        _put(store, connection, client_use, "use_id", (_use_row(use) for use in uses))
        _put(store, connection, client_count, "count_id", (_count_row(count) for count in counts))


def _put_files(store: Store, connection: Connection, scan_id: str, files: Iterable[FileRead]) -> None:
    rows = [
        {
            "source": _plain(file.source), "identity": file.identity, "scan_id": scan_id, "problem": file.problem,
            "size_bytes": file.size_bytes, "raw_bytes": file.raw_bytes, "records": file.records,
            "requests": file.requests,
        }
        for file in files
    ]  # fmt: skip
    if rows:
        statement = store.upsert(client_file)
        changed = {name: statement.excluded[name] for name in rows[0] if name != "source"}
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=changed), rows)


def _put(store: Store, connection: Connection, table: Any, key: str, rows: Iterable[dict[str, Any]]) -> None:
    statement = store.upsert(table)
    new = statement.excluded
    changed: dict[str, Any] = {"requests": table.c.requests + new.requests}
    if "first_seen" in table.c:
        changed["first_seen"] = case((new.first_seen < table.c.first_seen, new.first_seen), else_=table.c.first_seen)
        changed["last_seen"] = case((new.last_seen > table.c.last_seen, new.last_seen), else_=table.c.last_seen)
    upsert = statement.on_conflict_do_update(index_elements=[key], set_=changed)
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            connection.execute(upsert, batch)
            batch = []
    if batch:
        connection.execute(upsert, batch)


def _use_row(use: Use) -> dict[str, Any]:
    texts = [_plain(text) for text in (*use.key.facts, *use.key[1:])]
    names = dict(zip(DIMENSIONS, texts, strict=True))
    return {
        "use_id": _digest([*texts, use.day, use.holder]),
        **names,
        "day": use.day,
        "holder": use.holder,
        "holder_name": use.holder_name,
        "owner": use.owner,
        "requests": use.requests,
        "first_seen": use.first_seen[:_TIME_LENGTH],
        "last_seen": use.last_seen[:_TIME_LENGTH],
    }


def _count_row(count: Count) -> dict[str, Any]:
    texts = [_plain(text) for text in (count.agent, count.signature, count.tls)]
    return {
        "count_id": _digest([*texts, count.day, count.noise]),
        **dict(zip(("agent", "signature", "tls"), texts, strict=True)),
        "day": count.day,
        "noise": count.noise,
        "requests": count.requests,
    }


def _digest(texts: Iterable[str]) -> str:
    return hashlib.blake2b("\x1f".join(texts).encode(), digest_size=16).hexdigest()


def _plain(text: str) -> str:
    """PostgreSQL takes no NUL in a text."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def known_files(store: Store) -> dict[str, str]:
    """The identity of every file that was read, by its name."""
    with store.read() as connection:
        rows = connection.execute(select(client_file.c.source, client_file.c.identity))
        return {row.source: row.identity for row in rows}


def troubles(store: Store, scan_id: str = "") -> tuple[Trouble, ...]:
    """The files that could not be read, of one scan or of all."""
    statement = select(client_file.c.source, client_file.c.problem).where(client_file.c.problem != "")
    if scan_id:
        statement = statement.where(client_file.c.scan_id == scan_id)
    with store.read() as connection:
        rows = connection.execute(statement.order_by(client_file.c.source))
        return tuple(Trouble(source=row.source, problem=row.problem) for row in rows)


def list_scans(store: Store, limit: int = 20) -> tuple[Scan, ...]:
    """The last scans, newest first."""
    with store.read() as connection:
        rows = connection.execute(select(client_scan).order_by(client_scan.c.started_at.desc()).limit(limit)).all()
    return tuple(
        Scan(
            scan_id=row.scan_id,
            source=row.source,
            engine=row.engine,
            started_at=parse_time(row.started_at),
            finished_at=parse_time(row.finished_at) if row.finished_at else None,
            **{
                name: getattr(row, name)
                for name in ("files", "skipped", "broken", "size_bytes", "raw_bytes", "records", "requests")
            },
        )
        for row in rows
    )


def uses(store: Store, *, since_day: str = "") -> Iterator[Use]:
    """Every use, those of one agent together."""
    statement = select(client_use).order_by(client_use.c.agent, client_use.c.use_id)
    if since_day:
        statement = statement.where(client_use.c.day >= since_day)
    with store.read() as connection:
        for row in connection.execution_options(yield_per=2000).execute(statement):
            values = row._mapping  # noqa: SLF001  SQLAlchemy's name for the row as a mapping
            yield Use(
                key=Key(
                    Facts(*(values[name] for name in Facts._fields)),
                    *(values[name] for name in Key._fields if name != "facts"),
                ),
                day=row.day,
                holder=row.holder,
                holder_name=row.holder_name,
                owner=row.owner,
                requests=row.requests,
                first_seen=row.first_seen,
                last_seen=row.last_seen,
            )


def counts(store: Store, *, since_day: str = "") -> tuple[Count, ...]:
    """Requests by agent, signature, TLS version and noise, over all days."""
    columns = (client_count.c.agent, client_count.c.signature, client_count.c.tls, client_count.c.noise)
    number = func.sum(client_count.c.requests)
    statement = select(*columns, number.label("number")).group_by(*columns).order_by(number.desc(), *columns)
    if since_day:
        statement = statement.where(client_count.c.day >= since_day)
    with store.read() as connection:
        return tuple(
            Count(
                agent=row.agent, signature=row.signature, tls=row.tls, day="", noise=row.noise, requests=int(row.number)
            )
            for row in connection.execute(statement)
        )


def signature_totals(store: Store) -> tuple[tuple[str, str, int], ...]:
    """(day, signature, requests) of what is no noise, for charts."""
    return _totals(store, client_count.c.signature)


def tls_totals(store: Store) -> tuple[tuple[str, str, int], ...]:
    """(day, TLS version, requests) of what is no noise, for charts."""
    return _totals(store, client_count.c.tls)


def _totals(store: Store, column: Any) -> tuple[tuple[str, str, int], ...]:
    statement = (
        select(client_count.c.day, column.label("what"), func.sum(client_count.c.requests).label("number"))
        .where(client_count.c.noise == "")
        .group_by(client_count.c.day, column)
        .order_by(client_count.c.day, column)
    )
    with store.read() as connection:
        return tuple((row.day, row.what, int(row.number)) for row in connection.execute(statement))


def forget(store: Store) -> None:
    """Everything that scans found, and which files they read."""
    with store.write() as connection:
        for table in (client_use, client_count, client_file, client_scan):
            connection.execute(delete(table))
