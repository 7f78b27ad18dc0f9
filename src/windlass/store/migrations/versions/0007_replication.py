"""Replication: the seeds of bucket pairs, and what failed in them.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    place = ("bucket", "account", "region")
    op.create_table(
        "replication_seed",
        sa.Column("seed_id", sa.String(40), primary_key=True),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("set_name", sa.Text, nullable=False),
        *(sa.Column(f"{side}_{name}", sa.Text, nullable=False) for side in ("source", "destination") for name in place),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("operation", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("jobs", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("total", "done", "failed", "size_bytes", "done_bytes")
        ),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("verified", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("started_at", sa.String(27)),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.Column("finished_at", sa.String(27)),
    )
    for name in ("job_id", "created_at", "updated_at"):
        op.create_index(f"ix_replication_seed_{name}", "replication_seed", [name])
    op.create_table(
        "replication_trouble",
        sa.Column("seed_id", sa.String(40), primary_key=True),
        sa.Column("code", sa.String(100), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("keys", sa.Text, nullable=False),
    )
