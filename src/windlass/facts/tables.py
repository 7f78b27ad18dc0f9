"""The tables of facts, as the migration 0023 creates them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from windlass.store.metadata import Json, Message, Time, metadata

__all__ = ["fact_row", "host", "host_fact", "host_section", "section_change"]

_Serial = BigInteger().with_variant(Integer, "sqlite")

host = Table(
    "host",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("host_id", String(128)),
    Column("account_id", String(12)),
    Column("region", String(32)),
    Column("name", Text),
    Column("platform", String(16)),
    Column("first_seen_at", Time),
    Column("last_seen_at", Time),
)
host_section = Table(
    "host_section",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("host_row_id", BigInteger),
    Column("section", String(80)),
    Column("state", String(8)),
    Column("source", String(40)),
    Column("observed_at", Time),
    Column("changed_at", Time),
    Column("digest", String(32)),
    Column("count", Integer),
    Column("failure", Message),
)
fact_row = Table(
    "fact_row",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("section", String(80)),
    Column("digest", String(32)),
    Column("label", Text),
    Column("version", Text),
    Column("document", Json),
)
"""A distinct row of a section. Ten thousand hosts with the same package share one."""

host_fact = Table(
    "host_fact",
    metadata,
    Column("section_row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("fact_row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger),
)
"""Which section of which host had a row, and from when to when (microseconds since 1970, as in `member_value`)."""

section_change = Table(
    "section_change",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("section_row_id", BigInteger),
    Column("at", BigInteger),
    Column("source", String(40)),
    Column("state", String(8)),
    Column("added", Integer),
    Column("removed", Integer),
    Column("failure", Message),
)
"""One row for each change of a section, and for each time that it became known or unknown."""
