"""Reads all sections into one report. A section that cannot be read says why; it is never empty instead."""

from __future__ import annotations

import datetime as dt
from typing import Any, Callable, Dict, List, Optional

from . import activity, identity, packages, system

__all__ = ["SECTIONS", "read_report"]

Row = Dict[str, Any]
Reader = Callable[[], Optional[List[Row]]]

SECTIONS: tuple[tuple[str, Reader], ...] = (
    ("os", system.operating_system),
    ("kernel", system.kernel),
    ("cpu", system.cpu),
    ("memory", system.memory),
    ("hardware", system.hardware),
    ("mounts", system.mounts),
    ("interfaces", system.interfaces),
    ("packages.deb", packages.deb),
    ("packages.rpm", packages.rpm),
    ("packages.homebrew", packages.homebrew),
    ("packages.python", packages.python),
    ("applications", packages.applications),
    ("listening_ports", activity.listening_ports),
    ("users", activity.users),
    ("services", activity.services),
)
"""The sections and their readers; a reader returns None when the host cannot have the section."""


def read_report() -> dict[str, Any]:
    """Return the body of `PUT /v1/facts`: one report of this host with its sections."""
    now = dt.datetime.now(dt.timezone.utc)
    cloud = identity.cloud_row()
    host = identity.host_of(cloud)
    sections: dict[str, dict[str, Any]] = {"cloud": {"rows": [cloud]}} if cloud else {}
    for name, reader in SECTIONS:
        try:
            rows = reader()
        except Exception as error:  # noqa: BLE001  one section loses no other
            sections[name] = {"failure": "%s: %s" % (type(error).__name__, error)}
            continue
        if rows is not None:
            sections[name] = {"rows": [_known(row) for row in rows]}
    report = dict(host, observed_at=now.isoformat(), source="agent", sections=sections)
    return {"reports": [report]}


def _known(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "")}
