"""Migration 0016 renames tables and columns: rows survive it, and so do the grants of PostgreSQL's reader."""

import contextlib
import importlib

import psycopg
from sqlalchemy import text

from windlass.inventory.sql import PUBLISHED, run_sql
from windlass.inventory.tables import scope_failure, unread_detail
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.reader import create_reader
from windlass.store.schema import _run, _scripts, current_version, head_version, upgrade

TIME = "2026-11-20T08:00:00.000000Z"
MIGRATION = importlib.import_module("windlass.store.migrations.versions.0016_inventory_names")
RESOURCE = {
    "id": 7,
    "key": "k",
    "type": "ec2.vpc",
    "account_id": "111111111111",
    "scope_region": "eu-west-1",
    "region": "eu-west-1",
    "resource_id": "vpc-1",
    "name": "main",
    **dict.fromkeys(("arn", "digest"), ""),
    **dict.fromkeys(("tags", "document", "measures"), "{}"),
    "revision_id": 3,
    "revisions": 1,
    "first_seen_at": TIME,
    "changed_at": TIME,
}
REVISION = {
    "revision_id": 3,
    "resource_row_id": 7,
    "change": "created",
    "valid_from": TIME,
    "patch": "[]",
    "name": "main",
}
SCOPE = {
    "account_id": "111111111111",
    "region": "eu-west-1",
    "type": "ec2.vpc",
    "state": "ok",
    **dict.fromkeys(("error_code", "error"), ""),
    **dict.fromkeys(("resources", "calls", "duration_s"), 1),
    "scanned_at": TIME,
    "details_unknown": 0,
    "run_id": "r",
}
ROWS = {
    "resource": RESOURCE,
    "revision": REVISION | dict.fromkeys(("run_id", "actor", "event_id"), ""),
    "relation": {"source_row_id": 7, "kind": "in", "target": "t", "target_type": "", "valid_from": TIME},
    "address": {"address": "10.0.0.1", "resource_row_id": 7, "valid_from": TIME},
    "tag": {"resource_row_id": 7, "name": "team", "value": "web"},
    "unread_detail": {"resource_row_id": 7, "read_at": "{}"},
    "scope": SCOPE,
    "scope_failure": SCOPE,
}


def insert_before(connection, table, row):
    """Insert a row under the names that the table and its columns had before the migration."""
    tables = {new: old for old, new in MIGRATION._TABLES}
    columns = {(of, new): old for of, old, new in MIGRATION._COLUMNS}
    names = ", ".join(columns.get((table, name), name) for name in row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {tables.get(table, table)} ({names}) VALUES ({values})"), row)


@contextlib.contextmanager
def reader_of(store, store_url):
    """On PostgreSQL the reader's role, for the block; roles outlive databases."""
    if store.dialect == "sqlite":
        yield
        return
    role = create_reader(store, tuple(PUBLISHED))
    try:
        yield
    finally:
        with psycopg.connect(store_url.replace("+psycopg", ""), autocommit=True) as server:
            server.execute(f'DROP OWNED BY "{role}"')
            server.execute(f'DROP ROLE "{role}"')


def test_rows_views_and_grants_survive_the_new_names(store_url):
    with open_store(StoreConfig(url=store_url), migrated=False) as store:
        with store.write() as connection:
            _run(connection, _scripts(), "0015")
            for table, row in ROWS.items():
                insert_before(connection, table, row)
        with reader_of(store, store_url):
            upgrade(store)
            assert current_version(store) == head_version()
            assert run_sql(store, "SELECT id, name FROM resources", limit=9).rows == ((7, "main"),)
            assert run_sql(store, "SELECT scanned_at FROM scopes", limit=9).rows == ((TIME,),)
            assert run_sql(store, "SELECT revision_id FROM revisions", limit=9).rows == ((3,),)
            assert run_sql(store, "SELECT source, target FROM relations", limit=9).rows == (("k", "t"),)
        with store.read() as connection:
            assert connection.execute(unread_detail.select()).all() == [(7, "{}")]
            assert connection.execute(scope_failure.select()).one().scanned_at == TIME
