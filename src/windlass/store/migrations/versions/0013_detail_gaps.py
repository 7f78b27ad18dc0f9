"""Inventory: details that the last visit did not read, and when each was last read.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "detail_gap",
        sa.Column("resource_pk", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("read_at", sa.Text, nullable=False),
    )
