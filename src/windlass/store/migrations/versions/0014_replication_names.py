"""Replication: columns and a table by the field's words (method, checkpoint, failures).

Revision ID: 0014
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = (("way", "method"), ("facts", "checkpoint"))


def upgrade() -> None:
    for old, new in _COLUMNS:
        op.alter_column("replication_seed", old, new_column_name=new)
    op.rename_table("replication_trouble", "replication_failure")


def downgrade() -> None:
    op.rename_table("replication_failure", "replication_trouble")
    for old, new in _COLUMNS:
        op.alter_column("replication_seed", new, new_column_name=old)
