"""Inventory and clients: tables and columns by the names of the glossary.

Revision ID: 0016
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLES = (("scope_trouble", "scope_failure"), ("detail_gap", "unread_detail"))
_COLUMNS = (
    ("resource", "pk", "id"),
    ("revision", "resource_pk", "resource_row_id"),
    ("relation", "source_pk", "source_row_id"),
    ("address", "resource_pk", "resource_row_id"),
    ("tag", "resource_pk", "resource_row_id"),
    ("unread_detail", "resource_pk", "resource_row_id"),
    ("scope", "visited_at", "scanned_at"),
    ("scope_failure", "visited_at", "scanned_at"),
    ("client_use", "who", "caller_kind"),
    ("client_count", "noise", "exclusion"),
)
_VIEWS = {
    "resources": (
        "SELECT id, key, type, account_id, region, resource_id, arn, name, tags, document, measures, first_seen_at, "
        "changed_at FROM resource WHERE deleted_at IS NULL"
    ),
    "revisions": (
        "SELECT v.revision_id, r.key, r.type, r.account_id, r.region, v.name, v.change, v.valid_from, v.valid_to, v.patch, "
        "v.actor, v.run_id FROM revision v JOIN resource r ON r.id = v.resource_row_id"
    ),
    "relations": (
        "SELECT r.key AS source, r.type AS source_type, e.kind, e.target, e.target_type, e.valid_from "
        "FROM relation e JOIN resource r ON r.id = e.source_row_id WHERE e.valid_to IS NULL AND r.deleted_at IS NULL"
    ),
    "scopes": (
        "SELECT account_id, region, type, state, error_code, error, resources, calls, duration_s, scanned_at, "
        "last_good_at, run_id, state_since, details_unknown FROM scope"
    ),
}


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        for name in _VIEWS:
            op.execute(f"DROP VIEW {name}")
    for before, after in _TABLES:
        op.rename_table(before, after)
    for table, before, after in _COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    if is_sqlite:
        for name, text in _VIEWS.items():
            op.execute(f"CREATE VIEW {name} AS {text}")
        return
    # PostgreSQL's views follow renamed columns. A view that is created again would lose the reader's grants.
    op.execute("ALTER VIEW resources RENAME COLUMN pk TO id")
    op.execute("ALTER VIEW scopes RENAME COLUMN visited_at TO scanned_at")
