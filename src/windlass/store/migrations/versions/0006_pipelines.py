"""Pipelines: objects by minute and outcome, and what was refused.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pipeline_count",
        sa.Column("pipeline", sa.String(64), primary_key=True),
        sa.Column("minute", sa.String(27), primary_key=True),
        sa.Column("outcome", sa.String(16), primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("objects", "read_bytes", "written_bytes")),
    )
    op.create_table(
        "pipeline_failure",
        sa.Column("pipeline", sa.String(64), primary_key=True),
        sa.Column("bucket", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("version_id", sa.Text, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("kept_at", sa.Text, nullable=False),
        sa.Column("retried_at", sa.String(27)),
    )
    op.create_index("ix_pipeline_failure_at", "pipeline_failure", ["at"])
