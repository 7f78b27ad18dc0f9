"""Lines of osqueryd's results log (`osqueryd.results.log`): snapshots, and differences in the event and in the batch form.

A query is known by its name: the name of the osquery table that it reads (`pack_inventory_deb_packages`), or a name of
Windlass's own pack (`windlass_packages_deb_linux`). Others are left out. The first run of a query (counter 0) is complete;
later runs are differences, which apply only to a section whose rows are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from windlass.core.errors import UsageError
from windlass.facts.model import HostIdentity, Report, Row, Section, SectionDelta
from windlass.facts.sections import SHAPES
from windlass.facts.sources.json_lines import json_objects

__all__ = ["TABLES", "Table", "read"]

_PACK_PREFIX = "windlass_"
_HEARTBEAT = "windlass-heartbeat"


@dataclass(frozen=True, slots=True)
class Table:
    """An osquery table: the section that it fills, and {column: osquery's column}."""

    name: str
    section: str
    columns: Mapping[str, str]


_PACKAGE = {"name": "name", "version": "version", "arch": "arch"}
TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "os_version",
            "os",
            {"name": "name", "version": "version", "id": "platform", "codename": "codename", "build": "build"},
        ),
        Table("kernel_info", "kernel", {"name": "path", "version": "version"}),
        Table("mounts", "mounts", {"path": "path", "device": "device", "type": "type"}),
        Table("interface_addresses", "interfaces", {"name": "interface", "address": "address", "mask": "mask"}),
        Table("deb_packages", "packages.deb", _PACKAGE),
        Table("rpm_packages", "packages.rpm", _PACKAGE),
        Table("homebrew_packages", "packages.homebrew", {"name": "name", "version": "version"}),
        Table("python_packages", "packages.python", {"name": "name", "version": "version", "path": "path"}),
        Table("npm_packages", "packages.npm", {"name": "name", "version": "version", "path": "path"}),
        Table("programs", "applications", {"name": "name", "version": "version", "publisher": "publisher"}),
        Table("apps", "applications", {"name": "name", "version": "bundle_short_version", "path": "path"}),
        Table("listening_ports", "listening_ports", {"port": "port", "protocol": "protocol", "address": "address"}),
        Table(
            "users", "users", {"name": "username", "uid": "uid", "gid": "gid", "home": "directory", "shell": "shell"}
        ),
        Table(
            "systemd_units",
            "services",
            {"name": "id", "title": "description", "state": "active_state", "start": "unit_file_state"},
        ),
        Table(
            "services", "services", {"name": "name", "title": "display_name", "state": "status", "start": "start_type"}
        ),
        Table("patches", "patches", {"id": "hotfix_id", "title": "description", "installed_at": "installed_on"}),
    )
}


@dataclass(slots=True)
class _Run:
    """One run of one query on one host. The event form spreads it over several lines."""

    host: HostIdentity
    table: Table
    observed_at: datetime
    is_full: bool
    added: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)

    def report(self) -> Report:
        rows = tuple(_rows(self.table, self.added))
        section: Section | SectionDelta = (
            Section(self.table.section, rows)
            if self.is_full
            else SectionDelta(self.table.section, rows, tuple(_rows(self.table, self.removed)))
        )
        return Report(host=self.host, observed_at=self.observed_at, source="osquery", sections=(section,))


def read(name: str, text: str, observed_at: datetime) -> Iterator[Report]:
    """Yield one report for each run of a known query, in the order of the log. UsageError for another format."""
    runs: dict[tuple[str, str, int, int], _Run] = {}
    for line in json_objects(name, text):
        if "name" not in line or "hostIdentifier" not in line:
            raise UsageError(f"{name}: this is no results log of osquery", hint="Give osqueryd.results.log.")
        table = _table_of(str(line["name"]))
        if table is None:
            continue
        at = datetime.fromtimestamp(int(line["unixTime"]), UTC) if line.get("unixTime") else observed_at
        key = (
            str(line["hostIdentifier"]),
            str(line["name"]),
            int(line.get("epoch") or 0),
            int(line.get("counter") or 0),
        )
        is_snapshot = "snapshot" in line
        if is_snapshot:
            key = (*key[:2], int(at.timestamp()), -1)
        run = runs.setdefault(key, _Run(_host(line), table, at, is_snapshot or key[3] == 0))
        _add(run, line)
    for run in runs.values():
        yield run.report()


def _add(run: _Run, line: Mapping[str, Any]) -> None:
    difference = line.get("diffResults") or {}
    run.added += line.get("snapshot", ()) or difference.get("added", ()) or ()
    run.removed += difference.get("removed", ()) or ()
    if line.get("action") in ("added", "removed") and "columns" in line:
        (run.added if line["action"] == "added" else run.removed).append(line["columns"])


def _host(line: Mapping[str, Any]) -> HostIdentity:
    decorations = line.get("decorations") or {}
    return HostIdentity(
        host_id=str(decorations.get("instance_id") or line["hostIdentifier"]),
        name=str(decorations.get("hostname") or ""),
    )


def _table_of(query: str) -> Table | None:
    _, is_ours, own = query.rpartition(_PACK_PREFIX)
    if is_ours:
        shapes = sorted(SHAPES, key=lambda shape: -len(shape.name))
        shape = next((each for each in shapes if own.startswith(each.name.replace(".", "_"))), None)
        return Table(query, shape.name, {column: column for column in shape.columns}) if shape else None
    tables = sorted(TABLES.values(), key=lambda table: -len(table.name))
    return next(
        (
            table
            for table in tables
            if query == table.name or query.endswith(("_" + table.name, "/" + table.name, ":" + table.name))
        ),
        None,
    )


def _rows(table: Table, rows: list[Row]) -> Iterator[Row]:
    for row in rows:
        if _HEARTBEAT not in row.values():
            yield {column: row[theirs] for column, theirs in table.columns.items() if row.get(theirs) not in (None, "")}
