"""Checks: findings, what was judged, and the counts of each run.

Revision ID: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_finding",
        sa.Column("check_id", sa.String(80), primary_key=True),
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("resource_row_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("unread", sa.Text, nullable=False),
    )
    op.create_index("ix_check_finding_resource", "check_finding", ["resource_row_id"])
    op.create_table(
        "judged_resource",
        sa.Column("resource_row_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision_id", sa.BigInteger, nullable=False),
        sa.Column("inputs", sa.String(32), nullable=False),
    )
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "check_run",
        sa.Column("check_run_id", serial, primary_key=True, autoincrement=True),
        sa.Column("ran_at", sa.String(27), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("resources", sa.BigInteger, nullable=False),
        sa.Column("judged", sa.BigInteger, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
    )
