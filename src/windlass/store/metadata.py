"""The one MetaData that every capability's tables belong to, and the two column kinds that all share."""

from __future__ import annotations

from sqlalchemy import MetaData, String, Text

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
"""Canonical JSON text: equal documents are equal strings; nothing is queried inside but through named queries."""
