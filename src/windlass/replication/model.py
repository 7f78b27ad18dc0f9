"""Values of replication: pairs of buckets, methods, states, volumes, and jobs of S3 Batch Operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from windlass.core.arns import format_arn, partition_of

__all__ = [
    "MAX_COPY_BYTES",
    "Attribute",
    "BatchJob",
    "BucketRef",
    "FailureGroup",
    "JobRef",
    "ManifestRef",
    "Method",
    "Operation",
    "Pair",
    "Restore",
    "SeedState",
    "Volume",
]

JobRef = tuple[str, str, str]
"""(account, region, job id) of a job of S3 Batch Operations."""
MAX_COPY_BYTES = 5 * 1024**3
"""The largest object that one CopyObject, and so Batch Operations, can copy (S3 user guide: "Copy objects", 5 GB)."""


class Method(StrEnum):
    """What copies the objects."""

    AUTO = "auto"
    BATCH = "batch"
    DIRECT = "direct"
    EMR = "emr"


class Operation(StrEnum):
    """What is done with each object: a true replica, a copy, or an invocation of a function."""

    REPLICATE = "replicate"
    COPY = "copy"
    LAMBDA = "lambda"


class Attribute(StrEnum):
    """An attribute of the source that a copy preserves only on request: it costs a HEAD or a GetObjectAcl per object."""

    ACL = "acl"
    LOCK = "lock"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore of archived objects: readable for `days`, with a tier of S3, polled every `poll_s` seconds."""

    days: int
    tier: str = "Bulk"
    poll_s: float = 1800.0


class SeedState(StrEnum):
    """The state of one pair's seed."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WAITING = "waiting"  # S3 has counted the tasks, and a person must confirm them
    COPYING = "copying"
    VERIFYING = "verifying"
    DONE = "done"
    INCOMPLETE = "incomplete"  # the seed ended, and objects failed or are missing at the destination
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """True when the state is final."""
        return self in (SeedState.DONE, SeedState.INCOMPLETE, SeedState.FAILED, SeedState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRef:
    """A bucket and its location. `account_id` is empty for a bucket outside the estate; `service` is empty for AWS."""

    bucket: str
    account_id: str = ""
    region: str = ""
    service: str = ""
    """The name of its `[[service]]`."""

    @property
    def name(self) -> str:
        """Return the name that people write: `logs`, `minio:logs`."""
        return f"{self.service}:{self.bucket}" if self.service else self.bucket

    @property
    def arn(self) -> str:
        """Return the bucket's ARN in its region's partition."""
        return format_arn("s3", "", "", self.bucket, partition=partition_of(self.region))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A source and a destination bucket. `prefix` limits both to keys that begin with it."""

    source: BucketRef
    destination: BucketRef
    prefix: str = ""

    @property
    def title(self) -> str:
        """Return `harbour-logs → harbour-logs-replica`."""
        prefix = f"/{self.prefix}" if self.prefix else ""
        return f"{self.source.name}{prefix} → {self.destination.name}"

    @property
    def key(self) -> str:
        """Return a text that identifies the pair."""
        return f"{self.source.name}/{self.prefix}>{self.destination.name}"

    @property
    def services(self) -> tuple[str, ...]:
        """Return the services other than the estate's AWS, the source's first."""
        return tuple(dict.fromkeys(place.service for place in (self.source, self.destination) if place.service))

    @property
    def one_service(self) -> bool:
        """True when one service has both buckets, and so can copy between them."""
        return self.source.service == self.destination.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """The objects to copy. `missing*` are None when only the source was counted; `large` are above `MAX_COPY_BYTES`."""

    objects: int
    size_bytes: int
    missing: int | None = None
    missing_bytes: int | None = None
    large: int = 0
    large_bytes: int = 0
    archived: int = 0
    """Objects in Glacier Flexible Retrieval or Deep Archive, which cannot be read before a restore."""
    undecided: int = 0
    """Objects for which the listing does not show whether the destination has the same object. The seed compares their
    HEADs.
    """
    source: str = "listing"
    """`listing` (exact) or `metrics` (CloudWatch's daily figures, up to two days old)."""

    @property
    def to_move(self) -> int:
        """Return the number of objects to copy: the missing ones if that is known, otherwise all."""
        return self.objects if self.missing is None else self.missing

    @property
    def bytes_to_move(self) -> int:
        """Return the number of bytes to copy."""
        return self.size_bytes if self.missing_bytes is None else self.missing_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """The state of a job of S3 Batch Operations. The bucket and prefix of the report are empty when no report was
    requested.
    """

    job_id: str
    account_id: str
    region: str
    operation: str = ""
    storage_class: str = ""
    """The storage class of a copy job's copies; empty when the job does not name one, and in listings."""
    status: str = "New"
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    description: str = ""
    reasons: tuple[str, ...] = ()
    report_bucket: str = ""
    report_prefix: str = ""
    active_s: float = 0.0
    created_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """True when the job is in one of the three final states."""
        return self.status in ("Complete", "Cancelled", "Failed")

    @property
    def done(self) -> int:
        """Return the number of finished tasks, succeeded or failed."""
        return self.succeeded + self.failed

    @property
    def line(self) -> str:
        """Return the summary line of a job."""
        return f"State: {self.status}, Total: {self.total}, Success: {self.succeeded}, Failed {self.failed}"


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """A manifest that Windlass wrote: its location, its ETag, and whether its rows have version ids."""

    bucket: str
    key: str
    etag: str
    versions: bool = False
    storage_class: str = ""
    """The storage class of its objects, if a copy must name it; otherwise empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """The objects of a seed that failed for one reason: the code, their number, and some of their keys."""

    code: str
    count: int
    message: str = ""
    keys: tuple[str, ...] = ()
