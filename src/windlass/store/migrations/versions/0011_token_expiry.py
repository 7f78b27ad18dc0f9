"""API tokens: when each expires. Those made before never do; `windlass token list` shows that.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_token", sa.Column("expires_at", sa.String(27)))


def downgrade() -> None:
    op.drop_column("api_token", "expires_at")
