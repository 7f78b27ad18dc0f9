"""Opening the store: one SQLAlchemy engine with the settings that make SQLite safe and fast, or PostgreSQL.

`read()` gives a connection on a consistent snapshot, `write()` one transaction that is all or nothing; `fetch` and
`transact` run a function in one, again when the connection is lost. All raise StoreError with what happened and what to do.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from windlass.core.errors import ConfigError, StoreError
from windlass.core.private_files import create_private_file, make_private_folder
from windlass.observe.log import logger
from windlass.store.config import StoreConfig
from windlass.store.failures import CONNECTION_LOST, is_connection_lost, store_error

__all__ = ["Store", "open_store"]

_BEGIN = "windlass_begin"
_FIRST_PAUSE_S = 0.1
_MAX_PAUSE_S = 2.0
# A server that is gone without a word is noticed in 13 s at most: store/leases/model.py, RENEW_DEADLINE_S, counts on it.
_POSTGRESQL_TIMEOUTS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 8000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}

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
        """The same database for long work: a server that can't be reached is waited for, up to `store.reconnect_s`."""
        return self._view(patience_s=self._reconnect_s, guard=self._guard)

    def guarded(self, guard: Guard) -> Store:
        """The same database with `guard` called first in each write transaction: what it raises, ends it without a trace."""
        return self._view(patience_s=self._patience_s, guard=guard)

    def _view(self, *, patience_s: float, guard: Guard | None) -> Store:
        view = Store(self.engine, self.where, reader_url=self.reader_url, reconnect_s=self._reconnect_s)
        view._writer, view._patience_s, view._guard = self._writer, patience_s, guard
        return view

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a read transaction: everything read inside is of one instant (SQLite) or statement."""
        try:
            with self._connected() as connection:
                yield connection
        except DBAPIError as error:
            raise store_error(self.where, error) from error

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction that commits at the end of the block, or leaves no trace."""
        alone = self._writer if self.dialect == "sqlite" else contextlib.nullcontext()
        try:
            with alone, self._connected() as plain:
                connection = plain.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
                with connection.begin():
                    if self._guard is not None:
                        self._guard(connection)
                    yield connection
        except DBAPIError as error:
            raise store_error(self.where, error) from error

    def fetch(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` reads, in a read transaction; read again when the connection is lost (`patient`)."""
        return self._persist(self.read, work)

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` returns, in one write transaction.

        `work` may run twice: when the connection is lost, again (`patient`), even where the server had committed.
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
                if error.code != CONNECTION_LOST or time.monotonic() >= deadline:
                    raise
                logger("store").warning("store.connection_lost", error=error.message)
            pause_s = _back_off(pause_s)

    def _connected(self) -> Connection:
        """A connection; until the patience is over, the server is tried again."""
        deadline = time.monotonic() + self._patience_s
        pause_s, told = _FIRST_PAUSE_S, False
        while True:
            try:
                return self.engine.connect()
            except DBAPIError as error:
                if not is_connection_lost(error) or time.monotonic() >= deadline:
                    raise
                if not told:
                    told = True
                    logger("store").warning("store.unreachable", error=store_error(self.where, error).message)
            pause_s = _back_off(pause_s)

    def upsert(self, table: Table) -> Any:
        """The dialect's INSERT for `table`, which has `on_conflict_do_update` and `on_conflict_do_nothing`."""
        return sqlite.insert(table) if self.dialect == "sqlite" else postgresql.insert(table)

    def close(self) -> None:
        """Give the connections back. SQLite's write-ahead log is folded into the file."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _back_off(pause_s: float) -> float:
    """Sleep, so that a thousand waiting clients do not come back in one instant; the next pause."""
    time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  no secret
    return min(_MAX_PAUSE_S, pause_s * 2)


def open_store(config: StoreConfig, *, migrated: bool = True) -> Store:
    """The store of `config`, its schema brought up to this version unless `migrated` is false.

    ConfigError for a malformed URL or a driver that is not installed; StoreError when the database can't be used.
    """
    url = _parse(config.url)
    where = url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    engine = _sqlite(url, config) if url.get_backend_name() == "sqlite" else _postgresql(url, config)
    store = Store(engine, where, reader_url=config.reader_url, reconnect_s=config.reconnect_s)
    if migrated:
        from windlass.store.migrate import upgrade

        try:
            upgrade(store)
        except BaseException:
            store.close()
            raise
    return store


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(
            "store.url is not a database URL", hint="Write sqlite:///windlass.db or postgresql://user@host/database."
        ) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigError(
            f"store.url names {backend}, which Windlass does not keep its data in", hint="Use sqlite or postgresql."
        )
    return url


def _sqlite(url: URL, config: StoreConfig) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        _create_file(Path(url.database))
    engine = create_engine(url, pool_size=config.pool_size, connect_args={"timeout": config.lock_timeout_s})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves; the driver's own guesses break read snapshots
        cursor = connection.cursor()
        # NORMAL under WAL survives any crash of the process; a power cut can lose the last commits, never the file.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "cache_size=-32768",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def _create_file(path: Path) -> None:
    """Create the database's file and folder for their owner alone. SQLite gives its WAL and shared memory the file's mode."""
    try:
        make_private_folder(path.parent)
        create_private_file(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        raise StoreError(
            f"{str(path)!r}: the store's file can't be created ({reason})",
            hint="Check store.url, and that its folder exists and may be written.",
        ) from None


def _postgresql(url: URL, config: StoreConfig) -> Engine:
    try:
        return create_engine(
            url,
            pool_size=config.pool_size,
            max_overflow=config.pool_size,
            pool_pre_ping=True,
            connect_args=_POSTGRESQL_TIMEOUTS | {"options": f"-c lock_timeout={int(config.lock_timeout_s * 1000)}"},
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise ConfigError(
            "store.url is PostgreSQL, whose driver is not installed", hint="pip install 'windlass-aws[postgres]'"
        ) from None
