"""The inventory as the scan's directory: instances and principals are read once, an address's history when first asked for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from windlass.clients.model import Holder
from windlass.core.errors import UsageError
from windlass.inventory.model import AddressHolder, Query, Resource
from windlass.inventory.service import Inventory

__all__ = ["InventoryDirectory", "count_buckets"]

_OWNER_TAGS = ("owner", "team", "Owner", "Team", "service")
_REMEMBERED = 50_000
# An instance's address is also its interface's: the one that says most comes first.
_TELLING = (
    "ec2.instance",
    "lambda.function",
    "ecs.task",
    "ec2.nat_gateway",
    "ec2.vpc_endpoint",
    "ec2.network_interface",
)


class InventoryDirectory:
    """Holders out of the inventory's address history, by the time of an event."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._history = functools.lru_cache(_REMEMBERED)(self._read_history)
        self._named: dict[str, dict[str, Holder]] = {}

    def holder(self, ip: str, at: datetime, *, account_id: str = "") -> Holder | None:
        """Who held the address at that time: one of the account's before others', the most telling type first."""
        held = [
            one for one in self._history(ip) if one.valid_from <= at and (one.valid_to is None or at < one.valid_to)
        ]
        if not held:
            return None
        best = min(held, key=lambda one: (one.resource.account_id != account_id, _rank(one.resource)))
        return _holder(best.resource, best.valid_from, best.valid_to)

    def instance(self, instance_id: str) -> Holder | None:
        """The instance of this id, living or not."""
        return self._by_name("ec2.instance").get(instance_id)

    def principal(self, arn: str) -> Holder | None:
        """The role or user of this ARN."""
        return self._by_name("iam.role", "iam.user").get(arn)

    def _read_history(self, ip: str) -> Sequence[AddressHolder]:
        try:
            return self._inventory.ip(ip)
        except UsageError:  # what CloudTrail calls an address is not always one
            return ()

    def _by_name(self, *types: str) -> dict[str, Holder]:
        """Every resource of these types by id and ARN, deleted ones too: logs are older than they are."""
        name = types[0]
        if name not in self._named:
            found: dict[str, Holder] = {}
            query = Query(types=types, include_deleted=True, limit=1000)
            while True:
                page = self._inventory.list(query)
                for one in page.rows:
                    found[one.resource_id] = found[one.arn] = _holder(one)
                if not page.cursor:
                    break
                query = replace(query, cursor=page.cursor)
            self._named[name] = found
        return self._named[name]


def count_buckets(inventory: Inventory) -> int | None:
    """How many buckets the inventory has; None when it has none, as nothing was collected then."""
    return inventory.list(Query(types=("s3.bucket",), limit=1)).total or None


def _rank(resource: Resource) -> int:
    return _TELLING.index(resource.type) if resource.type in _TELLING else len(_TELLING) - 1


def _holder(resource: Resource, valid_from: datetime | None = None, valid_to: datetime | None = None) -> Holder:
    return Holder(
        key=resource.key,
        type=resource.type,
        name=resource.name or resource.resource_id,
        owner=next((resource.tags[name] for name in _OWNER_TAGS if resource.tags.get(name)), ""),
        valid_from=valid_from,
        valid_to=valid_to,
    )
