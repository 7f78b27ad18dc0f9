"""osquery: enrollment secrets, nodes, the positions of their queries, live queries and their answers.

Revision ID: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TIME = sa.String(27)


def upgrade() -> None:
    op.create_table(
        "osquery_secret",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.Column("revoked_at", _TIME),
        sa.Column("last_used_at", _TIME),
    )
    op.create_table(
        "osquery_node",
        sa.Column("node_id", sa.String(40), primary_key=True),
        sa.Column("host_identifier", sa.String(255), nullable=False, unique=True),
        sa.Column("key_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("host_uuid", sa.String(64), nullable=False),
        sa.Column("vendor", sa.String(255), nullable=False),
        sa.Column("osquery_version", sa.String(40), nullable=False),
        sa.Column("instance_id", sa.String(40), nullable=False),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("has_identity", sa.Boolean, nullable=False),
        sa.Column("has_first_facts", sa.Boolean, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("secret_name", sa.String(100), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("enrollments", sa.Integer, nullable=False),
        sa.Column("enrolled_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME),
    )
    op.create_table(
        "osquery_position",
        sa.Column("node_id", sa.String(40), primary_key=True),
        sa.Column("query", sa.String(100), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("unix_time", sa.BigInteger, nullable=False),
        sa.Column("is_known", sa.Boolean, nullable=False),
        sa.Column("pending", sa.Text, nullable=False),
    )
    op.create_table(
        "osquery_live_query",
        sa.Column("query_id", sa.String(40), primary_key=True),
        sa.Column("sql", sa.Text, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_table(
        "osquery_live_answer",
        sa.Column("query_id", sa.String(40), primary_key=True),
        sa.Column("node_id", sa.String(40), primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("rows", sa.Text, nullable=False),
        sa.Column("rows_left_off", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("answered_at", _TIME),
    )
    op.create_index("ix_osquery_live_answer_node", "osquery_live_answer", ["node_id", "state"])
