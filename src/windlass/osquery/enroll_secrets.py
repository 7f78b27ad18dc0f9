"""Enrollment secrets: shown once, stored as digests, named, and several valid at once, so that they can be rotated."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import Conflict, NotFound, UsageError
from windlass.core.secret import Secret
from windlass.osquery.model import EnrollSecret
from windlass.osquery.tables import node_table, secret_table
from windlass.store.engine import Store

__all__ = ["create_secret", "digest_of", "list_secrets", "new_key", "revoke_secret", "use_secret"]

MAX_NAME = 100


def new_key(prefix: str) -> Secret:
    """Return a new secret text with 256 random bits."""
    return Secret(f"{prefix}_{secrets.token_urlsafe(32)}")


def digest_of(text: str) -> str:
    """Return the digest that is stored instead of a secret. The texts are random: no salt is needed."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def create_secret(store: Store, name: str, *, now: datetime, expires_at: datetime | None = None) -> Secret:
    """Create an enrollment secret and return its text, which cannot be shown again. Conflict for a name in use."""
    if not 0 < len(name.strip()) <= MAX_NAME:
        raise UsageError(
            "a secret needs a name of 1 to 100 characters", hint="Name it after the hosts: --name web-2026."
        )
    secret = new_key("wle")
    with store.write() as connection:
        if connection.execute(select(secret_table.c.name).where(secret_table.c.name == name)).first():
            raise Conflict(
                f"there is an enrollment secret named {name!r}",
                hint="Choose a new name; several secrets are valid at once. `windlass osquery secret list` lists them.",
            )
        connection.execute(
            insert(secret_table).values(
                name=name,
                digest=digest_of(secret.reveal()),
                created_at=format_time(now),
                expires_at=format_time(expires_at) if expires_at else None,
            )
        )
    return secret


def revoke_secret(store: Store, name: str, *, now: datetime) -> None:
    """Revoke a secret: no host enrolls with it any more; enrolled hosts stay. NotFound for an unknown name."""
    with store.write() as connection:
        changed = connection.execute(
            update(secret_table)
            .where(secret_table.c.name == name)
            .values(revoked_at=func.coalesce(secret_table.c.revoked_at, format_time(now)))
        )
        if not changed.rowcount:
            raise NotFound(
                f"there is no enrollment secret named {name!r}", hint="List them with `windlass osquery secret list`."
            )


def list_secrets(store: Store) -> tuple[EnrollSecret, ...]:
    """Return all secrets without their texts, the newest first, with the number of nodes enrolled with each."""
    nodes = (
        select(node_table.c.secret_name, func.count().label("nodes"))
        .group_by(node_table.c.secret_name)
        .subquery("used")
    )
    statement = (
        select(secret_table, func.coalesce(nodes.c.nodes, 0).label("nodes"))
        .join(nodes, nodes.c.secret_name == secret_table.c.name, isouter=True)
        .order_by(secret_table.c.created_at.desc(), secret_table.c.name)
    )
    with store.read() as connection:
        return tuple(_secret(row) for row in connection.execute(statement))


def use_secret(connection: Connection, text: str, *, now: datetime) -> str:
    """Record the use of a valid secret and return its name; empty for any other text."""
    at = format_time(now)
    statement = select(secret_table.c.name).where(
        secret_table.c.digest == digest_of(text),
        secret_table.c.revoked_at.is_(None),
        or_(secret_table.c.expires_at.is_(None), secret_table.c.expires_at > at),
    )
    name = connection.execute(statement).scalar()
    if name is None:
        return ""
    connection.execute(update(secret_table).where(secret_table.c.name == name).values(last_used_at=at))
    return str(name)


def _secret(row: Any) -> EnrollSecret:
    def moment(text: str | None) -> datetime | None:
        return parse_time(text) if text else None

    return EnrollSecret(
        name=row.name,
        created_at=parse_time(row.created_at),
        expires_at=moment(row.expires_at),
        revoked_at=moment(row.revoked_at),
        last_used_at=moment(row.last_used_at),
        nodes=row.nodes,
    )
