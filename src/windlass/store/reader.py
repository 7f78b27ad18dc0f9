"""The reader: a PostgreSQL login that may read the published views and nothing else.

SQL that people write runs in a session that *is* the reader (no `SET ROLE`, which a query can undo): its own
connection, verified before the query and closed after it, so that settings and advisory locks end with it. The password
is in the table `meta`, which the reader can't read; it grants less than the database that contains it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, make_url, text
from sqlalchemy.engine import URL

from windlass.core.errors import Conflict, StoreError, UsageError
from windlass.core.secret import Secret
from windlass.store.engine import Store

if TYPE_CHECKING:
    import psycopg

__all__ = ["connect_reader", "create_reader", "reader_statements"]

REMEDY = "`windlass store reader` creates the role, which may only read the published views."
_ROLE, _PASSWORD = "reader.role", "reader.password"
_CONNECTIONS = 10  # a role-wide limit: queries of people never take the connections that Windlass itself needs

# What the session's role may do besides reading the views. A role with any non-empty column is refused.
_EXCESS = """
SELECT concat_ws(', ',
         CASE WHEN r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
              THEN 'has rights over the entire server' END,
         (SELECT 'is a member of ' || string_agg(g.rolname, ', ') FROM pg_catalog.pg_auth_members m
          JOIN pg_catalog.pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid),
         (SELECT 'may use ' || string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_catalog.pg_class c
          WHERE c.relnamespace = s.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname::text <> ALL (%(views)s)
            AND (has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
                 OR has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER'))
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))) AS excess,
       (SELECT string_agg(v, ', ') FROM unnest(%(views)s::text[]) v LEFT JOIN pg_catalog.pg_class c
          ON c.relname = v AND c.relnamespace = s.oid
        WHERE c.oid IS NULL OR NOT has_table_privilege(c.oid, 'SELECT')) AS missing
FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = %(schema)s WHERE r.rolname = session_user
"""
_SETTINGS = (
    "SELECT set_config('default_transaction_read_only', 'on', false), set_config('search_path', %(schema)s, false), "
    "set_config('statement_timeout', %(limit_ms)s, false), set_config('lock_timeout', '1s', false), "
    "set_config('idle_in_transaction_session_timeout', %(limit_ms)s, false)"
)


@dataclass(frozen=True, slots=True)
class _Login:
    url: URL
    schema: str


def reader_statements(store: Store, views: Sequence[str], *, role: str = "", verifier: str = "…") -> list[str]:
    """Return the SQL that creates the role and grants it the views (`--dry-run` prints it). `verifier` is its hashed
    password.
    """
    _require_postgresql(store)
    with store.read() as connection:
        return _statements(store, connection, views, role or _default_role(store), verifier)


def create_reader(store: Store, views: Sequence[str], *, role: str = "") -> str:
    """Create the reader, or renew its password and grants; log in as it and verify; return the role's name.

    With `store.reader_url` only the grants are made: that role's login is the administrator's. Conflict for a role that
    can do more than read; StoreError when this user may not make roles.
    """
    _require_postgresql(store)
    name = role or _default_role(store)
    password = Secret(secrets.token_urlsafe(24))
    try:
        with store.write() as connection:
            if not store.reader_url:
                _refuse_foreign_role(connection, name)
                _remember(connection, name, password)
            for statement in _statements(store, connection, views, name, _verifier(connection, name, password)):
                connection.exec_driver_sql(statement.replace("%", "%%"))
    except StoreError as error:
        if "permission denied" not in error.message:
            raise
        raise StoreError(
            error.message,
            hint="Creating a role needs CREATEROLE. Ask an administrator to run what `windlass store reader --dry-run` prints, "
            "give the role a login of their choice, and set store.reader_url.",
        ) from None
    connect_reader(store, views, limit_s=10).close()
    return name


def connect_reader(store: Store, views: Sequence[str], *, limit_s: float) -> psycopg.Connection[Any]:
    """Open a session as the reader: read-only transactions, statements of at most `limit_s`. The caller closes it.

    UsageError with the remedy when there is no reader; Conflict when its role can do more than read `views`.
    """
    import psycopg

    _require_postgresql(store)
    login = _login(store)
    if login is None:
        raise UsageError("SQL on PostgreSQL needs a role that can only read", hint=REMEDY)
    _, options = store.engine.dialect.create_connect_args(login.url)
    try:
        connection = psycopg.connect(**options, connect_timeout=10, prepare_threshold=None, autocommit=True)
    except psycopg.Error as error:
        raise StoreError(
            f"{store.where}: the reader {login.url.username!r} cannot log in ({_first_line(error)})",
            hint="`windlass store reader` renews its password; pg_hba.conf must allow it as it allows the store's own user.",
        ) from None
    try:
        with connection.cursor() as cursor:
            cursor.execute(_SETTINGS, {"schema": login.schema, "limit_ms": str(int(limit_s * 1000))})
            row = cursor.execute(_EXCESS, {"views": list(views), "schema": login.schema}).fetchone()
        excess, missing = row or ("", "")
        _check_rights(str(login.url.username), excess, missing)
        connection.autocommit = False
        connection.read_only = True
    except BaseException:
        connection.close()
        raise
    return connection


def _check_rights(role: str, excess: str | None, missing: str | None) -> None:
    if excess:
        raise Conflict(
            f"the reader {role!r} has more permissions than reading the published views: it {excess}",
            hint="Revoke them (from PUBLIC, too), or create another role with `windlass store reader --role NAME`.",
        )
    if missing:
        raise UsageError(f"the reader {role!r} may not read {missing}", hint="Run `windlass store reader` again.")


def _require_postgresql(store: Store) -> None:
    if store.dialect != "postgresql":
        raise UsageError(
            "a SQLite store needs no reader",
            hint="`windlass inventory sql` is read-only there by SQLite's authorizer.",
        )


def _default_role(store: Store) -> str:
    """Return the role's name, one per database: roles belong to the server, and each reader has its own password."""
    if store.reader_url:
        return str(make_url(store.reader_url).username or "")
    return f"{(store.engine.url.database or 'windlass')[:50]}_reader"


def _login(store: Store) -> _Login | None:
    with store.read() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        if store.reader_url:
            return _Login(make_url(store.reader_url), schema)
        statement = text("SELECT name, value FROM meta WHERE name IN (:role, :password)")
        kept = {row.name: row.value for row in connection.execute(statement, {"role": _ROLE, "password": _PASSWORD})}
    if len(kept) < 2:
        return None
    return _Login(store.engine.url.set(username=kept[_ROLE], password=kept[_PASSWORD]), schema)


def _statements(store: Store, connection: Connection, views: Sequence[str], role: str, verifier: str) -> list[str]:
    quote = store.engine.dialect.identifier_preparer.quote_identifier
    schema, database = connection.execute(text("SELECT current_schema(), current_database()")).one()
    listed = ", ".join(f"{quote(schema)}.{quote(view)}" for view in views)
    grants = [
        f"GRANT CONNECT ON DATABASE {quote(database)} TO {quote(role)}",
        f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}",
        f"GRANT SELECT ON {listed} TO {quote(role)}",
    ]
    if store.reader_url:
        return grants
    exists = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
    making = f"{'ALTER' if exists else 'CREATE'} ROLE {quote(role)} LOGIN CONNECTION LIMIT {_CONNECTIONS}"
    return [f"{making} PASSWORD '{verifier}'", *grants]


def _refuse_foreign_role(connection: Connection, role: str) -> None:
    """Raise Conflict for a role that Windlass did not create for this store: its login is never changed."""
    stored = connection.execute(text("SELECT value FROM meta WHERE name = :name"), {"name": _ROLE}).scalar()
    exists = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
    if exists and stored != role:
        raise Conflict(
            f"the role {role!r} exists, and Windlass did not create it for this store",
            hint="Choose another name with --role, or set store.reader_url to use that role and its password.",
        )


def _remember(connection: Connection, role: str, password: Secret) -> None:
    rows = [{"name": _ROLE, "value": role}, {"name": _PASSWORD, "value": password.reveal()}]
    for row in rows:
        connection.execute(text("DELETE FROM meta WHERE name = :name"), {"name": row["name"]})
        connection.execute(text("INSERT INTO meta (name, value) VALUES (:name, :value)"), row)


def _verifier(connection: Connection, role: str, password: Secret) -> str:
    """Return the password as PostgreSQL stores it (SCRAM-SHA-256), so that the server's log never shows it."""
    raw: Any = connection.connection.driver_connection
    verifier: bytes = raw.pgconn.encrypt_password(password.reveal().encode(), role.encode(), b"scram-sha-256")
    return verifier.decode()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
