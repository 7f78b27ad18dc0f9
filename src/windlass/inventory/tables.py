"""The inventory's tables, as the migrations create them (0002, 0010, 0013, 0016, 0017, 0019, 0022, 0025)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, String, Table, Text

from windlass.store.metadata import Json, Message, Time, metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

resource = Table(
    "resource",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("key", Text),
    Column("type", String(64)),
    Column("account_id", String(12)),
    Column("scope_region", String(32)),
    Column("region", String(32)),
    Column("resource_id", Text),
    Column("arn", Text),
    Column("name", Text),
    Column("tags", Json),
    Column("document", Json),
    Column("digest", String(32)),
    Column("measures", Json),
    Column("revision_id", BigInteger),
    Column("revisions", Integer),
    Column("first_seen_at", Time),
    Column("changed_at", Time),
    Column("deleted_at", Time),
    Column("group_id", BigInteger),
)

revision = Table(
    "revision",
    metadata,
    Column("revision_id", _Serial, primary_key=True, autoincrement=True),
    Column("resource_row_id", BigInteger),
    Column("change", String(8)),
    Column("valid_from", Time),
    Column("valid_to", Time),
    Column("patch", Json),
    Column("keyframe", Json),
    Column("name", Text),
    Column("run_id", String(40)),
    Column("actor", Text),
    Column("event_id", Text),
    Column("group_id", BigInteger),
)

revision_event = Table(
    "revision_event",
    metadata,
    Column("revision_id", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", String(64), primary_key=True),
    Column("resource_row_id", BigInteger),
    Column("at", Time),
    *(Column(name, Text) for name in ("source", "name", "actor", "source_ip", "user_agent")),
    Column("region", String(32)),
)
"""The events behind a revision. The revision's own `actor` and `event_id` are those of the last one."""

event_read = Table(
    "event_read",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("resource_id", Text, primary_key=True),
    Column("read_at", Time),
)
"""Resources that were read again because of an event, and when that read began, until a scan begins later."""

imported_file = Table(
    "imported_file",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("location", Text, primary_key=True),
    Column("etag", Text),
    Column("items", BigInteger),
    Column("revisions", BigInteger),
    Column("imported_at", Time),
)

run = Table(
    "run",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("started_at", Time),
    Column("finished_at", Time),
    Column("status", String(16)),
    *(
        Column(name, BigInteger)
        for name in ("scopes_total", "scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")
    ),
    Column("job_id", String(40)),
)


def _scope_columns() -> list[Column[object]]:
    return [
        Column("account_id", String(12), primary_key=True),
        Column("region", String(32), primary_key=True),
        Column("type", String(64), primary_key=True),
        Column("state", String(16)),
        Column("error_code", Text),
        Column("error", Message),
        Column("resources", BigInteger),
        Column("calls", BigInteger),
        Column("duration_s", Float),
        Column("scanned_at", Time),
        Column("details_unknown", BigInteger),
    ]


scope = Table(
    "scope",
    metadata,
    *_scope_columns(),
    Column("last_good_at", Time),
    Column("run_id", String(40)),
    Column("state_since", Time),
)
scope_failure = Table("scope_failure", metadata, *_scope_columns(), Column("run_id", String(40), primary_key=True))

empty_scope = Table(
    "empty_scope",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("states", LargeBinary),
)

account_state = Table(
    "account_state",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("state", String(16)),
    Column("state_since", Time),
    Column("arn", Text),
    Column("error_code", Text),
    Column("error", Message),
    Column("regions", Json),
    Column("regions_source", Text),
    Column("regions_note", Message),
    Column("regions_known", Json),
    Column("checked_at", Time),
)

unread_detail = Table(
    "unread_detail",
    metadata,
    Column("resource_row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("read_at", Json),
)

relation = Table(
    "relation",
    metadata,
    Column("relation_id", _Serial, primary_key=True, autoincrement=True),
    Column("source_row_id", BigInteger),
    Column("kind", String(32)),
    Column("target", Text),
    Column("target_type", String(64)),
    Column("valid_from", Time),
    Column("valid_to", Time),
)

address = Table(
    "address",
    metadata,
    Column("address_id", _Serial, primary_key=True, autoincrement=True),
    Column("address", String(45)),
    Column("packed", String(33)),
    Column("resource_row_id", BigInteger),
    Column("valid_from", Time),
    Column("valid_to", Time),
)

facet_group = Table(
    "facet_group",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("type", String(64)),
    Column("account_id", String(12)),
    Column("region", String(32)),
)
"""The (type, account, region) that resources have: one id in every index row, so that counts need only an index."""

member_value = Table(
    "member_value",
    metadata,
    Column("pointer", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text, primary_key=True),
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("resource_row_id", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger),
)
"""Which resources have a value at a pointer, and from when to when (microseconds since 1970): see member_values.py."""

revision_feed = Table(
    "revision_feed",
    metadata,
    Column("revision_id", BigInteger, primary_key=True, autoincrement=False),
    Column("is_baseline", Boolean),
    Column("names_actor", Boolean),
)
"""The revisions that nobody has processed yet: see change_feed.py."""

resource_owner = Table(
    "resource_owner",
    metadata,
    Column("owner_id", _Serial, primary_key=True, autoincrement=True),
    Column("resource_row_id", BigInteger),
    Column("owner", Text),
    Column("source", String(8)),
    Column("why", Text),
    Column("valid_from", BigInteger),
    Column("valid_to", BigInteger),
)
"""Who owned which resource, and from when to when (microseconds since 1970): see owner_rows.py."""
