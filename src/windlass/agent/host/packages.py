"""Installed packages. None means that the host has no such package manager; an empty list, that nothing is installed."""

from __future__ import annotations

import glob
import os
import plistlib
from importlib.metadata import distributions
from typing import Any, Dict

from .commands import has_program, output_of

__all__ = ["applications", "deb", "homebrew", "python", "rpm"]

Row = Dict[str, Any]
_CELLARS = ("/opt/homebrew/Cellar", "/usr/local/Cellar", "/home/linuxbrew/.linuxbrew/Cellar")
_PYTHON_FOLDERS = (
    "/usr/lib/python3*/*-packages",
    "/usr/lib64/python3*/*-packages",
    "/usr/local/lib/python3*/*-packages",
    "/usr/local/lib64/python3*/*-packages",
    "/opt/homebrew/lib/python3*/*-packages",
    "/Library/Frameworks/Python.framework/Versions/3*/lib/python3*/*-packages",
)
_DEB_FORMAT = "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\t${Maintainer}\\n"
_RPM_FORMAT = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{VENDOR}\\n"


def deb() -> list[Row] | None:
    """Return the packages that dpkg has installed."""
    if not has_program("dpkg-query"):
        return None
    return parse_deb(output_of("dpkg-query", "-W", "-f", _DEB_FORMAT))


def parse_deb(text: str) -> list[Row]:
    """Read `_DEB_FORMAT`; packages whose configuration alone is left are not installed."""
    lines = (line.split("\t") for line in text.splitlines())
    return [
        {"name": parts[1], "version": parts[2], "arch": parts[3], "publisher": parts[4]}
        for parts in lines
        if len(parts) == 5 and parts[0][1:2] == "i"
    ]


def rpm() -> list[Row] | None:
    """Return the packages of RPM's database."""
    if not has_program("rpm") or not (os.path.isdir("/var/lib/rpm") or os.path.isdir("/usr/lib/sysimage/rpm")):
        return None
    rows = parse_rpm(output_of("rpm", "-qa", "--qf", _RPM_FORMAT))
    # Debian has a program rpm without a database of the host.
    return rows if rows or not has_program("dpkg-query") else None


def parse_rpm(text: str) -> list[Row]:
    """Read `_RPM_FORMAT`; RPM writes `(none)` for what is not set."""
    rows = []
    for line in text.splitlines():
        parts = ["" if part == "(none)" else part for part in line.split("\t")]
        if len(parts) == 4 and parts[0]:
            rows.append({"name": parts[0], "version": parts[1], "arch": parts[2], "publisher": parts[3]})
    return rows


def homebrew() -> list[Row] | None:
    """Return the formulae in Homebrew's cellars. `brew` itself refuses to run as root."""
    cellars = [cellar for cellar in _CELLARS if os.path.isdir(cellar)]
    if not cellars:
        return None
    return [
        {"name": name, "version": version}
        for cellar in cellars
        for name in sorted(os.listdir(cellar))
        if os.path.isdir(os.path.join(cellar, name))
        for version in sorted(os.listdir(os.path.join(cellar, name)))
        if not version.startswith(".")
    ]


def python(folders: list[str] | None = None) -> list[Row] | None:
    """Return the packages of the host's Python installations, without those of virtual environments."""
    paths = (
        folders if folders is not None else [path for pattern in _PYTHON_FOLDERS for path in sorted(glob.glob(pattern))]
    )
    if not paths:
        return None
    rows = []
    for path in paths:
        for distribution in distributions(path=[path]):
            name, version = distribution.metadata["Name"], distribution.metadata["Version"]
            if name and version:
                rows.append({"name": name, "version": version, "path": path})
    return rows


def applications() -> list[Row] | None:
    """Return the applications of macOS."""
    if not os.path.isdir("/System/Applications"):
        return None
    rows = []
    for path in sorted(glob.glob("/Applications/*.app") + glob.glob("/System/Applications/*.app")):
        try:
            with open(os.path.join(path, "Contents", "Info.plist"), "rb") as file:
                version = plistlib.load(file).get("CFBundleShortVersionString", "")
        except Exception:  # noqa: BLE001  a broken file of one application
            version = ""
        rows.append({"name": os.path.basename(path), "version": str(version), "path": path})
    return rows
