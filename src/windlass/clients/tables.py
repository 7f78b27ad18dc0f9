"""The clients' tables, as the migrations create them (0004, 0009, 0016)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from windlass.clients.model import S3RequestFacts, UseKey
from windlass.store.metadata import Time, metadata

__all__ = ["DIMENSIONS", "client_bucket", "client_count", "client_file", "client_scan", "client_use"]

DIMENSIONS = (*S3RequestFacts._fields, *(name for name in UseKey._fields if name != "facts"))
"""The columns that identify a use, besides its day and holder."""

client_scan = Table(
    "client_scan",
    metadata,
    Column("scan_id", String(40), primary_key=True),
    Column("source", Text),
    Column("engine", String(16)),
    Column("rules", Text),
    Column("started_at", Time),
    Column("finished_at", Time),
    *(
        Column(name, BigInteger)
        for name in ("files", "skipped", "broken", "other_kind", "size_bytes", "raw_bytes", "records", "requests")
    ),
)

client_file = Table(
    "client_file",
    metadata,
    Column("name", Text, primary_key=True),
    Column("source", Text),
    Column("identity", Text),
    Column("judged", Text),
    Column("scan_id", String(40)),
    Column("outcome", String(16)),
    Column("problem", Text),
    Column("first_day", String(10)),
    Column("last_day", String(10)),
    *(Column(name, BigInteger) for name in ("size_bytes", "raw_bytes", "records", "requests")),
    Column("share", LargeBinary),
)

client_use = Table(
    "client_use",
    metadata,
    Column("use_id", String(32), primary_key=True),
    *(Column(name, Text) for name in DIMENSIONS),
    Column("day", String(10)),
    Column("holder", Text),
    Column("holder_name", Text),
    Column("owner", Text),
    Column("requests", BigInteger),
    Column("first_seen", String(32)),
    Column("last_seen", String(32)),
    Column("bounds_stale", Integer, default=0),
)

client_count = Table(
    "client_count",
    metadata,
    Column("count_id", String(32), primary_key=True),
    Column("agent", Text),
    Column("signature", Text),
    Column("tls", Text),
    Column("day", String(10)),
    Column("exclusion", String(16)),
    Column("requests", BigInteger),
)

client_bucket = Table(
    "client_bucket", metadata, Column("bucket", Text, primary_key=True), Column("requests", BigInteger)
)
