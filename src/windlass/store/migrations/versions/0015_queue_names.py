"""Queues: the column that counts messages in flight has SQS's name for it.

Revision ID: 0015
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("queue_sample", "in_hand", new_column_name="in_flight")


def downgrade() -> None:
    op.alter_column("queue_sample", "in_flight", new_column_name="in_hand")
