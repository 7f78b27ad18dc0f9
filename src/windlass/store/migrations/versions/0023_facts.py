"""Facts: hosts, their sections, distinct rows, which host had which row from when to when, and changes.

Revision ID: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "host",
        sa.Column("id", serial, primary_key=True, autoincrement=True),
        sa.Column("host_id", sa.String(128), nullable=False, unique=True),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("first_seen_at", sa.String(27), nullable=False),
        sa.Column("last_seen_at", sa.String(27), nullable=False),
    )
    op.create_table(
        "host_section",
        sa.Column("id", serial, primary_key=True, autoincrement=True),
        sa.Column("host_row_id", sa.BigInteger, nullable=False),
        sa.Column("section", sa.String(80), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("observed_at", sa.String(27), nullable=False),
        sa.Column("changed_at", sa.String(27), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.UniqueConstraint("host_row_id", "section", name="uq_host_section_host_row_id_section"),
    )
    op.create_table(
        "fact_row",
        sa.Column("id", serial, primary_key=True, autoincrement=True),
        sa.Column("section", sa.String(80), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("digest", "section", name="uq_fact_row_digest_section"),
    )
    lower = "lower(label)" if is_sqlite else "lower(label) text_pattern_ops"
    op.execute(f"CREATE INDEX ix_fact_row_label ON fact_row ({lower}, section)")
    # Clustered by section: a report reads and writes one place. The second index answers who has a row.
    key = "section_row_id, fact_row_id, valid_from"
    op.execute(
        "CREATE TABLE host_fact (section_row_id bigint NOT NULL, fact_row_id bigint NOT NULL, "
        f"valid_from bigint NOT NULL, valid_to bigint, PRIMARY KEY ({key}))" + (" WITHOUT ROWID" if is_sqlite else "")
    )
    op.create_index("ix_host_fact_row", "host_fact", ["fact_row_id", "section_row_id", "valid_to", "valid_from"])
    op.create_table(
        "section_change",
        sa.Column("id", serial, primary_key=True, autoincrement=True),
        sa.Column("section_row_id", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("removed", sa.Integer, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
    )
    op.create_index("ix_section_change_section", "section_change", ["section_row_id", "at"])
