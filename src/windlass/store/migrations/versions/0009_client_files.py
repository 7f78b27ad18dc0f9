"""Clients: each log file keeps its own share of the totals, the rules it was judged by and the days it covers.

Earlier scans kept no share by file, so what they found cannot be carried over without the risk of counting twice or of
an all-clear over files that were never judged: the tables start empty and the next scan reads the files again.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("client_use", "client_count", "client_scan"):
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608  the three literals above
    op.drop_table("client_file")
    op.create_table(
        "client_file",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("judged", sa.Text, nullable=False),
        sa.Column("scan_id", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("first_day", sa.String(10), nullable=False),
        sa.Column("last_day", sa.String(10), nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("size_bytes", "raw_bytes", "records", "requests")
        ),
        sa.Column("share", sa.LargeBinary),
    )
    op.create_index("ix_client_file_scan_id", "client_file", ["scan_id"])
    op.create_index("ix_client_file_outcome", "client_file", ["outcome"])
    op.add_column("client_use", sa.Column("bounds_stale", sa.Integer, nullable=False, server_default="0"))
    op.add_column("client_scan", sa.Column("other_kind", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "client_bucket",
        sa.Column("bucket", sa.Text, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
    )
