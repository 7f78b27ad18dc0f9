"""Owners of resources with their validity, the feed of new revisions, and alerts with their deliveries.

Revision ID: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revision_feed",
        sa.Column("revision_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("is_baseline", sa.Boolean, nullable=False),
        sa.Column("names_actor", sa.Boolean, nullable=False),
    )
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "resource_owner",
        sa.Column("owner_id", serial, primary_key=True, autoincrement=True),
        sa.Column("resource_row_id", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("valid_from", sa.BigInteger, nullable=False),
        sa.Column("valid_to", sa.BigInteger),
    )
    op.create_index("ix_resource_owner_owner", "resource_owner", ["owner", "valid_to", "resource_row_id"])
    op.create_index("ix_resource_owner_resource", "resource_owner", ["resource_row_id", "valid_to"])
    op.add_column("judged_resource", sa.Column("due_at", sa.String(27)))
    op.create_table(
        "alert",
        sa.Column("alert_id", serial, primary_key=True, autoincrement=True),
        sa.Column("rule", sa.String(80), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.String(27), nullable=False),
        sa.Column("recorded_at", sa.String(27), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("batch_id", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_alert_batch", "alert", ["batch_id"])
    op.create_table(
        "alert_batch",
        sa.Column("batch_id", serial, primary_key=True, autoincrement=True),
        sa.Column("rule", sa.String(80), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("opened_at", sa.String(27), nullable=False),
        sa.Column("due_at", sa.String(27), nullable=False),
        sa.Column("sealed", sa.Boolean, nullable=False),
        sa.Column("alerts", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_alert_batch_due", "alert_batch", ["sealed", "due_at"])
    op.create_table(
        "alert_delivery",
        sa.Column("batch_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("action", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.String(27), nullable=False),
        sa.Column("finished_at", sa.String(27)),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("ix_alert_delivery_status", "alert_delivery", ["status", "next_at"])
    op.create_table(
        "watch_condition",
        sa.Column("rule", sa.String(80), primary_key=True),
        sa.Column("condition", sa.String(64), primary_key=True),
        sa.Column("since", sa.String(27), nullable=False),
    )
