"""Tokens of the console and API: shown once, stored as digests, each with a role and an expiry."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    Table,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from windlass.api.auth import Role
from windlass.core.clock import format_time, parse_time
from windlass.core.errors import NotFound
from windlass.core.ids import new_id
from windlass.core.secret import Secret
from windlass.store.engine import Store
from windlass.store.metadata import Time, metadata

__all__ = [
    "Token",
    "active_token",
    "check_token",
    "count_tokens",
    "create_token",
    "list_tokens",
    "revoke_token",
    "token_digest",
]

_api_token = Table(
    "api_token",
    metadata,
    Column("token_id", String(40), primary_key=True),
    Column("name", String(100)),
    Column("role", String(16)),
    Column("digest", String(64)),
    Column("created_at", Time),
    Column("last_used_at", Time),
    Column("revoked_at", Time),
    Column("expires_at", Time),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret."""

    token_id: str
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None = None  # None: never

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


def create_token(
    store: Store, *, name: str, role: Role, now: datetime, expires_at: datetime | None = None
) -> tuple[Token, Secret]:
    """Create a token; return it with its secret, which cannot be shown again. It expires at `expires_at`; None: never."""
    secret = Secret(f"wl_{secrets.token_urlsafe(32)}")
    token_id = new_id("tok", now)
    with store.write() as connection:
        connection.execute(
            insert(_api_token).values(
                token_id=token_id,
                name=name,
                role=role.name.lower(),
                digest=token_digest(secret.reveal()),
                created_at=format_time(now),
                expires_at=format_time(expires_at) if expires_at else None,
            )
        )
    return _get(store, token_id), secret


def check_token(store: Store, text: str, *, now: datetime) -> Token | None:
    """Return the active token with this secret and record its use; None for any other text."""
    # The index lookup is not constant-time; with 256 random bits, its timing helps no attacker.
    statement = select(_api_token).where(_api_token.c.digest == token_digest(text), _active(now))
    with store.read() as connection:
        row = connection.execute(statement).first()
    if row is None:
        return None
    token = _token(row)
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        with store.write() as connection:
            connection.execute(
                update(_api_token).where(_api_token.c.token_id == token.token_id).values(last_used_at=format_time(now))
            )
    return token


def active_token(store: Store, token_id: str, *, now: datetime) -> Token | None:
    """Return the token with this ID; None when it was revoked or has expired."""
    statement = select(_api_token).where(_api_token.c.token_id == token_id, _active(now))
    with store.read() as connection:
        row = connection.execute(statement).first()
    return _token(row) if row else None


def list_tokens(store: Store) -> tuple[Token, ...]:
    """Return all tokens, the newest first, including revoked ones."""
    with store.read() as connection:
        return tuple(
            _token(row) for row in connection.execute(select(_api_token).order_by(_api_token.c.created_at.desc()))
        )


def count_tokens(store: Store, *, now: datetime) -> int:
    """Return the number of active tokens."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(_api_token).where(_active(now))).scalar_one()


def revoke_token(store: Store, token_id: str, *, now: datetime) -> Token:
    """Revoke a token and return it. NotFound for an unknown ID."""
    with store.write() as connection:
        connection.execute(
            update(_api_token)
            .where(_api_token.c.token_id == token_id, _api_token.c.revoked_at.is_(None))
            .values(revoked_at=format_time(now))
        )
    return _get(store, token_id)


def _get(store: Store, token_id: str) -> Token:
    with store.read() as connection:
        row = connection.execute(select(_api_token).where(_api_token.c.token_id == token_id)).first()
    if row is None:
        raise NotFound(f"there is no token {token_id!r}", hint="List the IDs with `windlass token list`.")
    return _token(row)


def _token(row: Any) -> Token:
    def moment(text: str | None) -> datetime | None:
        return parse_time(text) if text else None

    return Token(
        token_id=row.token_id,
        name=row.name,
        role=Role.named(row.role),
        created_at=parse_time(row.created_at),
        last_used_at=moment(row.last_used_at),
        revoked_at=moment(row.revoked_at),
        expires_at=moment(row.expires_at),
    )


def _active(now: datetime) -> ColumnElement[bool]:
    """Return the condition for tokens that are neither revoked nor expired. Times have a fixed width, so that they sort
    as text.
    """
    expires_at = _api_token.c.expires_at
    return and_(_api_token.c.revoked_at.is_(None), or_(expires_at.is_(None), expires_at > format_time(now)))


def token_digest(text: str) -> str:
    """Return the digest that is stored instead of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()
