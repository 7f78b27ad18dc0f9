"""Gaps: instances without facts, sections that were not read, hosts that no longer report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from windlass.core.clock import format_time
from windlass.facts.host_views import INSTANCE_TYPE, OwnerOf, list_hosts
from windlass.facts.model import Host, SectionState
from windlass.facts.sections import OS_PACKAGES
from windlass.facts.tables import host, host_section
from windlass.inventory.tables import resource

__all__ = ["MissingFacts", "hosts_with_known_packages", "instances_without_facts", "silent_hosts", "unread_sections"]

DEFAULT_SECTIONS = ("os", "packages")
"""The sections that every source reads: a host without them has a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFacts:
    """A gap in what is known of a host, with its reason. `last_seen_at` is None for an instance that never reported."""

    host_id: str
    name: str
    account_id: str
    region: str
    owner: str
    resource_row_id: int
    missing: str  # `facts`, or the section
    reason: str
    last_seen_at: datetime | None = None


def instances_without_facts(connection: Connection, owner_of: OwnerOf) -> Iterator[MissingFacts]:
    """Yield the instances of the inventory that no source ever reported on."""
    statement = (
        select(resource.c.id, resource.c.resource_id, resource.c.name, resource.c.account_id, resource.c.region)
        .add_columns(resource.c.tags, resource.c.document)
        .outerjoin(host, host.c.host_id == resource.c.resource_id)
        .where(resource.c.type == INSTANCE_TYPE, resource.c.deleted_at.is_(None), host.c.id.is_(None))
        .order_by(resource.c.name, resource.c.resource_id)
    )
    for row in connection.execute(statement):
        state = json.loads(row.document).get("State", {})
        name = state.get("Name", "") if isinstance(state, dict) else ""
        yield MissingFacts(
            host_id=row.resource_id,
            name=row.name,
            account_id=row.account_id,
            region=row.region,
            owner=owner_of(json.loads(row.tags)),
            resource_row_id=row.id,
            missing="facts",
            reason=f"no source reported on this instance{f' ({name})' if name else ''}",
        )


def unread_sections(connection: Connection, section: str, owner_of: OwnerOf) -> Iterator[MissingFacts]:
    """Yield the hosts whose `section` (or family) was never read, or could not be read by the last report."""
    statement = select(host_section.c.host_row_id, host_section.c.section, host_section.c.state, host_section.c.failure)
    sections: dict[int, list[Any]] = {}
    for row in connection.execute(statement):
        if section in (row.section, row.section.partition(".")[0]):
            sections.setdefault(row.host_row_id, []).append(row)
    for listed in list_hosts(connection, owner_of):
        rows = sections.get(listed.id, [])
        failures = [row.failure for row in rows if row.state != SectionState.READ]
        if not rows:
            yield _missing(listed, section, "no source reads this section")
        elif failures:
            yield _missing(listed, section, failures[0] or "the last report could not read this section")


def silent_hosts(connection: Connection, since: datetime, owner_of: OwnerOf) -> Iterator[MissingFacts]:
    """Yield the hosts whose last report is older than `since`."""
    for listed in list_hosts(connection, owner_of):
        if listed.last_seen_at < since:
            yield _missing(listed, "facts", f"silent since {format_time(listed.last_seen_at)[:16]}Z")


def _missing(listed: Host, missing: str, reason: str) -> MissingFacts:
    return MissingFacts(
        host_id=listed.host_id,
        name=listed.name,
        account_id=listed.account_id,
        region=listed.region,
        owner=listed.owner,
        resource_row_id=listed.resource_row_id,
        missing=missing,
        reason=reason,
        last_seen_at=listed.last_seen_at,
    )


def hosts_with_known_packages(connection: Connection, sections: tuple[str, ...]) -> set[int]:
    """Return the row IDs of the hosts whose packages are known.

    For one section: that it was read. For all: that a section of the operating system's packages was read and is not empty,
    since a host without a single package does not exist.
    """
    is_read = host_section.c.state == SectionState.READ
    if len(sections) == 1:
        condition = and_(is_read, host_section.c.section == sections[0])
    else:
        condition = and_(is_read, host_section.c.section.in_(OS_PACKAGES), host_section.c.count > 0)
    return set(connection.execute(select(host_section.c.host_row_id).where(condition)).scalars())
