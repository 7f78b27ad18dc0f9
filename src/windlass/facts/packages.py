"""Which hosts have a package, in which version, and since when: now or at a past time.

The distinct rows of a package are few, whatever the number of hosts: their versions are compared here, and the database finds
the hosts that have one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select

from windlass.core.clock import parse_time
from windlass.core.errors import UsageError
from windlass.core.suggest import unknown_word
from windlass.facts.batches import batches
from windlass.facts.host_views import OwnerOf, instance_join, is_present, time_of
from windlass.facts.sections import PACKAGE_FAMILIES, SHAPES
from windlass.facts.tables import fact_row, host, host_fact, host_section
from windlass.facts.versions import compare_to_bound
from windlass.inventory.member_values import microseconds
from windlass.inventory.tables import resource

__all__ = ["PackageHost", "PackageQuery", "find_packages", "kind_of", "package_sections"]

_BATCH = 500
_WILDCARDS = str.maketrans({"*": "%", "%": "\\%", "_": "\\_", "\\": "\\\\"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageQuery:
    """The hosts to find. `name` ignores case and may have `*`; `kind` is deb, rpm, python, … (empty: all)."""

    name: str
    kind: str = ""
    below: str = ""
    at_least: str = ""
    version: str = ""
    owner: str = ""
    accounts: tuple[str, ...] = ()
    at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.name.strip("* "):
            raise UsageError("the name of the package is missing", hint="Name it: openssl, or with a star: openssl*.")


class PackageHost(NamedTuple):
    """A host with a package. `since` is when the host began to match without interruption; `observed_at` the last report.

    A tuple, because a frozen dataclass takes four times as long to create, and a result may have ten thousand.
    """

    host_id: str
    name: str
    account_id: str
    region: str
    owner: str
    resource_row_id: int
    kind: str
    package: str
    version: str
    since: datetime
    observed_at: datetime
    is_current: bool
    """False when the last report could not read the packages: these are from an earlier report."""


def package_sections(kind: str = "") -> tuple[str, ...]:
    """Return the sections that hold packages of a kind; all package sections without one. UsageError for an unknown kind."""
    sections = {kind_of(shape.name): shape.name for shape in SHAPES if shape.name.partition(".")[0] in PACKAGE_FAMILIES}
    if not kind:
        return tuple(sections.values())
    if kind not in sections:
        raise unknown_word("kind of package", kind, sections)
    return (sections[kind],)


def kind_of(section: str) -> str:
    """Return the kind of packages in a section: `deb` of `packages.deb`."""
    family, _, part = section.partition(".")
    return part or family


def find_packages(connection: Connection, query: PackageQuery, owner_of: OwnerOf) -> list[PackageHost]:
    """Return the hosts with a package, by package, version and host. Hosts of deleted instances are left out of the present."""
    rows = {row.id: row for row in _matching_rows(connection, query)}
    periods = _periods(connection, rows, query.at)
    owner = lru_cache(maxsize=None)(lambda tags: owner_of(json.loads(tags)) if tags else "")
    hosts = [
        _package_host(details, rows[row_id], since, owner(details.tags), query.at)
        for details, row_id, since in _with_details(connection, periods, query)
        if query.owner in ("", owner(details.tags))
    ]
    return sorted(hosts, key=lambda item: (item.package, item.version, item.name, item.host_id))


def _matching_rows(connection: Connection, query: PackageQuery) -> Iterator[Any]:
    """Yield the distinct package rows that match by name and version."""
    name = query.name.strip().lower()
    label = func.lower(fact_row.c.label)
    matches = label.like(name.translate(_WILDCARDS), escape="\\") if "*" in name else label == name
    statement = select(fact_row.c.id, fact_row.c.section, fact_row.c.label, fact_row.c.version).where(
        matches, fact_row.c.section.in_(package_sections(query.kind))
    )
    for row in connection.execute(statement):
        kind = kind_of(row.section)
        if (
            (not query.below or compare_to_bound(kind, row.version, query.below) < 0)
            and (not query.at_least or compare_to_bound(kind, row.version, query.at_least) >= 0)
            and (not query.version or compare_to_bound(kind, row.version, query.version) == 0)
        ):
            yield row


def _periods(connection: Connection, rows: Mapping[int, Any], at: datetime | None) -> dict[tuple[int, int], int]:
    """Return {(section, row): since} for the rows that sections have now, or had at a time.

    An upgrade from one matching version to another does not interrupt: `since` is when the first of them was seen.
    """
    moment = microseconds(at) if at is not None else None
    intervals: dict[tuple[int, str], list[tuple[int, int | None, int]]] = {}
    for batch in batches(rows, _BATCH):
        statement = select(
            host_fact.c.section_row_id, host_fact.c.fact_row_id, host_fact.c.valid_from, host_fact.c.valid_to
        ).where(host_fact.c.fact_row_id.in_(batch))
        if moment is not None:
            statement = statement.where(host_fact.c.valid_from <= moment)
        for section_row_id, row_id, valid_from, valid_to in connection.execute(statement).all():
            key = (section_row_id, rows[row_id].label)
            intervals.setdefault(key, []).append((valid_from, valid_to, row_id))
    periods: dict[tuple[int, int], int] = {}
    for (section_row_id, _), history in intervals.items():
        periods.update({(section_row_id, row_id): since for row_id, since in _unbroken(history, moment)})
    return periods


def _unbroken(history: list[tuple[int, int | None, int]], moment: int | None) -> Iterator[tuple[int, int]]:
    """Yield (row, since) for each row that is valid at a moment (None: now)."""
    if len(history) == 1:  # most hosts: nothing to join
        valid_from, valid_to, row_id = history[0]
        if valid_to is None or (moment is not None and moment < valid_to):
            yield row_id, valid_from
        return
    since: int | None = None
    until: int | None = 0
    for valid_from, valid_to, row_id in sorted(history, key=lambda interval: (interval[0], interval[1] or 1 << 62)):
        if since is None or (until is not None and valid_from > until):
            since, until = valid_from, valid_to
        elif until is not None:
            until = None if valid_to is None else max(until, valid_to)
        if valid_to is None or (moment is not None and moment < valid_to):
            yield row_id, since


def _with_details(
    connection: Connection, periods: Mapping[tuple[int, int], int], query: PackageQuery
) -> Iterator[tuple[Any, int, int]]:
    """Yield (host and section, row, since) for each period whose host matches."""
    details = {
        row.section_row_id: row
        for batch in batches({section_row_id for section_row_id, _ in periods}, _BATCH)
        for row in connection.execute(_details(batch, query)).all()
    }
    for (section_row_id, row_id), since in periods.items():
        if section_row_id in details:
            yield details[section_row_id], row_id, since


def _details(section_row_ids: Sequence[int], query: PackageQuery) -> Any:
    statement = (
        select(
            host_section.c.id.label("section_row_id"),
            host_section.c.state,
            host_section.c.observed_at,
            host.c.host_id,
            func.coalesce(resource.c.name, host.c.name).label("name"),
            func.coalesce(resource.c.account_id, host.c.account_id).label("account_id"),
            func.coalesce(resource.c.region, host.c.region).label("region"),
            resource.c.id.label("resource_row_id"),
            resource.c.tags,
        )
        .join(host, host.c.id == host_section.c.host_row_id)
        .outerjoin(resource, instance_join())
        .where(host_section.c.id.in_(section_row_ids))
    )
    if query.at is None:
        statement = statement.where(is_present())
    if query.accounts:
        statement = statement.where(
            or_(resource.c.account_id.in_(query.accounts), host.c.account_id.in_(query.accounts))
        )
    return statement


def _package_host(details: Any, row: Any, since: int, owner: str, at: datetime | None) -> PackageHost:
    observed_at = parse_time(details.observed_at)
    return PackageHost(
        host_id=details.host_id,
        name=details.name or details.host_id,
        account_id=details.account_id,
        region=details.region,
        owner=owner,
        resource_row_id=details.resource_row_id or 0,
        kind=kind_of(row.section),
        package=row.label,
        version=row.version,
        since=time_of(since),
        observed_at=observed_at if at is None else min(observed_at, at),
        is_current=details.state == "read",
    )
