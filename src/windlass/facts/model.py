"""The values of facts: a host, its sections, and the reports that sources send about them.

    Report ── HostIdentity          which machine
           ├─ Section …             the complete rows of a section, or the reason why it could not be read
           └─ SectionDelta …        rows that were added to and removed from a section

A section that was not read is unknown. It is never an empty section.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from windlass.core.errors import UsageError

__all__ = [
    "Host",
    "HostIdentity",
    "HostSection",
    "Outcome",
    "Report",
    "Row",
    "Section",
    "SectionChange",
    "SectionDelta",
    "SectionResult",
    "SectionState",
]

Row = Mapping[str, Any]

_HOST_ID = re.compile(r"[a-z0-9][a-z0-9._:-]{0,127}")
_INSTANCE = re.compile(r"m?i-[0-9a-f]{8,32}")


class SectionState(StrEnum):
    """READ when the last report could read the section."""

    READ = "read"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What a report changed in one section."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"  # the same rows as before; only the time of the observation is new
    OLDER = "older"  # not newer than what is stored: ignored
    OTHER_SOURCE = "other_source"  # another source keeps this section up to date: ignored
    NEEDS_SNAPSHOT = "needs_snapshot"  # a delta on a section whose rows are not known: ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIdentity:
    """A machine. `host_id` is its instance ID (`i-…`, or `mi-…` of a hybrid node), else its own UUID or name.

    Host IDs ignore case. The other fields are empty when they are not known; an empty field never replaces a known one.
    """

    host_id: str
    account_id: str = ""
    region: str = ""
    name: str = ""
    platform: str = ""  # linux, darwin, windows

    def __post_init__(self) -> None:
        object.__setattr__(self, "host_id", self.host_id.strip().lower())
        if not _HOST_ID.fullmatch(self.host_id):
            raise UsageError(
                f"{self.host_id[:60]!r} is not a host ID",
                hint="Use the instance ID, else the machine's UUID or host name: letters, digits, and . _ : - only.",
            )

    @property
    def is_instance(self) -> bool:
        """True for an EC2 instance or a hybrid node of Systems Manager."""
        return _INSTANCE.fullmatch(self.host_id) is not None


@dataclass(frozen=True, slots=True)
class Section:
    """All rows of a section as a source read them; with `failure`, the reason why it could not, and no rows."""

    name: str
    rows: tuple[Row, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class SectionDelta:
    """The difference to the section's previous rows."""

    name: str
    added: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one source observed on one host at one time. `source` names the collector: `ssm`, `osquery`, `agent`, `ansible`."""

    host: HostIdentity
    observed_at: datetime
    source: str
    sections: tuple[Section | SectionDelta, ...]


@dataclass(frozen=True, slots=True)
class SectionResult:
    """The outcome of one section of one report. `detail` says which source or time was the reason."""

    host_id: str
    section: str
    outcome: Outcome
    added: int = 0
    removed: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A known host, with its EC2 instance in the inventory (`resource_row_id` 0: none)."""

    id: int
    host_id: str
    account_id: str
    region: str
    name: str
    platform: str
    first_seen_at: datetime
    last_seen_at: datetime
    resource_row_id: int = 0
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSection:
    """A section of a host, now or at a past time. `rows` are the last known rows, also of a section that is unknown now.

    `observed_at` is when a source last confirmed the rows, `changed_at` when they last changed.
    """

    name: str
    state: SectionState
    source: str
    observed_at: datetime
    changed_at: datetime
    count: int
    failure: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionChange:
    """One change of a section: how many rows were added and removed, and the state since then."""

    section: str
    at: datetime
    source: str
    state: SectionState
    added: int
    removed: int
    failure: str = ""
