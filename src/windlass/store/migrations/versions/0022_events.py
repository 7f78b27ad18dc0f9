"""Inventory: the events behind revisions, what events made us read, and the files that were imported.

Revision ID: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revision_event",
        sa.Column("revision_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("resource_row_id", sa.BigInteger, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("source_ip", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
    )
    op.create_index("ix_revision_event_resource_row_id_event_id", "revision_event", ["resource_row_id", "event_id"])
    op.create_table(
        "event_read",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(32), primary_key=True),
        sa.Column("type", sa.String(64), primary_key=True),
        sa.Column("resource_id", sa.Text, primary_key=True),
        sa.Column("read_at", sa.String(27), nullable=False),
    )
    op.create_table(
        "imported_file",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("items", sa.BigInteger, nullable=False),
        sa.Column("revisions", sa.BigInteger, nullable=False),
        sa.Column("imported_at", sa.String(27), nullable=False),
    )
