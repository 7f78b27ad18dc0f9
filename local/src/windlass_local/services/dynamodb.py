"""DynamoDB: moto's, with a lock per table (it loses updates under threads) and a time to live that takes effect."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

PRIVATE_NAMES = (
    "moto.dynamodb.models.DynamoDBBackend.update_item",
    "moto.dynamodb.models.DynamoDBBackend.put_item",
    "moto.dynamodb.models.DynamoDBBackend.delete_item",
    "moto.dynamodb.models.DynamoDBBackend.get_item",
    "moto.dynamodb.models.DynamoDBBackend.query",
    "moto.dynamodb.models.DynamoDBBackend.scan",
    "moto.dynamodb.models.DynamoDBBackend.transact_write_items",
    "moto.dynamodb.models.DynamoDBBackend.execute_statement",
    "moto.dynamodb.models.DynamoDBBackend.execute_transaction",
    "moto.dynamodb.models.table.Table.delete_item",
)

_PATCHED = "_windlass_locked"
_SWEEP_EVERY_S = 1.0


def install() -> None:
    """Patch moto's backend; a second call changes nothing."""
    if hasattr(DynamoDBBackend, _PATCHED):
        return
    setattr(DynamoDBBackend, _PATCHED, True)
    for name in ("update_item", "put_item", "delete_item", "get_item", "query", "scan"):
        setattr(DynamoDBBackend, name, _locked(getattr(DynamoDBBackend, name)))
    for name in ("transact_write_items", "execute_statement", "execute_transaction"):
        setattr(DynamoDBBackend, name, _locked_whole(getattr(DynamoDBBackend, name)))


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, table_name: str, *args: Any, **kwargs: Any) -> Any:
        # A single write holds one lock and asks for no other, so it can't deadlock with a transaction. The locks are
        # re-entrant: moto's methods call each other.
        with _lock_of(self, table_name):
            _expire(self, table_name)
            return method(self, table_name, *args, **kwargs)

    return run


def _locked_whole(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        # A transaction or a PartiQL statement may touch any table: it takes all locks, in the order of their names.
        with contextlib.ExitStack() as held:
            for name in sorted(table.name for table in list(self.tables.values())):
                held.enter_context(_lock_of(self, name))
                _expire(self, name)
            return method(self, *args, **kwargs)

    return run


_MAKING = threading.Lock()


def _lock_of(backend: Any, table_name: str) -> Any:
    # A name may be an ARN; both must find the same lock.
    name = table_name.rpartition("/")[2]
    with _MAKING:
        locks: dict[str, Any] = backend.__dict__.setdefault("_windlass_locks", {})
        return locks.setdefault(name, threading.RLock())


def _expire(backend: Any, table_name: str) -> None:
    """Delete what is past its time to live; looked for at most once a second per table."""
    table = backend.tables.get(table_name.rpartition("/")[2])
    if table is None or table.ttl.get("TimeToLiveStatus") != "ENABLED":
        return
    now = time.time()
    if now - table.__dict__.get("_windlass_swept", 0.0) < _SWEEP_EVERY_S:
        return
    table.__dict__["_windlass_swept"] = now
    attribute = table.ttl["AttributeName"]
    for item in list(table.all_items()):
        value = item.attrs.get(attribute)
        if value is not None and value.type == "N" and float(value.value) <= now:
            _delete(table, item)


def _delete(table: Table, item: Any) -> None:
    table.delete_item(item.hash_key, item.range_key)
