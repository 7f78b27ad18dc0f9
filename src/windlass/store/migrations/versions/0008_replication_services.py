"""Replication: the service that has a bucket, where it is not AWS.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for side in ("source", "destination"):
        op.add_column("replication_seed", sa.Column(f"{side}_service", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    for side in ("source", "destination"):
        op.drop_column("replication_seed", f"{side}_service")
