"""Queues: consumers at work with their samples, messages that failed, and the ledger of what was done.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_consumer",
        sa.Column("consumer_id", sa.String(40), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("queue_arn", sa.String(200), nullable=False),
        sa.Column("handler", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.Column("stopped_at", sa.String(27)),
        sa.Column("counts", sa.Text, nullable=False),
    )
    op.create_table(
        "queue_sample",
        sa.Column("consumer_id", sa.String(40), primary_key=True),
        sa.Column("at", sa.String(27), primary_key=True),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("in_hand", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_queue_sample_at", "queue_sample", ["at"])
    op.create_table(
        "queue_failure",
        sa.Column(
            "failure_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("queue_arn", sa.String(200), nullable=False),
        sa.Column("message_id", sa.String(100), nullable=False),
        sa.Column("receive_count", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_queue_failure_queue_arn_at", "queue_failure", ["queue_arn", "at"])
    op.create_table(
        "queue_ledger",
        sa.Column("ledger_key", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
    )
    op.create_index("ix_queue_ledger_expires_at", "queue_ledger", ["expires_at"])
