"""The inventory as the directory of a scan. Instances and principals are read once, an address's history on its first use."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from windlass.clients.model import IpHolder
from windlass.core.errors import UsageError
from windlass.inventory.model import AddressHolder, Query, Resource
from windlass.inventory.service import Inventory

__all__ = ["InventoryDirectory", "count_buckets"]

_CACHED_ADDRESSES = 50_000
# The address of an instance is also that of its interface: the most specific type comes first.
_BY_SPECIFICITY = (
    "ec2.instance",
    "lambda.function",
    "ecs.task",
    "ec2.nat_gateway",
    "ec2.vpc_endpoint",
    "ec2.network_interface",
)


class InventoryDirectory:
    """Holders of addresses at the time of an event, from the inventory's history."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        inventory.owners.refresh()
        self._history = functools.lru_cache(_CACHED_ADDRESSES)(self._read_history)
        self._named: dict[str, dict[str, IpHolder]] = {}

    def holder(self, ip: str, at: datetime, *, account_id: str = "") -> IpHolder | None:
        """Return the holder at that time: a resource of the account before others, the most specific type first."""
        held = [
            entry
            for entry in self._history(ip)
            if entry.valid_from <= at and (entry.valid_to is None or at < entry.valid_to)
        ]
        if not held:
            return None
        best = min(held, key=lambda entry: (entry.resource.account_id != account_id, _rank(entry.resource)))
        owner = self._inventory.owners.owners_of([best.resource.id]).get(best.resource.id, "")
        return _holder(replace(best.resource, owner=owner), best.valid_from, best.valid_to)

    def instance(self, instance_id: str) -> IpHolder | None:
        """Return the instance of this id, deleted ones included."""
        return self._by_name("ec2.instance").get(instance_id)

    def principal(self, arn: str) -> IpHolder | None:
        """Return the role or user of this ARN."""
        return self._by_name("iam.role", "iam.user").get(arn)

    def _read_history(self, ip: str) -> Sequence[AddressHolder]:
        try:
            return self._inventory.ip(ip)
        except UsageError:  # CloudTrail's address may be a host name
            return ()

    def _by_name(self, *types: str) -> dict[str, IpHolder]:
        """Return every resource of these types by id and ARN, deleted ones included: logs may be older than a deletion."""
        name = types[0]
        if name not in self._named:
            holders: dict[str, IpHolder] = {}
            query = Query(types=types, include_deleted=True, limit=1000)
            while True:
                page = self._inventory.list(query)
                for resource in page.rows:
                    holders[resource.resource_id] = holders[resource.arn] = _holder(resource)
                if not page.cursor:
                    break
                query = replace(query, cursor=page.cursor)
            self._named[name] = holders
        return self._named[name]


def count_buckets(inventory: Inventory) -> int | None:
    """Return the number of buckets in the inventory; None without any, because nothing was collected then."""
    return inventory.list(Query(types=("s3.bucket",), limit=1)).total or None


def _rank(resource: Resource) -> int:
    return _BY_SPECIFICITY.index(resource.type) if resource.type in _BY_SPECIFICITY else len(_BY_SPECIFICITY) - 1


def _holder(resource: Resource, valid_from: datetime | None = None, valid_to: datetime | None = None) -> IpHolder:
    return IpHolder(
        key=resource.key,
        type=resource.type,
        name=resource.name or resource.resource_id,
        owner=resource.owner,
        valid_from=valid_from,
        valid_to=valid_to,
    )
