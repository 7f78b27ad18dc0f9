"""The resources that hold or held an IP address, or one of a network."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from windlass.core.clock import parse_time
from windlass.core.errors import UsageError
from windlass.inventory.model import AddressHolder, Resource
from windlass.inventory.networks import held_at, within
from windlass.inventory.resources import COLUMNS, resource_of
from windlass.inventory.search_terms import network_of
from windlass.inventory.tables import address, resource

__all__ = ["held_by", "holders"]

_MAX_HOLDERS = 1000  # of a network; `inventory export` is for more


def holders(connection: Connection, text: str, *, at: datetime | None) -> tuple[AddressHolder, ...]:
    """Return the known holders of an address or network (`10.1.0.0/16`), the latest first, at most 1,000.

    With `at`, the holders at that time. UsageError for any other text.
    """
    network = network_of(text)
    if network is None:
        raise UsageError(
            f"{text!r} is not an IP address or network", hint="Write 10.1.2.3, 10.1.0.0/16 or 2001:db8::1."
        )
    statement = (
        select(
            *COLUMNS, address.c.address, address.c.valid_from.label("held_from"), address.c.valid_to.label("held_to")
        )
        .select_from(address.join(resource, resource.c.id == address.c.resource_row_id))
        .where(within(network), *([] if at is None else [held_at(at)]))
        .order_by(address.c.valid_from.desc(), resource.c.type)
        .limit(_MAX_HOLDERS)
    )
    return tuple(
        AddressHolder(
            row.address, resource_of(row), parse_time(row.held_from), parse_time(row.held_to) if row.held_to else None
        )
        for row in connection.execute(statement)
    )


def held_by(connection: Connection, subject: Resource) -> tuple[AddressHolder, ...]:
    """Return every address that the resource has or had, the latest first."""
    statement = (
        select(address.c.address, address.c.valid_from, address.c.valid_to)
        .where(address.c.resource_row_id == subject.id)
        .order_by(address.c.valid_from.desc(), address.c.address)
    )
    return tuple(
        AddressHolder(
            row.address, subject, parse_time(row.valid_from), parse_time(row.valid_to) if row.valid_to else None
        )
        for row in connection.execute(statement)
    )
