"""Read-only SQL for people: the database refuses writes itself, nothing is parsed here."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ResourceClosedError

from windlass.core.errors import UsageError
from windlass.store.engine import Store

__all__ = ["Table", "run_sql"]

_LIMIT_S = 30.0
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
# Token digests and the salt are nobody's to read; neither are SQLite's own tables needed.
_PRIVATE = {"api_token", "meta", "lease"}


@dataclass(frozen=True, slots=True)
class Table:
    """A query's columns and rows; `truncated` when there were more than the limit."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False


def run_sql(store: Store, query: str, *, limit: int) -> Table:
    """The answer of one SELECT. UsageError is the database's own complaint: a syntax error, a write, too slow."""
    try:
        return _sqlite(store, query, limit) if store.dialect == "sqlite" else _postgresql(store, query, limit)
    except ResourceClosedError:
        raise UsageError("that statement returns no rows", hint="Only SELECT is possible here.") from None


def _hint(said: str) -> str:
    if "authoriz" in said or "prohibited" in said or "read-only" in said:
        return "Only SELECT is possible here, on resources, revisions, relations, scopes and runs."
    if "interrupted" in said or "timeout" in said:
        return f"It took longer than {_LIMIT_S:g} s: narrow it, or use an export."
    return "Tables: resources, revisions, relations, scopes, runs; `select * from resources limit 1` shows the columns."


def _sqlite(store: Store, query: str, limit: int) -> Table:
    with store.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        deadline = time.monotonic() + _LIMIT_S
        raw.set_authorizer(_authorize)
        raw.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
        cursor = raw.cursor()
        try:
            cursor.execute(query)
            if cursor.description is None:
                raise UsageError("that statement returns no rows", hint="Only SELECT is possible here.")
            rows = cursor.fetchmany(limit + 1)
            columns = tuple(column[0] for column in cursor.description)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise UsageError(f"SQL: {error}", hint=_hint(str(error))) from None
        finally:
            cursor.close()
            raw.set_progress_handler(None, 0)
            raw.set_authorizer(None)
    return Table(columns, tuple(tuple(row) for row in rows[:limit]), len(rows) > limit)


def _authorize(action: int, first: str | None, *_: Any) -> int:
    if action not in _ALLOWED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_READ and first in _PRIVATE:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _postgresql(store: Store, query: str, limit: int) -> Table:
    lowered = query.lower()
    if any(name in lowered for name in _PRIVATE):
        raise UsageError("SQL: access to that table is prohibited", hint=_hint("prohibited"))
    with store.engine.connect() as connection:
        try:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text(f"SET LOCAL statement_timeout = {int(_LIMIT_S * 1000)}"))
            # As a prepared statement: the server takes one statement only, and colons are the user's own.
            answer = connection.exec_driver_sql(query.rstrip().rstrip(";").replace("%", "%%"), ())
            rows = answer.fetchmany(limit + 1)
        except DBAPIError as error:
            said = str(error.orig).strip().splitlines()[0]
            raise UsageError(f"SQL: {said}", hint=_hint(said)) from None
        columns = tuple(answer.keys())
        connection.rollback()
    return Table(columns, tuple(tuple(row) for row in rows[:limit]), len(rows) > limit)
