"""IP addresses in the store: as text that orders by address, and the query for the addresses of a network."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select

from windlass.core.clock import format_time
from windlass.inventory.search_terms import Network
from windlass.inventory.tables import address

__all__ = ["held_at", "holder_ids", "packed", "within"]


def packed(text: str) -> str:
    """Return an IP address as text of fixed width by version, so that a network is a range: `40a010203` is 10.1.2.3."""
    value = ipaddress.ip_address(text)
    return f"{value.version}{value.packed.hex()}"


def within(network: Network) -> ColumnElement[bool]:
    """Return the condition that a row of `address` is in the network."""
    first, last = packed(str(network.network_address)), packed(str(network.broadcast_address))
    return address.c.packed.between(first, last)


def held_at(at: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a row of `address` was valid at a time (None: now)."""
    if at is None:
        return address.c.valid_to.is_(None)
    moment = format_time(at)
    return (address.c.valid_from <= moment) & or_(address.c.valid_to.is_(None), address.c.valid_to > moment)


def holder_ids(network: Network, at: datetime | None) -> Select[tuple[int]]:
    """Return the query for the row ids of the resources that hold an address of the network, now or at a time."""
    return select(address.c.resource_row_id).where(within(network), held_at(at))
