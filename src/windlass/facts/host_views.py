"""Reads hosts and their sections, now and at a past time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from windlass.core.clock import parse_time
from windlass.core.errors import NotFound
from windlass.core.suggest import nearest
from windlass.facts.model import Host, HostSection, SectionChange, SectionState
from windlass.facts.tables import fact_row, host, host_fact, host_section, section_change
from windlass.inventory.member_values import microseconds
from windlass.inventory.tables import resource

__all__ = [
    "INSTANCE_TYPE",
    "OwnerOf",
    "changes_of",
    "find_host",
    "host_columns",
    "host_of",
    "list_hosts",
    "sections_of",
]

INSTANCE_TYPE = "ec2.instance"
"""The type of the resources that hosts are joined to, by instance ID."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

OwnerOf = Callable[[Mapping[str, str]], str]
"""Returns the owner that tags name; empty for none."""


def host_columns() -> tuple[Any, ...]:
    """Return the columns that `host_of` reads."""
    return (
        *host.c,
        resource.c.id.label("resource_row_id"),
        resource.c.name.label("resource_name"),
        resource.c.tags,
        resource.c.account_id.label("resource_account_id"),
        resource.c.region.label("resource_region"),
    )


def instance_join() -> Any:
    """Return the condition that joins a host with its EC2 instance."""
    return and_(resource.c.resource_id == host.c.host_id, resource.c.type == INSTANCE_TYPE)


def is_present() -> Any:
    """Return the condition for hosts that still exist, as far as the inventory knows: it leaves out deleted instances."""
    return resource.c.deleted_at.is_(None)


def host_of(row: Any, owner_of: OwnerOf) -> Host:
    """Return the host in a row of `host_columns`. What the inventory knows of the instance fills what no report named."""
    return Host(
        id=row.id,
        host_id=row.host_id,
        account_id=row.account_id or row.resource_account_id or "",
        region=row.region or row.resource_region or "",
        name=row.resource_name or row.name or row.host_id,
        platform=row.platform,
        first_seen_at=parse_time(row.first_seen_at),
        last_seen_at=parse_time(row.last_seen_at),
        resource_row_id=row.resource_row_id or 0,
        owner=owner_of(json.loads(row.tags)) if row.tags else "",
    )


def _hosts() -> Select[Any]:
    return select(*host_columns()).select_from(host).outerjoin(resource, instance_join())


def list_hosts(connection: Connection, owner_of: OwnerOf, *, words: str = "", gone: bool = False) -> tuple[Host, ...]:
    """Return hosts by name; those of deleted instances only with `gone`. `words` occur in the ID, name or platform."""
    statement = _hosts() if gone else _hosts().where(is_present())
    for word in words.lower().split():
        columns = (host.c.host_id, func.lower(host.c.name), func.lower(resource.c.name), host.c.platform)
        statement = statement.where(or_(*(column.contains(word, autoescape=True) for column in columns)))
    hosts = [host_of(row, owner_of) for row in connection.execute(statement).all()]
    return tuple(sorted(hosts, key=lambda item: (item.name, item.host_id)))


def find_host(connection: Connection, ref: str, owner_of: OwnerOf) -> Host:
    """Return the host with this ID, else the only one with this name. NotFound, with the nearest ID."""
    host_ref = ref.strip().lower()
    row = connection.execute(_hosts().where(host.c.host_id == host_ref)).first()
    if row is not None:
        return host_of(row, owner_of)
    named = [
        candidate
        for candidate in list_hosts(connection, owner_of, gone=True)
        if host_ref in (candidate.name.lower(), str(candidate.resource_row_id))
    ]
    if len(named) == 1:
        return named[0]
    if named:
        raise NotFound(
            f"{len(named)} hosts are named {ref!r}",
            hint=f"Use an ID: {', '.join(candidate.host_id for candidate in named[:5])}.",
        )
    close = nearest(host_ref, connection.execute(select(host.c.host_id)).scalars())
    hint = f"Did you mean {close!r}?" if close else "`windlass facts list` lists the hosts."
    raise NotFound(f"there are no facts of a host {ref!r}", hint=hint)


def sections_of(
    connection: Connection, host_row_id: int, *, names: Iterable[str] = (), at: datetime | None = None
) -> tuple[HostSection, ...]:
    """Return the sections of a host with their rows. `names` are sections or families; all without one.

    With `at`, a section that had not been read at that time is not among them: it was unknown.
    """
    statement = select(host_section).where(host_section.c.host_row_id == host_row_id).order_by(host_section.c.section)
    chosen = set(names)
    sections = []
    for row in connection.execute(statement).all():
        if chosen and not {row.section, row.section.partition(".")[0]} & chosen:
            continue
        section = _section(connection, row) if at is None else _section_at(connection, row, at)
        if section is not None:
            sections.append(section)
    return tuple(sections)


def _section(connection: Connection, row: Any) -> HostSection:
    return HostSection(
        name=row.section,
        state=SectionState(row.state),
        source=row.source,
        observed_at=parse_time(row.observed_at),
        changed_at=parse_time(row.changed_at),
        count=row.count,
        failure=row.failure,
        rows=_rows(connection, row.id, host_fact.c.valid_to.is_(None)),
    )


def _section_at(connection: Connection, row: Any, at: datetime) -> HostSection | None:
    moment = microseconds(at)
    statement = (
        select(section_change)
        .where(section_change.c.section_row_id == row.id, section_change.c.at <= moment)
        .order_by(section_change.c.at.desc(), section_change.c.id.desc())
        .limit(1)
    )
    change = connection.execute(statement).first()
    if change is None:
        return None
    valid = and_(host_fact.c.valid_from <= moment, or_(host_fact.c.valid_to.is_(None), host_fact.c.valid_to > moment))
    rows = _rows(connection, row.id, valid)
    changed_at = time_of(change.at)
    observed_at = min(parse_time(row.observed_at), at)
    return HostSection(
        name=row.section,
        state=SectionState(change.state),
        source=change.source,
        observed_at=observed_at,
        changed_at=changed_at,
        count=len(rows),
        failure=change.failure,
        rows=rows,
    )


def _rows(connection: Connection, section_row_id: int, valid: Any) -> tuple[dict[str, Any], ...]:
    statement = (
        select(fact_row.c.document)
        .join(host_fact, host_fact.c.fact_row_id == fact_row.c.id)
        .where(host_fact.c.section_row_id == section_row_id, valid)
        .order_by(fact_row.c.label, fact_row.c.version, fact_row.c.id)
    )
    return tuple(json.loads(document) for document in connection.execute(statement).scalars())


def changes_of(connection: Connection, host_row_id: int, *, limit: int) -> Sequence[SectionChange]:
    """Return the latest changes of a host's sections, newest first."""
    statement = (
        select(section_change, host_section.c.section)
        .join(host_section, host_section.c.id == section_change.c.section_row_id)
        .where(host_section.c.host_row_id == host_row_id)
        .order_by(section_change.c.at.desc(), section_change.c.id.desc())
        .limit(limit)
    )
    return [
        SectionChange(
            row.section,
            time_of(row.at),
            row.source,
            SectionState(row.state),
            row.added,
            row.removed,
            row.failure,
        )
        for row in connection.execute(statement)
    ]


def time_of(value: int) -> datetime:
    """Return the time of a number of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)
