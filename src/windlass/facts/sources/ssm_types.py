"""Systems Manager's inventory types as sections, each one declaration: the section, and its columns by AWS's attributes.

Source: "Metadata collected by inventory" (AWS Systems Manager User Guide, sysman-inventory-schema). Types that are not here
are `Custom:` types, whose attributes are kept as they are, and types that no section is for (billing, tags).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.facts.model import Row, Section

__all__ = [
    "COMPLIANCE_TYPE",
    "INVENTORY_TYPES",
    "NODE_TYPE",
    "PATCH_STATE_TYPE",
    "PATCH_TYPE",
    "InventoryType",
    "depends_on_platform",
    "is_of_platform",
    "platform_of",
    "section_of",
]

NODE_TYPE = "AWS:InstanceInformation"
APPLICATION_TYPE = "AWS:Application"
PATCH_TYPE = "AWS:PatchCompliance"
PATCH_STATE_TYPE = "AWS:PatchSummary"
COMPLIANCE_TYPE = "AWS:ComplianceItem"

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InventoryType:
    """An inventory type: the section that it fills, and {column: attribute}."""

    name: str
    section: str
    columns: Mapping[str, str]


INVENTORY_TYPES: Mapping[str, InventoryType] = {
    each.name: each
    for each in (
        InventoryType(NODE_TYPE, "os", {"name": "PlatformName", "version": "PlatformVersion", "id": "PlatformType"}),
        InventoryType(
            APPLICATION_TYPE,
            "applications",
            {"name": "Name", "version": "Version", "arch": "Architecture", "publisher": "Publisher"},
        ),
        InventoryType(
            "AWS:AWSComponent",
            "components",
            {"name": "Name", "version": "Version", "arch": "Architecture", "publisher": "Publisher"},
        ),
        InventoryType(
            "AWS:File",
            "files",
            {"path": "InstalledDir", "size_bytes": "Size", "modified_at": "ModificationTime", "version": "FileVersion"},
        ),
        InventoryType(
            "AWS:InstanceDetailedInformation",
            "cpu",
            {"brand": "CPUModel", "logical_cores": "CPUs", "physical_cores": "CPUCores"},
        ),
        InventoryType(
            "AWS:Network", "interfaces", {"name": "Name", "mac": "MacAddress", "address": "IPV4", "mask": "SubnetMask"}
        ),
        InventoryType(
            "AWS:Service", "services", {"name": "Name", "title": "DisplayName", "state": "Status", "start": "StartType"}
        ),
        InventoryType(
            "AWS:WindowsUpdate", "patches", {"id": "HotFixId", "title": "Description", "installed_at": "InstalledTime"}
        ),
        InventoryType(
            PATCH_TYPE,
            "patches",
            {
                "id": "KBId",
                "title": "Title",
                "state": "State",
                "severity": "Severity",
                "classification": "Classification",
                "installed_at": "InstalledTime",
            },
        ),
        InventoryType(
            "AWS:WindowsRole",
            "roles",
            {"name": "Name", "title": "DisplayName", "state": "InstalledState", "path": "Path"},
        ),
        InventoryType(
            "AWS:WindowsRegistry",
            "registry",
            {"path": "KeyPath", "name": "ValueName", "type": "ValueType", "value": "Value"},
        ),
        InventoryType(
            COMPLIANCE_TYPE,
            "compliance",
            {"type": "ComplianceType", "id": "Id", "title": "Title", "status": "Status", "severity": "Severity"},
        ),
        InventoryType(
            PATCH_STATE_TYPE,
            "patch_state",
            {
                "baseline": "BaselineId",
                "installed": "InstalledCount",
                "installed_other": "InstalledOtherCount",
                "installed_pending_reboot": "InstalledPendingRebootCount",
                "installed_rejected": "InstalledRejectedCount",
                "missing": "MissingCount",
                "failed": "FailedCount",
                "not_applicable": "NotApplicableCount",
                "security_noncompliant": "SecurityNonCompliantCount",
                "critical_noncompliant": "CriticalNonCompliantCount",
                "operation": "OperationType",
                "operation_ended_at": "OperationEndTime",
            },
        ),
    )
}

_KINDS = (
    (
        re.compile(r"amazon linux|red hat|rhel|centos|rocky|alma|oracle|suse|sles|fedora|bottlerocket", re.IGNORECASE),
        "packages.rpm",
    ),
    (re.compile(r"ubuntu|debian|raspbian", re.IGNORECASE), "packages.deb"),
    (re.compile(r"windows|macos", re.IGNORECASE), "applications"),
)
_CUSTOM = re.compile(r"[^a-z0-9_-]+")


def section_of(type_name: str, entries: Sequence[Attributes], *, platform: str = "") -> Section | None:
    """Return the section of a type's complete entries; None for a type that no section is for.

    `platform` is the PlatformName of the node (`Ubuntu`): it decides which package manager installed the applications.
    """
    if type_name.startswith("Custom:"):
        name = _CUSTOM.sub("-", type_name.removeprefix("Custom:").lower()).strip("-_")[:64]
        return Section(f"custom.{name}", tuple(dict(entry) for entry in entries)) if name else None
    declared = INVENTORY_TYPES.get(type_name)
    if declared is None or not is_of_platform(type_name, platform):
        return None
    rows = tuple(_row(declared, entry) for entry in entries)
    if type_name == APPLICATION_TYPE:
        return Section(_application_section(entries, platform), rows)
    return Section(declared.section, rows)


def depends_on_platform(type_name: str) -> bool:
    """True when the platform decides which section a type fills."""
    return type_name in (APPLICATION_TYPE, PATCH_TYPE)


def is_of_platform(type_name: str, platform: str) -> bool:
    """True when a node of this platform (its PlatformName; empty: unknown) has the type.

    Windows has AWS:WindowsUpdate for its patches. Both types in one section would undo each other.
    """
    is_windows = "windows" in platform.lower()
    return not is_windows if type_name == PATCH_TYPE else is_windows or not platform or "Windows" not in type_name


def platform_of(entries: Iterable[Attributes]) -> str:
    """Return the PlatformName in a node's AWS:InstanceInformation; empty without one."""
    return next((str(entry["PlatformName"]) for entry in entries if entry.get("PlatformName")), "")


def _row(declared: InventoryType, entry: Attributes) -> Row:
    row = {column: entry[attribute] for column, attribute in declared.columns.items() if entry.get(attribute)}
    if declared.name == APPLICATION_TYPE and entry.get("Release"):
        row["version"] = f"{row.get('version', '')}-{entry['Release']}"
        if str(entry.get("Epoch", "")).strip("0"):
            row["version"] = f"{entry['Epoch']}:{row['version']}"
    if declared.name == "AWS:File" and entry.get("Name"):
        folder = str(row.get("path", ""))
        separator = "\\" if "\\" in folder else "/"
        row["path"] = f"{folder.rstrip(separator)}{separator}{entry['Name']}" if folder else entry["Name"]
    return row


def _application_section(entries: Sequence[Attributes], platform: str) -> str:
    """Return which package manager's section applications belong to: by the platform, else by what only RPM or Debian has."""
    for pattern, section in _KINDS:
        if platform and pattern.search(platform):
            return section
    if any(entry.get("Release") or str(entry.get("PackageId", "")).endswith(".rpm") for entry in entries):
        return "packages.rpm"
    if any(_KINDS[1][0].search(str(entry.get("Publisher", ""))) for entry in entries):
        return "packages.deb"
    return "applications"
