"""The words of the inventory: what is collected (scopes, observations), what is kept (resources, revisions), what is asked.

All values are frozen; times are aware UTC datetimes; documents are plain JSON (core.canonical.plain).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Document = dict[str, Any]

GLOBAL = "aws-global"
"""The scope region of types that are listed once per account (S3 buckets, IAM, CloudFront, Route 53 …)."""


class ScopeState(StrEnum):
    """How the last listing of a scope ended. Only `ok` and `partial` listings are complete and may mark deletions."""

    OK = "ok"
    PARTIAL = "partial"  # the listing is complete, some detail of some resource could not be read
    DENIED = "denied"
    UNSUPPORTED = "unsupported"  # the service, operation or region is not there for this account
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def complete(self) -> bool:
        """Whether every resource of the scope was seen."""
        return self in (ScopeState.OK, ScopeState.PARTIAL)


class ChangeKind(StrEnum):
    """What a revision says happened."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Scope:
    """The unit of truth: one type in one account and region (`GLOBAL` for once-per-account types)."""

    account_id: str
    region: str
    type: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation found in a document: `kind` (`in-vpc`, `uses-role` …) to a target named by ARN or by id."""

    kind: str
    target: str
    target_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One resource as seen now.

    `unknown` names top-level document keys whose detail call failed: their last known values are kept, so that a
    denied read never looks like a change. `volatile` values are already left out of `document`; `measures` are facts
    that move by themselves (sizes, counts): shown with the resource, never a revision.
    """

    type: str
    account_id: str
    region: str
    resource_id: str
    arn: str = ""
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    document: Document = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    addresses: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()
    measures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The resource's identity over time: its ARN, else account/region/type/id."""
        return self.arn or f"{self.account_id}/{self.region}/{self.type}/{self.resource_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeResult:
    """What one visit to a scope brought. Observations of an incomplete visit are not applied as deletions."""

    scope: Scope
    state: ScopeState
    observations: tuple[Observation, ...] = ()
    error_code: str = ""
    error: str = ""
    calls: int = 0
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A row of a listing: identity and current (or as-of) facts, without the document."""

    id: int
    key: str
    type: str
    account_id: str
    region: str
    resource_id: str
    arn: str
    name: str
    tags: Mapping[str, str]
    first_seen_at: datetime
    changed_at: datetime
    deleted_at: datetime | None = None
    document: Document | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change of one resource: valid from its time until the next one's. `patch` is RFC 6902 against the one before."""

    revision_id: int
    resource: Resource
    change: ChangeKind
    valid_from: datetime
    valid_to: datetime | None
    patch: tuple[Mapping[str, Any], ...]
    run_id: str
    actor: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which resources: every given condition holds. Texts in `types` may end in `*`; `tags` values may be `*`.

    `where` are (JSON path, operator, value) on the document: `("Versioning.Status", "=", "Enabled")`;
    operators `=`, `!=`, `~` (contains), `exists`, `missing`, `<`, `>`. `at` asks for the estate as it was then.
    """

    types: tuple[str, ...] = ()
    account_ids: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    untagged: str = ""  # resources that lack this tag
    where: tuple[tuple[str, str, str], ...] = ()
    words: str = ""  # full text
    at: datetime | None = None
    include_deleted: bool = False
    sort: str = "key"  # key, name, type, changed (newest first), region, account
    limit: int = 100
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows and where the next ones begin; an empty cursor ends the listing. `total` counts all that match."""

    rows: tuple[Resource, ...]
    cursor: str
    total: int


@dataclass(frozen=True, slots=True)
class Facet:
    """How many matching resources have `value`."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Relation:
    """An edge between known resources, or from one to a name that no collected resource bears (`target` is None)."""

    kind: str
    source: Resource
    target: Resource | None
    target_name: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Resources within some steps of one, and the relations between them."""

    root: str
    nodes: tuple[Resource, ...]
    edges: tuple[Relation, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One collection: when, how far, and what it found."""

    run_id: str
    started_at: datetime
    finished_at: datetime | None
    status: str  # running, done, partial, interrupted, failed
    scopes_total: int = 0
    scopes_done: int = 0
    resources: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    calls: int = 0
    errors: int = 0
    job_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeStatus:
    """A scope's last visit and its last complete one."""

    scope: Scope
    state: ScopeState
    error_code: str
    error: str
    resources: int
    calls: int
    duration_s: float
    scanned_at: datetime
    last_good_at: datetime | None
    run_id: str
    state_since: datetime | None = None  # None in the records of earlier runs
    details_unknown: int = 0  # items that were listed, and some details of which could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """An account as the last collection met it: our ARN there, or why it is refused; its regions and who named them."""

    account_id: str
    state: ScopeState
    state_since: datetime
    arn: str
    error_code: str
    error: str
    regions: tuple[str, ...]
    regions_source: str
    regions_note: str  # why each better source gave none
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts for the overview: (value, count) pairs, largest first; `changes_by_day` is (YYYY-MM-DD, created, updated, deleted)."""

    resources: int
    revisions: int
    types: int
    by_type: tuple[Facet, ...]
    by_service: tuple[Facet, ...]
    by_account: tuple[Facet, ...]
    by_region: tuple[Facet, ...]
    by_scope_state: tuple[Facet, ...]
    changes_by_day: tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class AddressHolder:
    """A resource that held an IP address, and when."""

    address: str
    resource: Resource
    valid_from: datetime
    valid_to: datetime | None
