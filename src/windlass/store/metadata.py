"""The MetaData that all tables belong to, and the column types that they share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, String, Text
from sqlalchemy.types import TypeDecorator

from windlass.core.secret_values import simple_mask

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Time = String(27)
"""core.clock.format_time: fixed width, so that text order is time order on SQLite and PostgreSQL alike."""
Json = Text
"""Canonical JSON text: equal documents are equal strings; only named queries read the members."""


class Message(TypeDecorator[str]):
    """Text for people (errors, details, log lines). Secrets in it are masked when it is written."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """Return the text with each secret as `***`."""
        return simple_mask(value) if isinstance(value, str) else value
