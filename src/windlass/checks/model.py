"""Checks and their findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

__all__ = ["Check", "Finding", "Mute", "Reference", "Severity", "Status"]


class Status(StrEnum):
    """The result of a check for one resource or account."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """Data that the check needs could not be read. It never counts as a pass."""


class Severity(IntEnum):
    """How bad a failure is; the larger, the worse."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The name in lower case, as users write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Reference:
    """A control of a published standard: `FSBP S3.8`, `CIS 2.1.4`."""

    standard: str
    control: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the catalogue.

    `passes` is a condition (condition.py) over the resource's document. With `any_of_account` the check has one result per
    account: it passes when at least one resource of the type satisfies `passes`.
    """

    id: str
    type: str
    title: str
    """The failure in one sentence, as lists show it."""
    severity: Severity
    passes: str = ""
    sql: str = ""
    """In place of `passes`: a SELECT of the ids of the resources that fail. See sql_checks.py."""
    reads: tuple[str, ...] = ()
    """The types that `sql` reads besides `type`: while one was not read completely, a failure is unknown."""
    applies: str = ""
    """A condition: resources for which it is false are not judged."""
    why: str
    remedy: str
    references: tuple[Reference, ...] = ()
    any_of_account: bool = False
    origin: str = "windlass"
    """`windlass` for shipped checks, else the file of a user's check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Findings that are accepted: of one check, on resources whose ARN or name matches, until a day."""

    check: str
    resource: str = "*"
    """A pattern with `*` on the ARN, id or name; for account checks on the account id."""
    reason: str
    until: str = ""
    """The last day (YYYY-MM-DD); empty for no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A check that fails, or whose result is unknown, for one resource or account."""

    check: Check
    status: Status
    account_id: str
    region: str
    resource_row_id: int
    """0 for a finding about an account."""
    resource: str
    """The resource's ARN, or its key where it has none; the account's id for a finding about an account."""
    name: str
    owner: str
    since: datetime
    """When the check began to fail or to be unknown: the time of the change, not of the scan that judged it."""
    actor: str = ""
    """Who made that change; empty when it is not known."""
    unread: tuple[str, ...] = field(default=())
    """For an unknown result: the members of the document that were not read."""
    muted: str = ""
    """The reason of the mute that applies; empty when none does."""
