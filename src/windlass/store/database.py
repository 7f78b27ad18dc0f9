"""Opens the store: SQLite with the settings that make it safe and fast, or PostgreSQL; and upgrades its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from windlass.core.errors import ConfigError, StoreError
from windlass.core.private_files import create_private_file, make_private_folder
from windlass.store.config import StoreConfig
from windlass.store.engine import BEGIN_OPTION, Store
from windlass.store.schema import upgrade

__all__ = ["open_store"]

# A server that does not answer is noticed within 13 s. RENEW_DEADLINE_S of store/leases/model.py relies on this.
_POSTGRESQL_TIMEOUTS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 8000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}

# A process that is suspended in a transaction holds locks: the server ends its session before its lease is over
# (store/leases/model.py, LEASE_DURATION_S), so that another can take up its work.
_IDLE_IN_TRANSACTION_S = 45


def open_store(config: StoreConfig, *, migrated: bool = True) -> Store:
    """Open the store of `config` and bring its schema up to this version unless `migrated` is false.

    ConfigError for a malformed URL or a driver that is not installed; StoreError when the database cannot be used.
    """
    url = _parse(config.url)
    where = url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    engine = _sqlite(url, config) if url.get_backend_name() == "sqlite" else _postgresql(url, config)
    store = Store(engine, where, reader_url=config.reader_url, reconnect_s=config.reconnect_s)
    if migrated:
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
        raise ConfigError(f"store.url names {backend}, which is not supported", hint="Use sqlite or postgresql.")
    return url


def _sqlite(url: URL, config: StoreConfig) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        _create_file(Path(url.database))
    engine = create_engine(url, pool_size=config.pool_size, connect_args={"timeout": config.lock_timeout_s})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves: the driver's implicit one breaks read snapshots
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
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_OPTION, "BEGIN"))

    return engine


def _create_file(path: Path) -> None:
    """Create the database's file and folder with access for their owner only. SQLite gives its WAL the file's mode."""
    try:
        make_private_folder(path.parent)
        create_private_file(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        raise StoreError(
            f"{str(path)!r}: the store's file cannot be created ({reason})",
            hint="Check that store.url is right and its folder exists and is writable.",
        ) from None


def _postgresql(url: URL, config: StoreConfig) -> Engine:
    try:
        return create_engine(
            url,
            pool_size=config.pool_size,
            max_overflow=config.pool_size,
            pool_pre_ping=True,
            connect_args=_POSTGRESQL_TIMEOUTS
            | {
                "options": f"-c lock_timeout={int(config.lock_timeout_s * 1000)} "
                f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_S}s"
            },
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise ConfigError(
            "store.url names PostgreSQL, and its driver is not installed", hint="pip install 'windlass-aws[postgres]'"
        ) from None
