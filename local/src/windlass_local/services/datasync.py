"""DataSync: moto's, with ARNs of the account that made the location or task; moto puts one fixed account into all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.datasync.models import DataSyncBackend

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.datasync.models.DataSyncBackend.create_location",
    "moto.datasync.models.DataSyncBackend.create_task",
)
_FIXED_ACCOUNT = ":111222333444:"
_PATCHED = "_windlass_accounts"


def install() -> None:
    """Wrap the two operations that make ARNs; a second call changes nothing."""
    if hasattr(DataSyncBackend, _PATCHED):
        return
    setattr(DataSyncBackend, _PATCHED, True)
    DataSyncBackend.create_location = _owned(DataSyncBackend.create_location, "locations")
    DataSyncBackend.create_task = _owned(DataSyncBackend.create_task, "tasks")


def _owned(create: Callable[..., str], kept_in: str) -> Callable[..., str]:
    @functools.wraps(create)
    def create_owned(self: Any, *args: Any, **kwargs: Any) -> str:
        kept = getattr(self, kept_in)
        made = kept.pop(create(self, *args, **kwargs))
        made.arn = made.arn.replace(_FIXED_ACCOUNT, f":{self.account_id}:")
        kept[made.arn] = made
        return str(made.arn)

    return create_owned
