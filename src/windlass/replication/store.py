"""The tables of seeds and all queries on them: the state of each pair, and the reasons of failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, String, Table, Text, delete, func, insert, select

from windlass.core.canonical import canonical_json, plain
from windlass.core.clock import format_time, parse_time
from windlass.replication.model import BucketRef, FailureGroup, Method, Operation, Pair, SeedState
from windlass.replication.seed.checkpoint import checkpoint_from
from windlass.replication.seed.task import SeedTask
from windlass.store.engine import Store
from windlass.store.metadata import Json, Message, Time, metadata

__all__ = [
    "forget_old",
    "get_seed",
    "last_moved",
    "last_started",
    "list_failures",
    "list_seeds",
    "put_failures",
    "put_seed",
]

_PLACE = ("bucket", "account", "region", "service")

seed = Table(
    "replication_seed",
    metadata,
    Column("seed_id", String(40), primary_key=True),
    Column("job_id", String(40), nullable=False, index=True),
    Column("set_name", Text, nullable=False),
    *(Column(f"{side}_{name}", Text, nullable=False) for side in ("source", "destination") for name in _PLACE),
    Column("prefix", Text, nullable=False),
    Column("method", String(16), nullable=False),
    Column("operation", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("jobs", Json, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in ("total", "done", "failed", "size_bytes", "done_bytes")),
    Column("detail", Message, nullable=False),
    Column("error", Message, nullable=False),
    Column("checkpoint", Json, nullable=False),
    Column("verified", Json, nullable=False),
    Column("created_at", Time, nullable=False, index=True),
    Column("started_at", Time),
    Column("updated_at", Time, nullable=False, index=True),
    Column("finished_at", Time),
)
failure = Table(
    "replication_failure",
    metadata,
    Column("seed_id", String(40), primary_key=True),
    Column("code", String(100), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("message", Message, nullable=False),
    Column("keys", Json, nullable=False),
)


def put_seed(connection: Connection, store: Store, task: SeedTask) -> None:
    """Write the state of a seed."""
    values = _values(task)
    statement = store.upsert(seed).values(seed_id=task.seed_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["seed_id"], set_=values))


def get_seed(connection: Connection, seed_id: str) -> SeedTask | None:
    """Return the seed with this id; None when there is none."""
    row = connection.execute(select(seed).where(seed.c.seed_id == seed_id)).first()
    return _seed(row) if row is not None else None


def list_seeds(
    connection: Connection, *, job_id: str = "", set_name: str = "", states: Iterable[SeedState] = (), limit: int = 1000
) -> list[SeedTask]:
    """Return seeds, newest first."""
    statement = select(seed).order_by(seed.c.created_at.desc(), seed.c.seed_id.desc()).limit(limit)
    if job_id:
        statement = statement.where(seed.c.job_id == job_id)
    if set_name:
        statement = statement.where(seed.c.set_name == set_name)
    if state_names := [str(state) for state in states]:
        statement = statement.where(seed.c.state.in_(state_names))
    return [_seed(row) for row in connection.execute(statement)]


def last_started(connection: Connection, set_name: str) -> datetime | None:
    """Return when a set was last started; None when it never was."""
    statement = select(seed.c.created_at).where(seed.c.set_name == set_name).order_by(seed.c.created_at.desc()).limit(1)
    started = connection.execute(statement).scalar()
    return parse_time(started) if started else None


def last_moved(connection: Connection) -> str:
    """Return a text that changes with every change of a seed: the time of the last change, and the number of seeds."""
    row = connection.execute(select(func.max(seed.c.updated_at), func.count())).one()
    return f"{row[0] or ''} {row[1]}"


def put_failures(connection: Connection, seed_id: str, failures: Sequence[FailureGroup]) -> None:
    """Replace the failures of a seed."""
    connection.execute(delete(failure).where(failure.c.seed_id == seed_id))
    if failures:
        connection.execute(
            insert(failure),
            [
                {
                    "seed_id": seed_id,
                    "code": group.code[:100],
                    "count": group.count,
                    "message": _text(group.message),
                    "keys": _text(canonical_json(list(group.keys))),
                }
                for group in failures
            ],
        )


def forget_old(connection: Connection, before: datetime) -> int:
    """Delete seeds that ended before `before`, with their failures, and return their number."""
    old = select(seed.c.seed_id).where(seed.c.finished_at < format_time(before))
    connection.execute(delete(failure).where(failure.c.seed_id.in_(old)))
    return connection.execute(delete(seed).where(seed.c.finished_at < format_time(before))).rowcount


def list_failures(connection: Connection, seed_ids: Sequence[str]) -> dict[str, list[FailureGroup]]:
    """Return the failures by seed, the most frequent first."""
    statement = (
        select(failure).where(failure.c.seed_id.in_(list(seed_ids))).order_by(failure.c.count.desc(), failure.c.code)
    )
    failures: dict[str, list[FailureGroup]] = {}
    for row in connection.execute(statement):
        group = FailureGroup(code=row.code, count=row[2], message=row.message, keys=tuple(json.loads(row[4])))
        failures.setdefault(row.seed_id, []).append(group)
    return failures


def _values(task: SeedTask) -> dict[str, Any]:
    sides = {"source": task.pair.source, "destination": task.pair.destination}
    places = {
        f"{side}_{name}": value
        for side, place in sides.items()
        for name, value in zip(_PLACE, (place.bucket, place.account_id, place.region, place.service), strict=True)
    }
    times = {
        name: format_time(at) if at else None
        for name, at in (
            ("created_at", task.created_at),
            ("started_at", task.started_at),
            ("updated_at", task.updated_at),
            ("finished_at", task.finished_at),
        )
    }
    numbers = {name: getattr(task, name) for name in ("total", "done", "failed", "size_bytes", "done_bytes")}
    return {
        "job_id": task.job_id,
        "set_name": task.set_name,
        **places,
        "prefix": task.pair.prefix,
        "method": str(task.method),
        "operation": str(task.operation),
        "why": task.why,
        "state": str(task.state),
        "jobs": canonical_json([list(job) for job in task.jobs]),
        **numbers,
        "detail": _text(task.detail),
        "error": _text(task.error),
        "checkpoint": canonical_json(task.checkpoint.document()),
        "verified": canonical_json(plain(dict(task.verified))),
        **times,
    }


def _seed(row: Row[Any]) -> SeedTask:
    columns = row._mapping  # noqa: SLF001  SQLAlchemy's public name
    source, target = (
        BucketRef(
            bucket=columns[f"{side}_bucket"],
            account_id=columns[f"{side}_account"],
            region=columns[f"{side}_region"],
            service=columns[f"{side}_service"],
        )
        for side in ("source", "destination")
    )
    return SeedTask(
        seed_id=row.seed_id,
        job_id=row.job_id,
        set_name=row.set_name,
        pair=Pair(source=source, destination=target, prefix=row.prefix),
        method=Method(row.method),
        operation=Operation(row.operation),
        why=row.why,
        state=SeedState(row.state),
        jobs=tuple((load[0], load[1], load[2]) for load in json.loads(row.jobs)),
        total=row.total,
        done=row.done,
        failed=row.failed,
        size_bytes=row.size_bytes,
        done_bytes=row.done_bytes,
        detail=row.detail,
        error=row.error,
        checkpoint=checkpoint_from(Method(row.method), json.loads(row.checkpoint)),
        verified=json.loads(row.verified),
        created_at=parse_time(row.created_at),
        started_at=parse_time(row.started_at) if row.started_at else None,
        updated_at=parse_time(row.updated_at),
        finished_at=parse_time(row.finished_at) if row.finished_at else None,
    )


def _text(value: str) -> str:
    """Return the text without NUL, which PostgreSQL cannot store."""
    return value.replace("\0", "\ufffd")
