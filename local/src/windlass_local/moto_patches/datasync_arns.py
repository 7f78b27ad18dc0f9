"""Locations and tasks of DataSync have ARNs of their own account.

Upstream: every ARN has the account 111222333444.
AWS: an ARN has the account that made the resource.
Source: https://docs.aws.amazon.com/datasync/latest/userguide/API_CreateTask.html
Offered upstream: no.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.datasync.models import DataSyncBackend

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.datasync.models.DataSyncBackend.create_location",
    "moto.datasync.models.DataSyncBackend.create_task",
)
_FIXED_ACCOUNT = ":111222333444:"


def apply() -> None:
    """Wrap the two operations that make ARNs."""
    DataSyncBackend.create_location = _with_own_account(DataSyncBackend.create_location, "locations")
    DataSyncBackend.create_task = _with_own_account(DataSyncBackend.create_task, "tasks")


def _with_own_account(create: Callable[..., str], kept_in: str) -> Callable[..., str]:
    @functools.wraps(create)
    def create_owned(self: Any, *args: Any, **kwargs: Any) -> str:
        stored = getattr(self, kept_in)
        created = stored.pop(create(self, *args, **kwargs))
        created.arn = created.arn.replace(_FIXED_ACCOUNT, f":{self.account_id}:")
        stored[created.arn] = created
        return str(created.arn)

    return create_owned
