"""Clients: scans, the files they read, who used S3 in an old way, and counts of all S3 requests.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    numbers = ("files", "skipped", "broken", "size_bytes", "raw_bytes", "records", "requests")
    op.create_table(
        "client_scan",
        sa.Column("scan_id", sa.String(40), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("finished_at", sa.String(27)),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in numbers),
    )
    op.create_table(
        "client_file",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("scan_id", sa.String(40), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("size_bytes", "raw_bytes", "records", "requests")
        ),
    )
    op.create_index("ix_client_file_scan_id", "client_file", ["scan_id"])
    facts = ("agent", "signature", "method", "tls", "style", "region", "who")
    key = ("account_id", "bucket", "principal", "instance", "access_key", "ip", "endpoint")
    op.create_table(
        "client_use",
        sa.Column("use_id", sa.String(32), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*facts, *key)),
        sa.Column("day", sa.String(10), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("holder", "holder_name", "owner")),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32), nullable=False),
    )
    op.create_table(
        "client_count",
        sa.Column("count_id", sa.String(32), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("agent", "signature", "tls")),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("noise", sa.String(16), nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
    )
