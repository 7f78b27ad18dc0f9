"""What happened to an object, as one value, however it was told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Event", "Ignored", "Kind", "ObjectEvent", "Unrecognised", "Via"]


class Kind(StrEnum):
    """The families of S3's event types."""

    CREATED = "created"
    REMOVED = "removed"
    RESTORED = "restored"
    EXPIRED = "expired"  # by lifecycle
    TRANSITIONED = "transitioned"
    REPLICATION = "replication"
    TAGGING = "tagging"
    ACL = "acl"
    LOST = "lost"  # reduced redundancy
    OTHER = "other"


class Via(StrEnum):
    """How the event came: the outermost wrappings that were taken off are not told apart from none."""

    NOTIFICATION = "notification"
    EVENTBRIDGE = "eventbridge"
    CLOUDTRAIL = "cloudtrail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """One event of one object. `key` is decoded; what the source does not tell is empty or None.

    `name` is S3's own (`ObjectCreated:Put`), EventBridge's detail-type, or CloudTrail's operation. `sequencer` orders
    events of one key (order.py); `marker` says that a removal made a delete marker, the versions being there still.
    """

    kind: Kind
    name: str
    bucket: str
    key: str
    via: Via
    version_id: str = ""
    etag: str = ""
    size_bytes: int | None = None
    sequencer: str = ""
    marker: bool = False
    at: str = ""
    """When it happened, ISO 8601, as told; S3's clock, not ours."""
    region: str = ""
    account_id: str = ""
    principal_id: str = ""
    """Who did it: `AWS:AROA…:session` of a notification, an ARN of CloudTrail's, the service of a service."""
    source_ip: str = ""
    request_id: str = ""
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is known and tells of no object: s3:TestEvent, an SNS subscription, an event of another service."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """Something else: why it is no event, and how it begins."""

    reason: str
    sample: str = ""


Event = ObjectEvent | Ignored | Unrecognised
