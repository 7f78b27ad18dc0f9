"""What a payload can be: an object event, something known that is not one, or something unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Hop", "Ignored", "IgnoredBecause", "Kind", "ObjectEvent", "Reading", "Unrecognised"]


class Kind(StrEnum):
    """What happened to the object, whichever service reports it."""

    CREATED = "created"
    REMOVED = "removed"
    RESTORED = "restored"  # from an archive class: asked for, done, or over
    REPLICATION = "replication"
    LIFECYCLE = "lifecycle"  # expiration (`removes` is true) and transition
    TIERING = "tiering"  # Intelligent-Tiering moved it
    TAGGING = "tagging"
    ACL = "acl"
    LOST = "lost"  # Reduced Redundancy Storage lost it
    OTHER = "other"  # an event of an object that AWS has added since


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
    """One change of one object, delivered at least once and in no certain order.

    `key` is decoded. `name` is the sender's own word (`ObjectCreated:Put`, `Object Created`, `PutObject`). `via` shows
    the envelopes that were seen, outermost first; a queue's message body alone doesn't show that it came from a queue.
    Text that was not told is "", a size or time None: CloudTrail knows no ETag, size or sequencer, a removal has no
    size, a lifecycle rule no source address, and a notification names no account.
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
    principal_id: str = ""  # who did it, as the sender names it: a principal id, an account, or a service principal
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
    """Why an understood payload needs no action. It may be acknowledged."""

    TEST = "s3:TestEvent, which S3 sends when notifications are configured"
    EMPTY = "it holds no records"
    SUBSCRIPTION = "SNS asks to confirm or end a subscription"
    READ = "a call that only reads"
    FAILED = "a call that failed"
    PARTIAL = "a step of an upload that shows nothing yet"
    NOT_AN_OBJECT = "a call on a bucket or account"
    KEYS_UNTOLD = "DeleteObjects in CloudTrail, whose keys come as DeleteObject events of their own"


@dataclass(frozen=True, slots=True)
class Ignored:
    """An understood payload, or part of one, that is not an object's change."""

    because: IgnoredBecause
    via: tuple[Hop, ...] = ()
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A payload, or part of one, in no known format. `sample` is its beginning, at most 200 characters.

    A sample is other people's data: show it to who may read the queue, keep it out of metrics.
    """

    reason: str
    sample: str
    via: tuple[Hop, ...] = ()


Reading: TypeAlias = ObjectEvent | Ignored | Unrecognised
