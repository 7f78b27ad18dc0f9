"""The tables of checks, as the migrations 0018 and 0025 create them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from windlass.store.metadata import Json, Time, metadata

__all__ = ["check_finding", "check_run", "judged_resource"]

_Serial = BigInteger().with_variant(Integer, "sqlite")

check_finding = Table(
    "check_finding",
    metadata,
    Column("check_id", String(80), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("resource_row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(8)),
    Column("since", Time),
    Column("actor", Text),
    Column("unread", Json),
)
judged_resource = Table(
    "judged_resource",
    metadata,
    Column("resource_row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision_id", BigInteger),
    Column("inputs", String(32)),
    Column("due_at", Time),
)
check_run = Table(
    "check_run",
    metadata,
    Column("check_run_id", _Serial, primary_key=True, autoincrement=True),
    Column("ran_at", Time),
    Column("duration_s", Float),
    Column("resources", BigInteger),
    Column("judged", BigInteger),
    Column("counts", Json),
)
