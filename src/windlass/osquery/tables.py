"""The tables of osquery, as the migration 0024 creates them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from windlass.store.metadata import Json, Message, Time, metadata

__all__ = ["live_answer", "live_query", "node_table", "query_position", "secret_table"]

secret_table = Table(
    "osquery_secret",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("digest", String(64), unique=True),
    Column("created_at", Time),
    Column("expires_at", Time),
    Column("revoked_at", Time),
    Column("last_used_at", Time),
)
node_table = Table(
    "osquery_node",
    metadata,
    Column("node_id", String(40), primary_key=True),
    Column("host_identifier", String(255), unique=True),
    Column("key_digest", String(64), unique=True),
    Column("name", String(255)),
    Column("platform", String(16)),
    Column("host_uuid", String(64)),
    Column("vendor", String(255)),
    Column("osquery_version", String(40)),
    Column("instance_id", String(40)),
    Column("account_id", String(12)),
    Column("region", String(32)),
    Column("has_identity", Boolean),
    Column("has_first_facts", Boolean),
    Column("epoch", BigInteger),
    Column("secret_name", String(100)),
    Column("address", String(64)),
    Column("enrollments", Integer),
    Column("enrolled_at", Time),
    Column("last_seen_at", Time),
    Column("revoked_at", Time),
)
query_position = Table(
    "osquery_position",
    metadata,
    Column("node_id", String(40), primary_key=True),
    Column("query", String(100), primary_key=True),
    Column("epoch", BigInteger),
    Column("counter", BigInteger),
    Column("unix_time", BigInteger),
    Column("is_known", Boolean),
    Column("pending", Json),
)
live_query = Table(
    "osquery_live_query",
    metadata,
    Column("query_id", String(40), primary_key=True),
    Column("sql", Text),
    Column("actor", String(200)),
    Column("created_at", Time),
    Column("expires_at", Time),
)
live_answer = Table(
    "osquery_live_answer",
    metadata,
    Column("query_id", String(40), primary_key=True),
    Column("node_id", String(40), primary_key=True),
    Column("state", String(8)),
    Column("rows", Json),
    Column("rows_left_off", BigInteger),
    Column("error", Message),
    Column("answered_at", Time),
    Index("ix_osquery_live_answer_node", "node_id", "state"),
)
