"""What a payload can be: an object event, a known payload without one, or an unknown payload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Hop", "Ignored", "IgnoredBecause", "Kind", "ObjectEvent", "Reading", "Unrecognised"]


class Kind(StrEnum):
    """The kind of change, whichever service reports it."""

    CREATED = "created"
    REMOVED = "removed"
    RESTORED = "restored"  # from an archive class: requested, completed, or expired
    REPLICATION = "replication"
    LIFECYCLE = "lifecycle"  # expiration (`removes` is true) and transition
    TIERING = "tiering"  # Intelligent-Tiering moved the object
    TAGGING = "tagging"
    ACL = "acl"
    LOST = "lost"  # Reduced Redundancy Storage lost the object
    OTHER = "other"  # an event that AWS added after this release


class Hop(StrEnum):
    """An envelope, or at the end of `ObjectEvent.via` the format of the event itself."""

    PIPES = "pipes"
    SQS = "sqs"
    SNS = "sns"
    S3 = "s3"
    EVENTBRIDGE = "eventbridge"
    CLOUDTRAIL = "cloudtrail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """One change of one object, delivered at least once and in any order.

    `key` is decoded. `name` is the sender's own name (`ObjectCreated:Put`, `Object Created`, `PutObject`). `via` lists the
    envelopes, outermost first; a queue's message body alone does not show that it came from a queue. Unknown text is "", an
    unknown size or time None: CloudTrail has no ETag, size or sequencer, a removal no size, a lifecycle rule no source
    address, and a notification no account.
    """

    kind: Kind
    name: str
    bucket: str
    key: str
    version_id: str = ""
    etag: str = ""
    size_bytes: int | None = None
    sequencer: str = ""
    at: datetime | None = None
    region: str = ""
    account_id: str = ""  # the bucket owner's
    principal_id: str = ""  # the caller, as the sender names it: a principal id, an account, or a service principal
    source_ip: str = ""
    request_id: str = ""
    delete_marker: bool = False
    via: tuple[Hop, ...] = ()

    @property
    def removes(self) -> bool:
        """True when the object, one of its versions, or its visibility (a delete marker) was removed."""
        if self.kind is Kind.REMOVED:
            return True
        return self.kind is Kind.LIFECYCLE and self.name.startswith(("LifecycleExpiration", "Object Deleted"))


class IgnoredBecause(StrEnum):
    """The reason why an understood payload needs no action. It may be acknowledged."""

    TEST = "s3:TestEvent, which S3 sends when notifications are configured"
    EMPTY = "a document without records"
    SUBSCRIPTION = "a request of SNS to confirm or end a subscription"
    READ = "a call that only reads"
    FAILED = "a call that failed"
    PARTIAL = "a step of an upload that creates no object yet"
    NOT_AN_OBJECT = "a call on a bucket or account"
    KEYS_UNTOLD = "DeleteObjects in CloudTrail, whose keys come as separate DeleteObject events"


@dataclass(frozen=True, slots=True)
class Ignored:
    """An understood payload, or part of one, that is not an object's change."""

    because: IgnoredBecause
    via: tuple[Hop, ...] = ()
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A payload, or part of one, in no known format. `sample` is its beginning, at most 200 characters.

    A sample is other people's data: show it only to users who may read the queue, and keep it out of metrics.
    """

    reason: str
    sample: str
    via: tuple[Hop, ...] = ()


Reading: TypeAlias = ObjectEvent | Ignored | Unrecognised
