"""The known sections and their columns. A new section is one row of `SHAPES`.

A name is a family and, for packages, an ecosystem: `packages.deb`. Sources name their own sections `custom.NAME`.
Columns that differ at each read (process IDs, free memory) are not kept: they would make every report a change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from windlass.core.errors import UsageError
from windlass.core.suggest import unknown_word

__all__ = ["OS_PACKAGES", "PACKAGE_FAMILIES", "SHAPES", "Shape", "check_section", "shape_of"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A section's columns. `label` and `version` name the columns that searches use; a row without a label is refused.

    No `columns`: all are kept.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    label: str
    version: str = ""


_PACKAGE = ("name", "version", "arch", "publisher")

SHAPES: tuple[Shape, ...] = (
    Shape(
        "os", "Operating system", ("name", "version", "id", "id_like", "codename", "build", "arch"), "name", "version"
    ),
    Shape("kernel", "Kernel", ("name", "version", "arch"), "name", "version"),
    Shape("cpu", "Processor", ("brand", "arch", "logical_cores", "physical_cores"), "brand"),
    Shape("memory", "Memory", ("kind", "total_bytes"), "kind"),
    Shape("hardware", "Hardware", ("vendor", "model", "serial", "uuid"), "model"),
    Shape(
        "cloud", "Cloud identity", ("instance_id", "account_id", "region", "zone", "type", "image_id"), "instance_id"
    ),
    Shape("mounts", "Mounts", ("path", "device", "type", "size_bytes"), "path"),
    Shape("interfaces", "Network interfaces", ("name", "mac", "address", "mask", "mtu"), "name"),
    Shape("packages.deb", "Packages (dpkg)", _PACKAGE, "name", "version"),
    Shape("packages.rpm", "Packages (RPM)", _PACKAGE, "name", "version"),
    Shape("packages.apk", "Packages (apk)", _PACKAGE, "name", "version"),
    Shape("packages.homebrew", "Packages (Homebrew)", _PACKAGE, "name", "version"),
    Shape("packages.python", "Packages (Python)", (*_PACKAGE, "path"), "name", "version"),
    Shape("packages.npm", "Packages (npm)", (*_PACKAGE, "path"), "name", "version"),
    Shape("applications", "Applications", (*_PACKAGE, "path"), "name", "version"),
    Shape("components", "AWS components", _PACKAGE, "name", "version"),
    Shape("listening_ports", "Listening ports", ("protocol", "address", "port", "process", "user"), "port"),
    Shape("users", "Users", ("name", "uid", "gid", "home", "shell", "description"), "name"),
    Shape("services", "Services", ("name", "title", "state", "start", "user", "path"), "name"),
    Shape("patches", "Patches", ("id", "title", "state", "severity", "classification", "installed_at"), "id"),
    Shape(
        "patch_state",
        "Patch state",
        (
            "baseline",
            "installed",
            "installed_other",
            "installed_pending_reboot",
            "installed_rejected",
            "missing",
            "failed",
            "not_applicable",
            "security_noncompliant",
            "critical_noncompliant",
            "operation",
            "operation_ended_at",
        ),
        "baseline",
    ),
    Shape("compliance", "Compliance", ("type", "id", "title", "status", "severity"), "id"),
    Shape("roles", "Server roles", ("name", "title", "state", "path"), "name"),
    Shape("registry", "Registry values", ("path", "name", "type", "value"), "path"),
    Shape("files", "Files", ("path", "size_bytes", "modified_at", "version", "sha256"), "path", "version"),
)

PACKAGE_FAMILIES = frozenset({"packages", "applications", "components"})
"""The families that a search for a package looks in."""
OS_PACKAGES = frozenset({"packages.deb", "packages.rpm", "packages.apk", "packages.homebrew", "applications"})
"""A host with none of these, or only empty ones, has unknown packages: every operating system has some."""

_BY_NAME = {shape.name: shape for shape in SHAPES}
_CUSTOM = re.compile(r"custom\.[a-z0-9][a-z0-9_-]{0,63}")


def shape_of(name: str) -> Shape:
    """Return the shape of a section. UsageError, with the nearest name, for an unknown one."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if _CUSTOM.fullmatch(name):
        return Shape(name, name.removeprefix("custom."), (), "")
    if name.startswith("custom"):
        raise UsageError(
            f"{name[:80]!r} is not the name of a section",
            hint="Write custom.NAME with lower-case letters, digits, - and _.",
        )
    error = unknown_word("section", name[:80], _BY_NAME)
    raise UsageError(error.message, hint=f"{error.hint} Sections of your own are named custom.NAME.", code=error.code)


def check_section(name: str) -> None:
    """Raise UsageError, with the nearest name, unless `name` is a section or a family of sections."""
    if name not in {"custom", *(shape.name.partition(".")[0] for shape in SHAPES)}:
        shape_of(name)
