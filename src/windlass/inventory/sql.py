"""Read-only SQL written by people. The database itself refuses everything else; this module parses nothing.

`run_sql` serves the command line, the API and the console. SQLite: its authorizer allows SELECT on the published views.
PostgreSQL: one statement by the extended protocol, in a read-only transaction that is rolled back, as the reader
(store/reader.py), a role that may read the published views and nothing else.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from windlass.core.errors import UsageError
from windlass.store.engine import Store
from windlass.store.reader import connect_reader

__all__ = ["PUBLISHED", "Table", "run_sql"]

STATEMENT_LIMIT_S = 30.0
_LONGEST_VALUE_BYTES = 64 * 1024 * 1024  # SQLite runs in this process: a query must not fill its memory
PUBLISHED: Mapping[str, frozenset[str]] = {
    "resources": frozenset({"resource"}),
    "revisions": frozenset({"revision", "resource"}),
    "relations": frozenset({"relation", "resource"}),
    "scopes": frozenset({"scope"}),
    "runs": frozenset({"run"}),
}
"""The published views, and the tables that each of them reads."""
_READABLE = frozenset({*PUBLISHED, "json_each", "json_tree"})
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_ONLY_SELECT = f"Write one SELECT over {', '.join(PUBLISHED)}."


@dataclass(frozen=True, slots=True)
class Table:
    """A query's columns and rows; `truncated` when there were more than the limit."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False


def run_sql(store: Store, query: str, *, limit: int, limit_s: float = STATEMENT_LIMIT_S) -> Table:
    """Run one SELECT and return at most `limit` rows. UsageError with the database's message: a syntax error, a write, a timeout.

    On PostgreSQL without a reader role: UsageError with the command that creates it.
    """
    if "\0" in query:
        raise UsageError("SQL: the query contains a NUL character", hint="Remove it.")
    return (_sqlite if store.dialect == "sqlite" else _postgresql)(store, query, limit, limit_s)


def _sqlite(store: Store, query: str, limit: int, limit_s: float) -> Table:
    with store.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        deadline = time.monotonic() + limit_s
        cursor = raw.cursor()
        cursor.execute(
            "SELECT 1 FROM json_each('[]'), json_tree('[]')"
        ).fetchall()  # declared now: the authorizer refuses it later
        raw.set_authorizer(_authorizer(cursor.execute("SELECT name FROM sqlite_master").fetchall()))
        raw.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
        longest = raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
        try:
            cursor.execute(query)
            if cursor.description is None:
                raise UsageError("the statement returns no rows", hint=_ONLY_SELECT)
            rows = cursor.fetchmany(limit + 1)
            columns = tuple(column[0] for column in cursor.description)
        except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
            raise _refusal(str(error), limit_s) from None
        finally:
            cursor.close()
            raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
            raw.set_progress_handler(None, 0)
            raw.set_authorizer(None)
    return Table(columns, tuple(tuple(row) for row in rows[:limit]), len(rows) > limit)


def _authorizer(tables: Iterable[tuple[str]]) -> Callable[..., int]:
    """Return the authorizer that allows SELECT on the views, and the views to read their tables. `tables`: all names."""
    private = {name for (name,) in tables} - _READABLE - frozenset().union(*PUBLISHED.values())
    private |= {"sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"}

    def authorize(action: int, table: str | None, column: str | None, _: str | None, view: str | None) -> int:
        if action in _ALLOWED:
            return sqlite3.SQLITE_OK
        if action != sqlite3.SQLITE_READ:
            return sqlite3.SQLITE_DENY
        # Without a column the name is a table that is only counted, or one of the query's own WITH.
        readable = table in _READABLE or table in PUBLISHED.get(view or "", ()) if column else table not in private
        return sqlite3.SQLITE_OK if readable else sqlite3.SQLITE_DENY

    return authorize


def _postgresql(store: Store, query: str, limit: int, limit_s: float) -> Table:
    import psycopg

    connection = connect_reader(store, tuple(PUBLISHED), limit_s=limit_s)
    try:
        columns = _describe(connection.pgconn, query.encode())
        if not columns:
            raise UsageError("the statement returns no rows", hint=_ONLY_SELECT)
        # stream() uses the extended protocol, as the description did: the server takes one statement, never two. Rows
        # arrive one by one, so that a long result is not held in memory; closing the cursor cancels the rest.
        response = cast("Generator[tuple[Any, ...], None, None]", connection.cursor().stream(query.encode()))
        with contextlib.closing(response):
            rows = list(itertools.islice(response, limit + 1))
    except (psycopg.Error, UnicodeError) as error:
        raise _refusal(str(error), limit_s) from None
    finally:
        connection.close()  # without a commit: the transaction is rolled back, session locks and settings end
    return Table(columns, tuple(tuple(row) for row in rows[:limit]), len(rows) > limit)


def _describe(server: Any, query: bytes) -> tuple[str, ...]:
    """Return the column names of the statement, without running it; empty when it returns no rows."""
    import psycopg

    for response in (server.prepare(b"", query), server.describe_prepared(b"")):
        if response.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.DatabaseError(response.get_error_message())
    return tuple((response.fname(number) or b"").decode() for number in range(response.nfields))


def _refusal(message: str, limit_s: float) -> UsageError:
    lines = message.strip().splitlines() or ["the database reported no reason"]
    lowered = lines[0].lower()
    hint = f"{_ONLY_SELECT} All columns with `--limit 1` show their names."
    refused = (
        "authoriz",
        "prohibited",
        "read-only",
        "permission denied",
        "multiple commands",
        "one statement",
        "result",
    )
    if any(word in lowered for word in refused):
        hint = _ONLY_SELECT
    if "interrupted" in lowered or "timeout" in lowered:
        hint = f"The query took longer than {limit_s:g} s. Narrow the query, or use `windlass inventory export`."
    return UsageError(f"SQL: {lines[0]}", hint=hint)
