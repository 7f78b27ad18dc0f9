"""Writes of DynamoDB are atomic.

Upstream: concurrent calls read and write the same item, and updates are lost.
AWS: each write is atomic; a transaction is serializable.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
Offered upstream: no.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

__all__ = ["PRIVATE_NAMES", "apply", "lock_of"]

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
)


def apply() -> None:
    """Patch moto's backend: each operation takes a lock per table."""
    for name in ("update_item", "put_item", "delete_item", "get_item", "query", "scan"):
        setattr(DynamoDBBackend, name, _locked(getattr(DynamoDBBackend, name)))
    for name in ("transact_write_items", "execute_statement", "execute_transaction"):
        setattr(DynamoDBBackend, name, _locked_whole(getattr(DynamoDBBackend, name)))


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, table_name: str, *args: Any, **kwargs: Any) -> Any:
        # A single write holds one lock and takes no other, so it can't deadlock with a transaction. The locks are
        # re-entrant: moto's methods call each other.
        with lock_of(self, table_name):
            return method(self, table_name, *args, **kwargs)

    return run


def _locked_whole(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        # A transaction or a PartiQL statement may touch any table: it takes all locks, in the order of their names.
        with contextlib.ExitStack() as held:
            for name in sorted(table.name for table in list(self.tables.values())):
                held.enter_context(lock_of(self, name))
            return method(self, *args, **kwargs)

    return run


_MAKING = threading.Lock()


def lock_of(backend: Any, table_name: str) -> Any:
    """Return the lock of a table, by its name or ARN."""
    name = table_name.rpartition("/")[2]
    with _MAKING:
        locks: dict[str, Any] = backend.__dict__.setdefault("_windlass_locks", {})
        return locks.setdefault(name, threading.RLock())
