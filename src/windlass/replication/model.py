"""The words of a seed: pairs of buckets, ways, states, the volume to move, and S3's Batch Operations jobs, as values."""

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
    "State",
    "Volume",
]

JobRef = tuple[str, str, str]
"""(account, region, job id) of a job of S3 Batch Operations."""
MAX_COPY_BYTES = 5 * 1024**3
"""The largest object that one CopyObject, and so Batch Operations, can copy (S3 user guide: "Copy objects", 5 GB)."""


class Method(StrEnum):
    """Who moves the objects."""

    AUTO = "auto"
    BATCH = "batch"
    DIRECT = "direct"
    EMR = "emr"


class Operation(StrEnum):
    """What is done with each object: a true replica, a copy of it, or a function of the user's."""

    REPLICATE = "replicate"
    COPY = "copy"
    LAMBDA = "lambda"


class Attribute(StrEnum):
    """What a copy carries of its source only where it is asked for: a HEAD or a GetObjectAcl of each object tells it."""

    ACL = "acl"
    LOCK = "lock"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore of archived objects: readable for so many days, by a tier of S3, looked at every `poll_s` seconds."""

    days: int
    tier: str = "Bulk"
    poll_s: float = 1800.0


class State(StrEnum):
    """Where the seed of one pair is."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WAITING = "waiting"  # S3 has counted the tasks, somebody must confirm
    COPYING = "copying"
    VERIFYING = "verifying"
    DONE = "done"
    INCOMPLETE = "incomplete"  # it ended; some objects failed, or are missing at the destination
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (State.DONE, State.INCOMPLETE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRef:
    """A bucket and where it is. The account is empty when it is none of the estate's; `service` when it is in AWS."""

    bucket: str
    account_id: str = ""
    region: str = ""
    service: str = ""
    """The `[[service]]` that has it."""

    @property
    def name(self) -> str:
        """As people write it: `logs`, `minio:logs`."""
        return f"{self.service}:{self.bucket}" if self.service else self.bucket

    @property
    def arn(self) -> str:
        """The bucket's ARN, in its region's partition."""
        return format_arn("s3", "", "", self.bucket, partition=partition_of(self.region))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """From one bucket to another; `prefix` limits both to keys that begin with it."""

    source: BucketRef
    destination: BucketRef
    prefix: str = ""

    @property
    def title(self) -> str:
        """`harbour-logs → harbour-logs-replica`."""
        prefix = f"/{self.prefix}" if self.prefix else ""
        return f"{self.source.name}{prefix} → {self.destination.name}"

    @property
    def key(self) -> str:
        """A text that is the same for the same pair."""
        return f"{self.source.name}/{self.prefix}>{self.destination.name}"

    @property
    def services(self) -> tuple[str, ...]:
        """The services that are not the estate's AWS, source first."""
        return tuple(dict.fromkeys(one.service for one in (self.source, self.destination) if one.service))

    @property
    def one_service(self) -> bool:
        """Whether one service has both buckets, and so can copy by itself."""
        return self.source.service == self.destination.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What there is to move. `missing*` are None where only the source was counted; `large` are over `MAX_COPY_BYTES`."""

    objects: int
    size_bytes: int
    missing: int | None = None
    missing_bytes: int | None = None
    large: int = 0
    large_bytes: int = 0
    archived: int = 0
    """Objects in Glacier Flexible Retrieval or Deep Archive: unreadable until they are restored."""
    undecided: int = 0
    """Objects of which a listing does not tell whether the destination has the same: the seed looks closer."""
    source: str = "listing"
    """`listing` (exact) or `metrics` (CloudWatch's daily figures, up to two days old)."""

    @property
    def to_move(self) -> int:
        """Objects to move: those missing where that is known, all otherwise."""
        return self.objects if self.missing is None else self.missing

    @property
    def bytes_to_move(self) -> int:
        """Bytes to move."""
        return self.size_bytes if self.missing_bytes is None else self.missing_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """A job of S3 Batch Operations as it stands. Reports have a bucket and a prefix, empty when none was asked for."""

    job_id: str
    account_id: str
    region: str
    operation: str = ""
    storage_class: str = ""
    """That of a copy job's copies; empty where the job leaves it to S3, and in listings."""
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
        """Whether it is in one of the three states that a job does not leave."""
        return self.status in ("Complete", "Cancelled", "Failed")

    @property
    def done(self) -> int:
        """Tasks that were carried out, well or not."""
        return self.succeeded + self.failed

    @property
    def line(self) -> str:
        """The line that people know."""
        return f"State: {self.status}, Total: {self.total}, Success: {self.succeeded}, Failed {self.failed}"


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """A manifest that Windlass wrote: where it is, its ETag, and whether its rows have version ids."""

    bucket: str
    key: str
    etag: str
    versions: bool = False
    storage_class: str = ""
    """Of the objects listed, where a copy must name it; empty where a job leaves it to S3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Objects of a seed that failed for one reason: the code, how many, and some of their keys."""

    code: str
    count: int
    message: str = ""
    keys: tuple[str, ...] = ()
