"""Inventory: the queue of a run's scopes, which several processes share, and what each of them did.

Revision ID: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COUNTS = ("scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")


def upgrade() -> None:
    op.create_table(
        "scope_queue",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("config_digest", sa.String(32), nullable=False),
        sa.Column("read_measures", sa.Boolean, nullable=False),
    )
    op.create_table(
        "scope_batch",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("worker", sa.String(40), nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
    )
    op.create_table(
        "given_up_endpoint",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(32), primary_key=True),
        sa.Column("service", sa.String(64), primary_key=True),
    )
    op.create_table(
        "run_worker",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("worker", sa.String(40), primary_key=True),
        sa.Column("host", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("is_leased", sa.Boolean, nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("finished_at", sa.String(27)),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
    )
    # A run that is resumed adds to what it had done before this version.
    counts = ", ".join(_COUNTS)
    op.execute(
        f"INSERT INTO run_worker (run_id, worker, host, state, is_leased, started_at, finished_at, {counts}) "  # noqa: S608
        f"SELECT run_id, 'before', '', 'left', false, started_at, started_at, {counts} FROM run "
        "WHERE status IN ('running', 'interrupted')"
    )
