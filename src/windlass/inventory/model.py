"""The inventory's values: what is collected (scopes, observations), kept (resources, revisions) and queried.

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


SIMULATED_RUN = "simulated"
"""The `run_id` of revisions that the demo has invented: they are marked wherever they are shown."""


class ScopeState(StrEnum):
    """How the last scan of a scope ended. Only `ok` and `partial` scans are complete and may mark deletions."""

    OK = "ok"
    PARTIAL = "partial"  # the listing is complete, but some detail of a resource could not be read
    DENIED = "denied"
    UNSUPPORTED = "unsupported"  # the account does not have the service, operation or region
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def complete(self) -> bool:
        """True when every resource of the scope was listed."""
        return self in (ScopeState.OK, ScopeState.PARTIAL)


class ChangeKind(StrEnum):
    """What happened to the resource in a revision."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Scope:
    """The unit of collection: one type in one account and region (`GLOBAL` for once-per-account types)."""

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
    """One resource as collected now.

    `unknown` are top-level document keys whose detail call failed: they keep their last known values, so that a denied
    read never appears as a change. `document` has no volatile values; `measures` are values that change by themselves
    (sizes, counts): they are shown with the resource, and never cause a revision.
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
    """The result of one scan of a scope. An incomplete scan has no observations and marks no deletions."""

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
    """A row of a listing: identity and current (or past) values; the document only on request."""

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
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """One call to AWS that changed a resource, as CloudTrail records it: who called what, when, and from where."""

    event_id: str
    at: datetime
    source: str = ""  # the service: `s3.amazonaws.com`
    name: str = ""  # the operation: `PutBucketTagging`
    actor: str = ""  # the principal's ARN; the service for a call of AWS itself
    source_ip: str = ""
    user_agent: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change of one resource, valid until the next one. `patch` (RFC 6902) applies to the revision before it.

    `actor` and `event_id` are those of the last of its `events`; empty when only a scan saw the change.
    """

    revision_id: int
    resource: Resource
    change: ChangeKind
    valid_from: datetime
    valid_to: datetime | None
    patch: tuple[Mapping[str, Any], ...]
    run_id: str
    actor: str = ""
    event_id: str = ""
    events: tuple[ChangeEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The resources that satisfy every condition. Texts in `types` may end in `*`; `tags` values may be `*`.

    `where` are (JSON path, operator, value) on the document: `("Versioning.Status", "=", "Enabled")`;
    operators `=`, `!=`, `~` (contains), `exists`, `missing`, `<`, `>`. `at` selects the estate as it was at that time.
    """

    types: tuple[str, ...] = ()
    account_ids: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    untagged: str = ""  # resources without this tag
    owner: str = ""  # `*`: any owner
    ownerless: bool = False  # resources without an owner
    where: tuple[tuple[str, str, str], ...] = ()
    words: str = ""  # full text
    at: datetime | None = None
    include_deleted: bool = False
    sort: str = "key"  # key, name, type, changed (newest first), region, account, relevance (of `words`)
    limit: int = 100
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows and the cursor of the next one (empty after the last page). `total` counts all matches."""

    rows: tuple[Resource, ...]
    cursor: str
    total: int


@dataclass(frozen=True, slots=True)
class Facet:
    """The number of matching resources with `value`."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Relation:
    """An edge between known resources, or to a name that no collected resource has (`target` is None)."""

    kind: str
    source: Resource
    target: Resource | None
    target_name: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The resources within some steps of a root, and the relations between them."""

    root: str
    nodes: tuple[Resource, ...]
    edges: tuple[Relation, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Dependent:
    """A resource that needs `on`, by a relation of `kind`, at `distance` relations from the root."""

    resource: Resource
    distance: int
    kind: str
    on: Resource


@dataclass(frozen=True, slots=True)
class Dependents:
    """What would break without `root`; `truncated` when there is more."""

    root: Resource
    resources: tuple[Dependent, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One collection: its times, progress and counts."""

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
    """A scope's last scan and the time of its last complete one."""

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
    details_unknown: int = 0  # listed items with details that could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """An account in the last collection: our ARN in it or the refusal, its regions and their source."""

    account_id: str
    state: ScopeState
    state_since: datetime
    arn: str
    error_code: str
    error: str
    regions: tuple[str, ...]
    regions_source: str
    regions_note: str  # why each better source failed
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
    """A resource that held an IP address, with the start and end of that time."""

    address: str
    resource: Resource
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A resource type and how many resources of it exist."""

    type: str
    service: str
    title: str
    scope_kind: str
    details: int
    count: int
    source: str  # `curated`, or `automatic`: derived from the service's model
    operation: str
    iam_actions: tuple[str, ...]
    calls: int  # at least, for one scope with one resource
