"""The inventory: resources, revisions, scopes, runs, relations, addresses, tags, full-text index, views.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.String(27)


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "resource",
        sa.Column("pk", _serial(), primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("scope_region", sa.String(32), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("arn", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("measures", sa.Text, nullable=False),
        sa.Column("revision_id", sa.BigInteger, nullable=False),
        sa.Column("revisions", sa.Integer, nullable=False),
        sa.Column("first_seen_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("deleted_at", _TIME),
    )
    op.create_index("uq_resource_scope_key", "resource", ["account_id", "scope_region", "type", "key"], unique=True)
    # Facets and counts are answered from this one alone, without touching the documents.
    op.create_index("ix_resource_facets", "resource", ["deleted_at", "type", "account_id", "region"])
    for column in ("key", "resource_id", "name", "region", "changed_at"):
        op.create_index(f"ix_resource_{column}", "resource", [column, "pk"])
    op.create_index("ix_resource_type_key", "resource", ["type", "key"])
    op.create_table(
        "revision",
        sa.Column("revision_id", _serial(), primary_key=True, autoincrement=True),
        sa.Column("resource_pk", sa.BigInteger, nullable=False),
        sa.Column("change", sa.String(8), nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_to", _TIME),
        sa.Column("patch", sa.Text, nullable=False),
        sa.Column("keyframe", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
    )
    op.create_index("ix_revision_resource", "revision", ["resource_pk", "valid_from"])
    op.create_index("ix_revision_valid_from", "revision", ["valid_from", "change"])
    op.create_table(
        "run",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.Column("status", sa.String(16), nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("scopes_total", "scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")
        ),
        sa.Column("job_id", sa.String(40), nullable=False),
    )
    op.create_index("ix_run_started_at", "run", ["started_at"])
    _scopes("scope", [])
    # Of earlier runs only what went wrong is kept; the rest is "ok" times the number of scopes.
    _scopes("scope_trouble", [sa.Column("run_id", sa.String(40), primary_key=True)])
    op.create_table(
        "relation",
        sa.Column("relation_id", _serial(), primary_key=True, autoincrement=True),
        sa.Column("source_pk", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("target_type", sa.String(64), nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_to", _TIME),
    )
    op.create_index("ix_relation_source", "relation", ["source_pk"])
    op.create_index("ix_relation_target", "relation", ["target"])
    op.create_table(
        "address",
        sa.Column("address_id", _serial(), primary_key=True, autoincrement=True),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("resource_pk", sa.BigInteger, nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_to", _TIME),
    )
    op.create_index("ix_address_address", "address", ["address"])
    op.create_index("ix_address_resource", "address", ["resource_pk"])
    op.create_table(
        "tag",
        sa.Column("resource_pk", sa.BigInteger, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("ix_tag_name_value", "tag", ["name", "value", "resource_pk"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE resource_words USING fts5(words, tokenize = 'unicode61', prefix = '2 3')")
    else:
        op.execute("CREATE TABLE resource_words (rowid bigint PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_resource_words ON resource_words USING gin (words)")
    for name, text in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {text}")


def _scopes(table: str, more: list[sa.Column[str]]) -> None:
    op.create_table(
        table,
        sa.Column("account_id", sa.String(12), primary_key=True),
        sa.Column("region", sa.String(32), primary_key=True),
        sa.Column("type", sa.String(64), primary_key=True),
        *more,
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("resources", sa.BigInteger, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("visited_at", _TIME, nullable=False),
        *([] if more else [sa.Column("last_good_at", _TIME), sa.Column("run_id", sa.String(40), nullable=False)]),
    )


# What `windlass inventory sql` offers: plain names, current state, JSON as text.
_VIEWS = {
    "resources": (
        "SELECT pk, key, type, account_id, region, resource_id, arn, name, tags, document, measures, first_seen_at, "
        "changed_at FROM resource WHERE deleted_at IS NULL"
    ),
    "revisions": (
        "SELECT v.revision_id, r.key, r.type, r.account_id, r.region, v.name, v.change, v.valid_from, v.valid_to, v.patch, "
        "v.actor, v.run_id FROM revision v JOIN resource r ON r.pk = v.resource_pk"
    ),
    "relations": (
        "SELECT r.key AS source, r.type AS source_type, e.kind, e.target, e.target_type, e.valid_from "
        "FROM relation e JOIN resource r ON r.pk = e.source_pk WHERE e.valid_to IS NULL AND r.deleted_at IS NULL"
    ),
    "scopes": (
        "SELECT account_id, region, type, state, error_code, error, resources, calls, duration_s, visited_at, "
        "last_good_at, run_id FROM scope"
    ),
    "runs": "SELECT * FROM run",
}
