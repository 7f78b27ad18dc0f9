"""The open store: one SQLAlchemy engine, its transactions, and retries while a database restarts.

`read()` gives a connection on a consistent snapshot, `write()` one transaction that is all or nothing; `fetch` and
`transact` run a function in one, again when the connection is lost or a lock is held too long. All raise
StoreError with what happened and what to do.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from windlass.core.errors import StoreError
from windlass.observe.log import logger
from windlass.store.failures import CONNECTION_LOST, LOCKED, is_connection_lost, store_error

__all__ = ["BEGIN_OPTION", "Store"]

BEGIN_OPTION = "windlass_begin"
"""The execution option that holds how a transaction begins: `BEGIN IMMEDIATE` for a write in SQLite."""
_FIRST_PAUSE_S = 0.1
_MAX_PAUSE_S = 2.0

Result = TypeVar("Result")
Guard = Callable[[Connection], None]


class Store:
    """A database with its connections; close it, or use it with `with`."""

    def __init__(self, engine: Engine, where: str, *, reader_url: str = "", reconnect_s: float = 0.0) -> None:
        self.engine = engine
        self.where = where
        self.reader_url = reader_url
        self._reconnect_s = reconnect_s
        self._patience_s = 0.0
        self._guard: Guard | None = None
        self._writer = threading.RLock()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    def patient(self) -> Store:
        """Return the same database for long work: it waits up to `store.reconnect_s` for a server that cannot be
        reached.
        """
        return self._view(patience_s=self._reconnect_s, guard=self._guard)

    def guarded(self, guard: Guard) -> Store:
        """Return the same database with `guard` called first in each write transaction; its error rolls the transaction
        back.
        """
        return self._view(patience_s=self._patience_s, guard=guard)

    def _view(self, *, patience_s: float, guard: Guard | None) -> Store:
        view = Store(self.engine, self.where, reader_url=self.reader_url, reconnect_s=self._reconnect_s)
        view._writer, view._patience_s, view._guard = self._writer, patience_s, guard
        return view

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection in a read transaction: one snapshot per transaction (SQLite) or per statement
        (PostgreSQL).
        """
        try:
            with self._connected() as connection:
                yield connection
        except DBAPIError as error:
            raise store_error(self.where, error) from error

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that commits at the end of the block; an error rolls it back."""
        alone = self._writer if self.dialect == "sqlite" else contextlib.nullcontext()
        try:
            with alone, self._connected() as plain:
                connection = plain.execution_options(**{BEGIN_OPTION: "BEGIN IMMEDIATE"})
                with connection.begin():
                    if self._guard is not None:
                        self._guard(connection)
                    yield connection
        except DBAPIError as error:
            raise store_error(self.where, error) from error

    def fetch(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` reads in a read transaction; retried when the connection is lost (`patient`)."""
        return self._persist(self.read, work)

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returns in one write transaction.

        Retried when the connection is lost or a lock is held too long (`patient`): `work` may run twice, even when the
        server had committed.
        """
        return self._persist(self.write, work)

    def _persist(
        self, begin: Callable[[], AbstractContextManager[Connection]], work: Callable[[Connection], Result]
    ) -> Result:
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                with begin() as connection:
                    return work(connection)
            except StoreError as error:
                if error.code not in (CONNECTION_LOST, LOCKED) or time.monotonic() >= deadline:
                    raise
                event = "store.connection_lost" if error.code == CONNECTION_LOST else "store.locked"
                logger("store").warning(event, error=error.message)
            pause_s = _back_off(pause_s)

    def _connected(self) -> Connection:
        """Return a connection; retry for up to `store.reconnect_s` if the store is patient."""
        deadline = time.monotonic() + self._patience_s
        pause_s, logged = _FIRST_PAUSE_S, False
        while True:
            try:
                return self.engine.connect()
            except DBAPIError as error:
                if not is_connection_lost(error) or time.monotonic() >= deadline:
                    raise
                if not logged:
                    logged = True
                    logger("store").warning("store.unreachable", error=store_error(self.where, error).message)
            pause_s = _back_off(pause_s)

    def upsert(self, table: Table) -> Any:
        """Return the dialect's INSERT for `table`, with `on_conflict_do_update` and `on_conflict_do_nothing`."""
        return sqlite.insert(table) if self.dialect == "sqlite" else postgresql.insert(table)

    def close(self) -> None:
        """Close the connections. SQLite merges its write-ahead log into the file."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _back_off(pause_s: float) -> float:
    """Sleep with jitter, so that a thousand clients do not reconnect at once; return the next pause."""
    time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  no secret
    return min(_MAX_PAUSE_S, pause_s * 2)
