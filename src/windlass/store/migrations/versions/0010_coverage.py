"""Inventory: since when a scope is in its state, how many items have unknown details, and what is known of each account.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


_SCOPES = (
    "SELECT account_id, region, type, state, error_code, error, resources, calls, duration_s, visited_at, last_good_at, "
    "run_id, state_since, details_unknown FROM scope"
)


def upgrade() -> None:
    for table in ("scope", "scope_trouble"):
        op.add_column(table, sa.Column("details_unknown", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("scope", sa.Column("state_since", sa.String(27)))
    # When the state began was not recorded: the last visit is the latest it can have begun.
    op.execute("UPDATE scope SET state_since = visited_at")
    # PostgreSQL keeps the reader's grants only on a view that is replaced: new columns come last.
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE OR REPLACE VIEW scopes AS {_SCOPES}")
    else:
        op.execute("DROP VIEW scopes")
        op.execute(f"CREATE VIEW scopes AS {_SCOPES}")
    op.create_table(
        "account_state",
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_since", sa.String(27), nullable=False),
        sa.Column("arn", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("regions", sa.Text, nullable=False),
        sa.Column("regions_source", sa.Text, nullable=False),
        sa.Column("regions_note", sa.Text, nullable=False),
        sa.Column("regions_known", sa.Text, nullable=False),
        sa.Column("checked_at", sa.String(27), nullable=False),
    )
