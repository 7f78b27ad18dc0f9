"""Inventory: ARNs of machine images and snapshots without an account, as AWS writes them.

Revision ID: 0020
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE resource SET key = replace(key, ':' || account_id || ':', '::'), "
        "arn = replace(arn, ':' || account_id || ':', '::') WHERE type IN ('ec2.image', 'ec2.snapshot')"
    )
