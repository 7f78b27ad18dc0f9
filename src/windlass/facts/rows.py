"""Hosts, sections and answers as rows for tables, JSON and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from windlass.facts.missing import MissingFacts
from windlass.facts.model import Host, HostSection, SectionChange, SectionResult
from windlass.facts.packages import PackageHost
from windlass.facts.sources.ssm_api import Node
from windlass.present.output import Column

__all__ = [
    "CHANGE_COLUMNS",
    "HOST_COLUMNS",
    "MISSING_COLUMNS",
    "PACKAGE_COLUMNS",
    "RESULT_COLUMNS",
    "SECTION_COLUMNS",
    "change_row",
    "host_row",
    "missing_row",
    "node_row",
    "package_row",
    "result_row",
    "section_row",
    "unknown_line",
]

HOST_COLUMNS: tuple[object, ...] = (
    "name",
    Column("host_id", "HOST"),
    "platform",
    "account_id",
    "region",
    "owner",
    "last_seen_at",
)
SECTION_COLUMNS = (
    Column("name", "SECTION"),
    "state",
    Column("count", "ROWS", right=True),
    "source",
    "observed_at",
    "changed_at",
    "failure",
)
PACKAGE_COLUMNS: tuple[object, ...] = (
    "package",
    "version",
    "kind",
    Column("name", "HOST"),
    "host_id",
    "account_id",
    "region",
    "owner",
    "since",
    "observed_at",
)
MISSING_COLUMNS = (Column("name", "HOST"), "host_id", "account_id", "region", "owner", "missing", "reason")
CHANGE_COLUMNS = (
    "at",
    "section",
    Column("added", right=True),
    Column("removed", right=True),
    "state",
    "source",
    "failure",
)

RESULT_COLUMNS = (
    "host_id",
    "section",
    "outcome",
    Column("added", right=True),
    Column("removed", right=True),
    "detail",
)


def host_row(host: Host) -> dict[str, Any]:
    """Return a host. `resource` is the number of its instance in the inventory."""
    return {
        "host_id": host.host_id,
        "name": host.name,
        "platform": host.platform,
        "account_id": host.account_id,
        "region": host.region,
        "owner": host.owner,
        "resource": f"#{host.resource_row_id}" if host.resource_row_id else "",
        "first_seen_at": host.first_seen_at,
        "last_seen_at": host.last_seen_at,
    }


def section_row(section: HostSection, *, rows: bool = True) -> dict[str, Any]:
    """Return a section, with its rows unless `rows` is false."""
    row = {
        "name": section.name,
        "state": str(section.state),
        "source": section.source,
        "count": section.count,
        "observed_at": section.observed_at,
        "changed_at": section.changed_at,
        "failure": section.failure,
    }
    return row | {"rows": [dict(each) for each in section.rows]} if rows else row


def package_row(match: PackageHost) -> dict[str, Any]:
    """Return a host that has a package."""
    row = match._asdict()
    row["resource"] = f"#{row.pop('resource_row_id')}" if match.resource_row_id else ""
    return row


def missing_row(missing: MissingFacts) -> dict[str, Any]:
    """Return what is not known of a host."""
    return {
        "host_id": missing.host_id,
        "name": missing.name,
        "account_id": missing.account_id,
        "region": missing.region,
        "owner": missing.owner,
        "missing": missing.missing,
        "reason": missing.reason,
        "last_seen_at": missing.last_seen_at,
    }


def change_row(change: SectionChange) -> dict[str, Any]:
    """Return a change of a section."""
    return {
        "at": change.at,
        "section": change.section,
        "added": change.added,
        "removed": change.removed,
        "state": str(change.state),
        "source": change.source,
        "failure": change.failure,
    }


def result_row(result: SectionResult) -> dict[str, Any]:
    """Return what became of a section of a report."""
    return {
        "host_id": result.host_id,
        "section": result.section,
        "outcome": str(result.outcome),
        "added": result.added,
        "removed": result.removed,
        "detail": result.detail,
    }


def node_row(node: Node) -> dict[str, Any]:
    """Return a node that Systems Manager manages."""
    host = node.host
    return {
        "host_id": host.host_id,
        "name": host.name,
        "platform": node.platform,
        "account_id": host.account_id,
        "region": host.region,
    }


def unknown_line(unknown: Iterable[Host]) -> str:
    """Return the line that names hosts whose packages are not known; empty without any."""
    names = sorted(host.name for host in unknown)
    if not names:
        return ""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return (
        f"Unknown: the packages of {', '.join(names[:3])}{more} were not read. "
        "`windlass facts missing --section packages` says why."
    )
