"""Requests, uses, clients and findings, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from windlass.clients.agents import Agent, parse_agent

__all__ = [
    "CallerKind",
    "ClientUse",
    "FileOutcome",
    "FileRead",
    "IpHolder",
    "Level",
    "LogScan",
    "RequestCount",
    "RuleFinding",
    "S3Client",
    "S3RequestFacts",
    "UnreadFile",
    "UseKey",
]


class CallerKind(StrEnum):
    """The kind of caller, for exclusions and rules."""

    CLIENT = ""
    ANONYMOUS = "anonymous"
    SERVICE = "service"
    CONSOLE = "console"


class S3RequestFacts(NamedTuple):
    """The fields that rules read; equal facts have equal findings. "" means that a field is absent or not a text."""

    agent: str
    signature: str  # SigV2, SigV4; absent before 2019 and for anonymous requests
    method: str  # AuthHeader, QueryString
    tls: str  # TLSv1.2 …
    style: str  # path, host; empty when unknown
    region: str
    caller_kind: str

    @property
    def parsed(self) -> Agent:
        """The parsed agent."""
        return parse_agent(self.agent)


class UseKey(NamedTuple):
    """The key of requests that are reported together: their facts, caller, origin and bucket."""

    facts: S3RequestFacts
    account_id: str
    bucket: str
    principal: str  # ARN of the user or role
    instance: str  # i-… when the session's name is that of its instance
    access_key: str  # long-term keys only
    ip: str  # or the service's host name, as in CloudTrail's record
    endpoint: str  # vpce-…


@dataclass(frozen=True, slots=True, kw_only=True)
class IpHolder:
    """A resource of the inventory that held an address, with the start and end of that time."""

    key: str
    type: str
    name: str
    owner: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientUse:
    """Stored requests of one key, day and holder."""

    key: UseKey
    day: str
    holder: str  # the inventory's key of the resource that held the address at that time; empty when unknown
    holder_name: str
    owner: str
    requests: int
    first_seen: str  # CloudTrail's own form, 2026-11-20T08:00:00Z: text order is time order
    last_seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCount:
    """The number of S3 requests by agent, signature, TLS version, day and exclusion (empty: not excluded)."""

    agent: str
    signature: str
    tls: str
    day: str
    exclusion: str
    requests: int


class FileOutcome(StrEnum):
    """The kind of a file that was read. Only `LOG` files were judged; an `UNREADABLE` one leaves its day unknown."""

    LOG = "log"
    OTHER_KIND = "other kind"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFile:
    """A file that could not be read or has no CloudTrail records, with the reason."""

    source: str
    problem: str
    outcome: FileOutcome = FileOutcome.UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """A file that was read, or the reason why it was not.

    `name` identifies the log, also in a copy at another place. A scan skips a file whose `identity` is unchanged and whose
    `judged` has every rule of the scan. The days (2026-11-20) are those of its records; empty when unknown.
    """

    name: str
    source: str
    identity: str
    size_bytes: int
    raw_bytes: int = 0
    records: int = 0
    requests: int = 0
    outcome: FileOutcome = FileOutcome.LOG
    problem: str = ""
    judged: str = ""
    first_day: str = ""
    last_day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogScan:
    """A scan and its numbers."""

    scan_id: str
    source: str
    engine: str
    started_at: datetime
    finished_at: datetime | None
    files: int
    skipped: int
    broken: int
    other_kind: int
    size_bytes: int
    raw_bytes: int
    records: int
    requests: int


class Level(StrEnum):
    """The level of a finding: it needs action, or it is information."""

    FINDING = "finding"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFinding:
    """One rule's finding. `required` is the version that fixes it; `since` is the day on which support ended."""

    rule: str
    level: Level
    text: str
    required: str = ""
    advice: str = ""
    since: date | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Client:
    """One row of the report: a client (agent and principal), its findings and its owners."""

    agent: str
    sdk: str
    version: str
    runtime: str
    principal: str
    findings: tuple[RuleFinding, ...]
    requests: int
    first_seen: str
    last_seen: str
    signatures: Mapping[str, int] = field(default_factory=dict)
    tls: Mapping[str, int] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    buckets: Mapping[str, int] = field(default_factory=dict)
    addresses: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)
    access_keys: tuple[str, ...] = ()
    days: Mapping[str, int] = field(default_factory=dict)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules with a finding."""
        return tuple(finding.rule for finding in self.findings)
