"""A queue's message as touches: EventBridge events, bare CloudTrail records, S3 notifications, in SQS or SNS envelopes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from windlass.core.clock import parse_time
from windlass.events import Ignored, ObjectEvent, read_events
from windlass.inventory.events.cloudtrail import changes_something
from windlass.inventory.events.model import Parsed, Touch
from windlass.inventory.events.touched import names_in, scope_of, touches_of
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.model import GLOBAL, ChangeEvent, Scope

__all__ = ["parse_message"]

_MAX_DEPTH = 6
_DELIVERED = re.compile(
    r"(?:^|/)(?:AWSLogs/(?:o-[^/]+/)?\d{12}/(?:Config|CloudTrail)/.+\.json\.gz"
    r"|accountid=\d{12}/region=[a-z0-9-]+/resourcetype=ManagedInstanceInventory/m?i-[0-9a-f]+\.json)$"
)
"""Files of Config and CloudTrail, and those of a Resource Data Sync of Systems Manager."""
_CLOUDTRAIL = ("AWS API Call via CloudTrail", "AWS Service Event via CloudTrail", "AWS Console Action via CloudTrail")
_CONFIG_DELETED = ("ResourceDeleted", "ResourceDeletedNotRecorded")


def parse_message(body: object, index: TypeIndex) -> Parsed:
    """Return the touches of a message. It never raises: anything but an AWS event is `unrecognised`."""
    parse = _Parse(index)
    try:
        for document in _documents(body):
            parse.document(document)
    except (ValueError, TypeError, RecursionError) as error:
        parse.unrecognised.append(f"not an event: {error}")
    return Parsed(
        tuple(parse.touches),
        parse.ignored,
        tuple(parse.unrecognised),
        tuple(parse.files),
        tuple(parse.buckets),
    )


def _documents(body: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the events in any envelope: text, SNS's notification, a list, EventBridge's list of records."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"more than {_MAX_DEPTH} envelopes inside each other")
    if isinstance(body, str | bytes):
        yield from _documents(json.loads(body), depth + 1)
    elif isinstance(body, list):
        for item in body:
            yield from _documents(item, depth + 1)
    elif isinstance(body, Mapping):
        if isinstance(body.get("Message"), str) and ("TopicArn" in body or body.get("Type") == "Notification"):
            yield from _documents(body["Message"], depth + 1)
        else:
            yield body
    else:
        raise TypeError(f"a {type(body).__name__}")


@dataclass
class _Parse:
    index: TypeIndex
    touches: list[Touch] = field(default_factory=list)
    buckets: list[Touch] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)
    ignored: int = 0

    def document(self, document: Mapping[str, Any]) -> None:
        """Add the touches of one event. A malformed event is unrecognised; the others of its message are read."""
        detail = document.get("detail")
        kind = document.get("detail-type")
        try:
            if kind in _CLOUDTRAIL and isinstance(detail, Mapping):
                self._record(detail)
            elif "eventName" in document and "eventSource" in document and "s3" not in document:
                self._record(document)
            elif kind == "Config Configuration Item Change" and isinstance(detail, Mapping):
                self._config_item(document, detail)
            elif document.get("messageType") == "ConfigurationItemChangeNotification":
                self._config_item({}, document)
            elif kind == "EC2 Instance State-change Notification" and isinstance(detail, Mapping):
                self._instance_state(document, detail)
            else:
                self._object_events(document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.unrecognised.append(f"{kind or 'an event'}: {type(error).__name__}: {error}")

    def _record(self, record: Mapping[str, Any]) -> None:
        touches = touches_of(record, self.index) if changes_something(record) else ()
        self.touches += touches
        self.ignored += not touches

    def _config_item(self, envelope: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        """Add the resource of a configuration item, or of the summary that Config sends for an item that is too large."""
        item = detail.get("configurationItem") or detail.get("configurationItemSummary") or {}
        kind = self.index.by_config_name.get(str(item.get("resourceType", "")).lower())
        if kind is None:
            self.ignored += 1
            return
        each = self.index.by_name[kind.name]
        texts = [item[name] for name in ("ARN", "resourceId", "resourceName") if isinstance(item.get(name), str)]
        names = frozenset(name for text in texts if text for name in names_in(each, text))
        captured = item.get("configurationItemCaptureTime") or envelope.get("time")
        change = ((detail.get("configurationItemDiff") or {}).get("changeType")) or item.get("changeType") or "UPDATE"
        event = ChangeEvent(
            event_id=str(envelope.get("id") or f"config-{item.get('resourceId')}-{captured}")[:64],
            at=parse_time(str(captured)),
            source="config.amazonaws.com",
            name=f"ConfigurationItem {change}",
            region=str(item.get("awsRegion") or "")[:32],
        )
        self.touches.append(
            Touch(
                scope=scope_of(each, str(item["awsAccountId"]), str(item["awsRegion"])),
                names=names,
                event=event,
                deletes=change == "DELETE" or item.get("configurationItemStatus") in _CONFIG_DELETED,
                creates=change == "CREATE",
            )
        )

    def _instance_state(self, envelope: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        each = self.index.by_name.get("ec2.instance")
        if each is None:
            self.ignored += 1
            return
        event = ChangeEvent(
            event_id=str(envelope["id"])[:64],
            at=parse_time(str(envelope["time"])),
            source="ec2.amazonaws.com",
            name=f"state {detail['state']}",
            region=str(envelope["region"])[:32],
        )
        scope = scope_of(each, str(envelope["account"]), str(envelope["region"]))
        names = frozenset({str(detail["instance-id"])})
        deletes = detail["state"] == "terminated"
        self.touches.append(Touch(scope=scope, names=names, event=event, deletes=deletes))

    def _object_events(self, document: Mapping[str, Any]) -> None:
        """Read S3's notifications: files of Config, CloudTrail and Systems Manager, and buckets that may be unknown."""
        for reading in read_events(dict(document)):
            if isinstance(reading, ObjectEvent):
                if _DELIVERED.search(reading.key) and not reading.removes:
                    self.files.append((reading.bucket, reading.key))
                elif reading.account_id and reading.at and "s3.bucket" in self.index.by_name:
                    self.buckets.append(_bucket_touch(reading))
                else:
                    self.ignored += 1
            elif isinstance(reading, Ignored):
                self.ignored += 1
            else:
                self.unrecognised.append(reading.reason)


def _bucket_touch(reading: ObjectEvent) -> Touch:
    assert reading.at is not None
    event = ChangeEvent(
        event_id=(reading.request_id or f"{reading.bucket}/{reading.key}/{reading.sequencer}")[:64],
        at=reading.at,
        source="s3.amazonaws.com",
        name=reading.name,
        region=reading.region,
    )
    scope = Scope(reading.account_id, GLOBAL, "s3.bucket")
    return Touch(scope=scope, names=frozenset({reading.bucket}), event=event)
