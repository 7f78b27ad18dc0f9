"""Inventory: the index of members with validity, search by parts, IP ranges, mentions; filled from the stored history.

Revision ID: 0017
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from windlass.core.patch import apply_patch

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BATCH = 500
_OBJECT, _LIST, _LARGE, _LONG = "\x01", "\x02", "\x03", "\x04"
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:[^\s\"'<>,;()\[\]\\]+")
_ID = re.compile(
    r"\b(?:[a-z]{1,16}-(?:[a-z]{2,12}-)?(?:[0-9a-f]{17}|[0-9a-f]{8})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _create_tables(is_sqlite)
    connection = op.get_bind()
    _fill_groups(connection)
    _fill(connection, is_sqlite)
    _fill_addresses(connection)
    _create_indexes(is_sqlite)


def _create_tables(is_sqlite: bool) -> None:
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "facet_group",
        sa.Column("id", serial, primary_key=True, autoincrement=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.UniqueConstraint("type", "account_id", "region", name="uq_facet_group_type"),
    )
    # One B-tree that holds all columns: every question is answered from it alone.
    value = "value text NOT NULL" if is_sqlite else 'value text COLLATE "C" NOT NULL'
    key = "pointer, value, group_id, resource_row_id, valid_from"
    op.execute(
        f"CREATE TABLE member_value (pointer bigint NOT NULL, {value}, group_id bigint NOT NULL, "
        f"resource_row_id bigint NOT NULL, valid_from bigint NOT NULL, valid_to bigint"
        + (f", PRIMARY KEY ({key})) WITHOUT ROWID" if is_sqlite else ")")
    )
    op.add_column("resource", sa.Column("group_id", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("revision", sa.Column("group_id", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("address", sa.Column("packed", sa.String(33), nullable=False, server_default=""))
    op.execute("DROP TABLE resource_words")
    if is_sqlite:
        op.execute(
            "CREATE VIRTUAL TABLE resource_words USING fts5(names, tags, words, tokenize = 'unicode61', "
            "prefix = '2 3', detail = column)"
        )
    else:
        op.execute("CREATE TABLE resource_words (rowid bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.drop_table("tag")


def _create_indexes(is_sqlite: bool) -> None:
    if not is_sqlite:
        op.execute(
            "ALTER TABLE member_value ADD PRIMARY KEY (pointer, value, group_id, resource_row_id, valid_from) "
            "INCLUDE (valid_to)"
        )
        op.execute("CREATE INDEX ix_resource_words ON resource_words USING gin (words)")
    for name in ("facets", "region", "type_key"):  # what they answered, the new index answers
        op.drop_index(f"ix_resource_{name}", "resource")
    for name in ("key", "changed_at"):
        op.drop_index(f"ix_resource_{name}", "resource")
        op.create_index(f"ix_resource_{name}", "resource", [name, "id", "group_id"])
    op.drop_index("ix_revision_valid_from", "revision")
    op.create_index("ix_revision_valid_from", "revision", ["valid_from", "revision_id", "change", "group_id"])
    for name in ("name", "resource_id"):  # in PostgreSQL, LIKE finds beginnings in an index of this class alone
        lower = f"lower({name})" if is_sqlite else f"lower({name}) text_pattern_ops"
        op.execute(f"CREATE INDEX ix_resource_lower_{name} ON resource ({lower}, id)")
    op.drop_index("ix_relation_target", "relation")
    op.create_index("ix_relation_target", "relation", ["target", "valid_to"])
    op.create_index("ix_address_packed", "address", ["packed"])


def _fill_groups(connection: sa.Connection) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO facet_group (type, account_id, region) "
            "SELECT DISTINCT type, account_id, region FROM resource ORDER BY type, account_id, region"
        )
    )
    connection.execute(
        sa.text(
            "UPDATE resource SET group_id = (SELECT g.id FROM facet_group g WHERE g.type = resource.type "
            "AND g.account_id = resource.account_id AND g.region = resource.region)"
        )
    )
    connection.execute(
        sa.text(
            "UPDATE revision SET group_id = coalesce((SELECT r.group_id FROM resource r "
            "WHERE r.id = revision.resource_row_id), 0)"
        )
    )


def _fill(connection: sa.Connection, is_sqlite: bool) -> None:
    last = 0
    while True:
        resources = connection.execute(
            sa.text("SELECT * FROM resource WHERE id > :last ORDER BY id LIMIT :batch"),
            {"last": last, "batch": _BATCH},
        ).all()
        if not resources:
            return
        revisions = connection.execute(
            sa.text(
                "SELECT resource_row_id, change, valid_from, patch, keyframe, name FROM revision "
                "WHERE resource_row_id BETWEEN :first AND :last ORDER BY resource_row_id, valid_from"
            ),
            {"first": resources[0].id, "last": resources[-1].id},
        )
        history = {row_id: list(rows) for row_id, rows in groupby(revisions, key=lambda row: row.resource_row_id)}
        values: list[dict[str, Any]] = []
        mentions: list[dict[str, Any]] = []
        words: list[dict[str, Any]] = []
        declared = _declared(connection, resources[0].id, resources[-1].id)
        for resource in resources:
            states = _states(resource, history.get(resource.id, []))
            values += _value_rows(resource, states)
            mentions += _mention_rows(resource, states, declared.get(resource.id, set()))
            words.append(_word_row(resource))
        _insert(connection, "member_value", values)
        _insert(connection, "relation", mentions)
        _insert_words(connection, words, is_sqlite)
        last = resources[-1].id


def _insert(connection: sa.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        names = list(rows[0])
        connection.execute(
            sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"),  # noqa: S608
            rows,
        )


def _insert_words(connection: sa.Connection, rows: list[dict[str, Any]], is_sqlite: bool) -> None:
    if is_sqlite:
        _insert(connection, "resource_words", rows)
        return
    connection.execute(
        sa.text(
            "INSERT INTO resource_words (rowid, words) VALUES (:rowid, "
            "setweight(to_tsvector('simple', :names), 'A') || setweight(to_tsvector('simple', :tags), 'B') "
            "|| to_tsvector('simple', :words))"
        ),
        rows,
    )


def _states(resource: Any, revisions: list[Any]) -> list[tuple[str, Any, str]]:
    """Return the states of a resource, each (valid from, document or None, name); the last is the stored one."""
    states: list[tuple[str, Any, str]] = []
    document: Any = None
    for row in revisions:
        if row.keyframe:
            document = json.loads(row.keyframe)
        elif row.change == "deleted":
            document = None
        elif document is not None:
            document = apply_patch(document, json.loads(row.patch))
        states.append((row.valid_from, document, row.name))
    if states and resource.deleted_at is None:
        states[-1] = (states[-1][0], json.loads(resource.document) | _stored_tags(resource), resource.name)
    return states


def _stored_tags(resource: Any) -> dict[str, Any]:
    tags = json.loads(resource.tags)
    return {"Tags": tags} if tags else {}


def _intervals(states: list[tuple[str, set[Any]]]) -> Iterator[tuple[Any, str, str | None]]:
    """Yield (item, from, to) for each uninterrupted time in which an item was in the states' sets."""
    since: dict[Any, str] = {}
    for moment, items in states:
        for item in since.keys() - items:
            yield item, since.pop(item), moment
        for item in items - since.keys():
            since[item] = moment
    yield from ((item, start, None) for item, start in since.items())


def _value_rows(resource: Any, states: list[tuple[str, Any, str]]) -> list[dict[str, Any]]:
    sets = [(moment, set() if document is None else _members(name, document)) for moment, document, name in states]
    return [
        {
            "pointer": pointer,
            "value": value,
            "group_id": resource.group_id,
            "resource_row_id": resource.id,
            "valid_from": _microseconds(start),
            "valid_to": _microseconds(end) if end else None,
        }
        for (pointer, value), start, end in _intervals(sets)
    ]


def _microseconds(moment: str) -> int:
    return (datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@lru_cache(maxsize=50_000)
def _hash(pointer: str) -> int:
    return int.from_bytes(hashlib.blake2b(pointer.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


def _members(name: str, document: dict[str, Any]) -> set[tuple[int, str]]:
    rows = {(_hash(""), ""), (_hash("name"), name[:600])}
    tags = document.get("Tags")
    if "Tags" in document:
        rows.add((_hash("/Tags"), _OBJECT))
    for key, value in (tags if isinstance(tags, dict) else {}).items():
        rows.add((_hash(f"/Tags/{_escaped(key)}"), _bounded(_text(value))))
        rows.add((_hash(f"tag:{key}"), ""))
    rows.update(_below({key: value for key, value in document.items() if key != "Tags"}, ""))
    return rows


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _below(value: dict[str, Any], at: str) -> Iterator[tuple[int, str]]:
    for key, item in value.items():
        here = f"{at}/{_escaped(key)}"
        if isinstance(item, dict):
            yield _hash(here), _LARGE if len(item) > 200 else _OBJECT
            if len(item) <= 200:
                yield from _below(item, here)
        elif isinstance(item, list):
            yield _hash(here), _LIST
        elif item is not None:
            yield _hash(here), _bounded(_text(item))


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _bounded(text: str) -> str:
    return _LONG if len(text) > 256 or text[:1] in (_OBJECT, _LIST, _LARGE, _LONG) else text


def _word_row(resource: Any) -> dict[str, Any]:
    document = json.loads(resource.document)
    tags = json.loads(resource.tags)
    values = {key: value for key, value in document.items() if key != "Tags"}
    identity = (resource.type, resource.arn, resource.account_id, resource.region)
    return {
        "rowid": resource.id,
        "names": _distinct((resource.name, resource.resource_id)),
        "tags": _distinct(text for pair in tags.items() for text in pair),
        "words": _distinct((*identity, *_texts(values))),
    }


def _distinct(texts: Any) -> str:
    seen: dict[str, None] = {}
    room = 6000
    for text in texts:
        for word in _WORD.findall(text.lower()):
            if word not in seen:
                seen[word] = None
                room -= len(word) + 1
        if room <= 0:
            break
    return " ".join(seen)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Tags" and isinstance(item, dict):
                yield from item
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _declared(connection: sa.Connection, first: int, last: int) -> dict[int, set[str]]:
    rows = connection.execute(
        sa.text("SELECT source_row_id, target FROM relation WHERE source_row_id BETWEEN :first AND :last"),
        {"first": first, "last": last},
    )
    declared: dict[int, set[str]] = {}
    for row in rows:
        declared.setdefault(row.source_row_id, set()).add(row.target)
    return declared


def _mention_rows(resource: Any, states: list[tuple[str, Any, str]], declared: set[str]) -> list[dict[str, Any]]:
    own = {resource.key, resource.arn, resource.resource_id}
    sets = [
        (moment, set() if document is None else _mentions(document, own, declared)) for moment, document, _ in states
    ]
    return [
        {
            "source_row_id": resource.id,
            "kind": "mentions",
            "target": target,
            "target_type": "",
            "valid_from": start,
            "valid_to": end,
        }
        for target, start, end in _intervals(sets)
    ]


def _mentions(document: Any, own: set[str], declared: set[str]) -> set[str]:
    ids = {_id_of(target) for target in declared} - {""}
    targets: set[str] = set()
    for text in _texts(document):
        if "arn:aws" in text:
            matches = [match.rstrip(".:/").removesuffix(":*") for match in _ARN.findall(text)]
            matches = [match for match in matches if match.count(":") >= 5 and not set("*?${}") & set(match)]
        else:
            matches = _ID.findall(text) if "-" in text else []
        for match in matches:
            if match.startswith("arn:") and match.endswith(":root"):
                continue
            by_other_name = _id_of(match) in declared if match.startswith("arn:") else match in ids
            if match not in own and match not in declared and not by_other_name:
                targets.add(match)
        if len(targets) >= 200:
            break
    return targets


def _id_of(arn: str) -> str:
    parts = arn.split(":", 5)
    return re.split(r"[/:]", parts[5], maxsplit=1)[-1] if len(parts) == 6 and parts[0] == "arn" else ""


def _fill_addresses(connection: sa.Connection) -> None:
    rows = connection.execute(sa.text("SELECT DISTINCT address FROM address")).scalars().all()
    packed = []
    for text in rows:
        address = ipaddress.ip_address(text)
        packed.append({"address": text, "packed": f"{address.version}{address.packed.hex()}"})
    if packed:
        connection.execute(sa.text("UPDATE address SET packed = :packed WHERE address = :address"), packed)
