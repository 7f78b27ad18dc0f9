"""Requests, clients and findings as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from windlass.clients.agents import Agent, parse_agent

__all__ = [
    "CallerKind",
    "Client",
    "FileOutcome",
    "FileRead",
    "Finding",
    "Holder",
    "Level",
    "RequestCount",
    "RequestFacts",
    "Scan",
    "UnreadFile",
    "Use",
    "UseKey",
]


class CallerKind(StrEnum):
    """Whose request it is, as far as noise and rules care."""

    CLIENT = ""
    ANONYMOUS = "anonymous"
    SERVICE = "service"
    CONSOLE = "console"


class RequestFacts(NamedTuple):
    """What the rules look at; equal facts have equal verdicts. "" stands for a field that is absent or no text."""

    agent: str
    signature: str  # SigV2, SigV4; absent before 2019 and for anonymous requests
    method: str  # AuthHeader, QueryString
    tls: str  # TLSv1.2 …
    style: str  # path, host; empty where it can't be told
    region: str
    caller_kind: str

    @property
    def parsed(self) -> Agent:
        """The agent by its grammar."""
        return parse_agent(self.agent)


class UseKey(NamedTuple):
    """Requests that are told of as one: their facts, and who made them from where on what."""

    facts: RequestFacts
    account_id: str
    bucket: str
    principal: str  # ARN of the user or role
    instance: str  # i-… when the session is named for the instance it belongs to
    access_key: str  # long-term keys only
    ip: str  # or the service's host name, as CloudTrail has it
    endpoint: str  # vpce-…


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who held an address at a time: a resource of the inventory, with the time it is known to have held it."""

    key: str
    type: str
    name: str
    owner: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Requests of one key, day and holder, as the store keeps them."""

    key: UseKey
    day: str
    holder: str  # the inventory's key of the resource that held the address then; empty for unknown
    holder_name: str
    owner: str
    requests: int
    first_seen: str  # CloudTrail's own form, 2026-11-20T08:00:00Z: text order is time order
    last_seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCount:
    """All S3 requests by agent, signature, TLS version and day, with why they were left out (empty: they were not)."""

    agent: str
    signature: str
    tls: str
    day: str
    exclusion: str
    requests: int


class FileOutcome(StrEnum):
    """What a file turned out to be. Only `LOG` files were judged; `UNREADABLE` ones leave their day unknown."""

    LOG = "log"
    OTHER_KIND = "other kind"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFile:
    """A file that could not be read, or holds no CloudTrail records, and why."""

    source: str
    problem: str
    outcome: FileOutcome = FileOutcome.UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """A file that was read, or why it was not.

    `name` tells it from all other logs, wherever a copy lies; a scan skips it when `identity` is the same and `judged`
    names every rule that is asked for. The days (2026-11-20) are those it covers; empty when unknown.
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
class Scan:
    """One scan's outcome."""

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
    """Whether somebody should act, or may want to know."""

    FINDING = "finding"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says of some facts. `required` is the version that mends it; `since` the day support ended."""

    rule: str
    level: Level
    text: str
    required: str = ""
    advice: str = ""
    since: date | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One row of the report: a client (agent and principal), what is wrong with it, and whose it is."""

    agent: str
    sdk: str
    version: str
    runtime: str
    principal: str
    findings: tuple[Finding, ...]
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
        """The names of the rules that found something."""
        return tuple(finding.rule for finding in self.findings)
