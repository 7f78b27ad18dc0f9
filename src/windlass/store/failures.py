"""Database errors as StoreError, with what the user can do."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from windlass.core.errors import StoreError

CONNECTION_LOST = "ConnectionLost"
"""The `code` of a StoreError for a server that could not be reached: the same transaction may succeed later."""
LOCKED = "Locked"
"""The `code` of a StoreError for a lock that another process holds too long: the same transaction may succeed later."""

# Class 08 is "connection exception", 57P0x a server that shuts down or starts, 53300 too many connections
# 25P03 a session that was idle in its transaction for too long (PostgreSQL documentation, appendix A).
_LOST_STATES = ("08", "57P01", "57P02", "57P03", "53300", "25P03")
_LOCKED_STATES = ("55P03", "40P01")  # lock_not_available: lock_timeout has passed; deadlock_detected
_LOST_MARKS = (
    "connection refused",
    "could not connect",
    "connection failed",
    "server closed the connection",
    "connection reset",
    "the database system is",
    "the connection is lost",
    "the connection is closed",
    "consuming input failed",
    "no such file or directory",
    "timeout expired",
    "connection timed out",
    "too many clients",
    "broken pipe",
)

# (what the driver's message contains, what happened, what to do); first match wins.
_KNOWN = (
    (
        ("file is not a database", "malformed", "not a database"),
        "the database file is damaged or is not a Windlass database",
        "Nothing was overwritten. Restore it from a backup, or move it away and collect again "
        "(`sqlite3 FILE .recover` can save what is readable).",
    ),
    (
        ("disk is full", "no space left", "disk i/o error"),
        "the disk is full",
        "Free some space and run the command again; the unfinished transaction was rolled back, nothing is lost.",
    ),
    (
        ("database is locked", "due to lock timeout", "deadlock detected"),
        "another process holds the database's write lock",
        "Wait for it, or raise store.lock_timeout_s; for several writers at once, use PostgreSQL.",
    ),
    (
        ("readonly database", "read-only"),
        "the database cannot be written",
        "Check the owner and mode of the file and of its folder.",
    ),
    (
        ("unable to open database file",),
        "the database file cannot be opened",
        "Check that its folder exists and may be written, or set store.url.",
    ),
    (
        (
            "connection refused",
            "could not connect",
            "connection failed",
            "server closed the connection",
            "terminating connection",
            "the database system is",
            "could not translate",
            "failed to resolve",
        ),
        "the PostgreSQL server cannot be reached",
        "Check store.url and that the server is up.",
    ),
    (
        ("password authentication failed", "no password supplied"),
        "PostgreSQL refused the login",
        "Check the user in store.url and PGPASSWORD or ~/.pgpass.",
    ),
)


def store_error(where: str, error: DBAPIError) -> StoreError:
    """Return `error` as a StoreError that names the database `where` (never its password)."""
    detail = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    code = CONNECTION_LOST if is_connection_lost(error) else LOCKED if is_locked(error) else ""
    lowered = detail.lower()
    for marks, happened, hint in _KNOWN:
        if any(mark in lowered for mark in marks):
            return StoreError(f"{where}: {happened} ({detail})", hint=hint, code=code)
    return StoreError(f"{where}: {detail}", hint="Run `windlass doctor` to check the store.", code=code)


def is_locked(error: DBAPIError) -> bool:
    """Return whether another process held a lock for too long: a retry may succeed."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state in _LOCKED_STATES or "database is locked" in str(error.orig).lower()


def is_connection_lost(error: DBAPIError) -> bool:
    """Return whether the PostgreSQL server could not be reached or went away: a retry may succeed."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state.startswith(_LOST_STATES):
        return True
    name = type(error.orig).__module__.partition(".")[0]
    text = str(error.orig).lower()
    return name == "psycopg" and not state and any(mark in text for mark in _LOST_MARKS)
