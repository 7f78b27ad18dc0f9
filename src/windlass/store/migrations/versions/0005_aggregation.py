"""Aggregation: keys, timers, awaited completions, and what each window came to.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moments = ("token_at", "armed_at", "last_at", "na", "hold", "acted_at")
    op.create_table(
        "aggregation_item",
        sa.Column("rule", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("dirty", "done", "claimed", "failures")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("armed", "claim", "note")),
        *(sa.Column(name, sa.Float, nullable=False) for name in moments),
        sa.Column("paused", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("pending", "summary", "held")),
    )
    op.create_table(
        "aggregation_completion",
        sa.Column("token", sa.String(200), primary_key=True),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("attempt", sa.Text, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.create_table(
        "aggregation_timer",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("rule", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("due_at", sa.Float, nullable=False),
    )
    op.create_index("ix_aggregation_timer_due_at", "aggregation_timer", ["due_at"])
    op.create_table(
        "aggregation_window",
        sa.Column("attempt", sa.String(64), primary_key=True),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("first_at", sa.String(27), nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("ended_at", sa.String(27)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
    )
    op.create_index("ix_aggregation_window_started_at", "aggregation_window", ["started_at"])
