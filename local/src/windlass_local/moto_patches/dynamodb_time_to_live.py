"""Items of DynamoDB are deleted after their time to live.

Upstream: TimeToLiveSpecification is stored and has no effect.
AWS: items are deleted after the time in their attribute, within a few days; here when the table is next used.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
Offered upstream: no.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from windlass_local.moto_patches.dynamodb_locks import lock_of

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.dynamodb.models.DynamoDBBackend.get_item",
    "moto.dynamodb.models.DynamoDBBackend.query",
    "moto.dynamodb.models.DynamoDBBackend.scan",
    "moto.dynamodb.models.table.Table.delete_item",
)
_ONE_TABLE = ("update_item", "put_item", "delete_item", "get_item", "query", "scan")
_ANY_TABLE = ("transact_write_items", "execute_statement", "execute_transaction")
_SWEEP_INTERVAL_S = 1.0


def apply() -> None:
    """Wrap moto's operations: each deletes expired items first."""
    for name in _ONE_TABLE:
        setattr(DynamoDBBackend, name, _sweeping_one(getattr(DynamoDBBackend, name)))
    for name in _ANY_TABLE:
        setattr(DynamoDBBackend, name, _sweeping_all(getattr(DynamoDBBackend, name)))


def _sweeping_one(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, table_name: str, *args: Any, **kwargs: Any) -> Any:
        _expire(self, table_name)
        return method(self, table_name, *args, **kwargs)

    return run


def _sweeping_all(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        for table in list(self.tables.values()):
            _expire(self, table.name)
        return method(self, *args, **kwargs)

    return run


def _expire(backend: Any, table_name: str) -> None:
    """Delete the items of a table that have expired; at most once a second per table."""
    table = backend.tables.get(table_name.rpartition("/")[2])
    if table is None or table.ttl.get("TimeToLiveStatus") != "ENABLED":
        return
    now = time.time()
    if now - table.__dict__.get("_windlass_swept", 0.0) < _SWEEP_INTERVAL_S:
        return
    table.__dict__["_windlass_swept"] = now
    attribute = table.ttl["AttributeName"]
    with lock_of(backend, table_name):
        for item in list(table.all_items()):
            value = item.attrs.get(attribute)
            if value is not None and value.type == "N" and float(value.value) <= now:
                _delete(table, item)


def _delete(table: Table, item: Any) -> None:
    table.delete_item(item.hash_key, item.range_key)
