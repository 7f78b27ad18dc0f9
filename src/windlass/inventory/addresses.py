"""The resources that hold or held an IP address."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from sqlalchemy import Connection, or_, select

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import UsageError
from windlass.inventory.model import AddressHolder, Resource
from windlass.inventory.resources import COLUMNS, resource_of
from windlass.inventory.tables import address, resource

__all__ = ["held_by", "holders"]


def holders(connection: Connection, text: str, *, at: datetime | None) -> tuple[AddressHolder, ...]:
    """Return every known holder, the latest first; with `at`, the holders at that time. UsageError for a malformed address."""
    try:
        normalized = str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise UsageError(f"{text!r} is not an IP address", hint="Write 10.1.2.3 or 2001:db8::1.") from None
    conditions = [address.c.address == normalized]
    if at is not None:
        moment = format_time(at)
        conditions += [address.c.valid_from <= moment, or_(address.c.valid_to.is_(None), address.c.valid_to > moment)]
    statement = (
        select(*COLUMNS, address.c.valid_from.label("held_from"), address.c.valid_to.label("held_to"))
        .select_from(address.join(resource, resource.c.id == address.c.resource_row_id))
        .where(*conditions)
        .order_by(address.c.valid_from.desc(), resource.c.type)
    )
    return tuple(
        AddressHolder(
            normalized, resource_of(row), parse_time(row.held_from), parse_time(row.held_to) if row.held_to else None
        )
        for row in connection.execute(statement)
    )


def held_by(connection: Connection, of: Resource) -> tuple[AddressHolder, ...]:
    """Return every address that the resource has or had, the latest first."""
    statement = (
        select(address.c.address, address.c.valid_from, address.c.valid_to)
        .where(address.c.resource_row_id == of.id)
        .order_by(address.c.valid_from.desc(), address.c.address)
    )
    return tuple(
        AddressHolder(row.address, of, parse_time(row.valid_from), parse_time(row.valid_to) if row.valid_to else None)
        for row in connection.execute(statement)
    )
