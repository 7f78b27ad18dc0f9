"""The changes of the demo's simulated month: who changed what, when, and back. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from windlass.core.canonical import digest
from windlass.inventory.events.model import Touch
from windlass.inventory.model import ChangeEvent, Document, Observation, Scope

__all__ = ["DAYS", "SIMULATED_AGENT", "SimulatedChange", "StoredResource", "simulated_month"]

DAYS = 30
SIMULATED_AGENT = "simulated by windlass demo"
_EVERYBODY: Mapping[str, str] = {
    "Sid": "ForTheCampaign",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
}
_FROM_ANYWHERE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A resource of the sample estate as it is now."""

    scope: Scope
    observation: Observation

    @property
    def team(self) -> str:
        """The team that owns it, by its tag."""
        return self.observation.tags.get("team", "platform")


@dataclass(frozen=True, slots=True)
class SimulatedChange:
    """A resource as it was from a time on (None: deleted), and the call that changed it."""

    at: datetime
    scope: Scope
    observation: Observation | None
    touch: Touch


def simulated_month(resources: Sequence[StoredResource], start: datetime) -> tuple[SimulatedChange, ...]:
    """Return the changes of the month after `start`, oldest first. At its end every resource is as it was at its beginning."""
    by_type: dict[str, list[StoredResource]] = {}
    for stored in sorted(resources, key=lambda each: each.observation.key):
        by_type.setdefault(stored.observation.type, []).append(stored)
    changes = [
        *_incident(by_type.get("s3.bucket", ()), start),
        *_opened_group(by_type.get("ec2.security-group", ()), start),
        *_debug_group(by_type.get("ec2.security-group", ()), start),
        *_ordinary(by_type, start),
    ]
    return tuple(sorted(changes, key=lambda change: change.at))


def _incident(buckets: Sequence[StoredResource], start: datetime) -> Iterator[SimulatedChange]:
    """Yield how a private bucket becomes public, six days before the end, and is closed within the hour."""
    private = next((each for each in buckets if _is_private(each.observation.document)), None)
    if private is None:
        return
    at = start + timedelta(days=DAYS - 6, hours=9, minutes=12)
    unblocked = _with(private.observation, lambda document: document.pop("PublicAccessBlock"))
    policy = {"Version": "2012-10-17", "Statement": [{**_EVERYBODY, "Resource": f"{private.observation.arn}/*"}]}
    public = _with(unblocked, lambda document: document.update(Policy=policy))
    deploy, guard = _user(private, f"{private.team}-deploy"), _user(private, "platform-deploy")
    steps = (
        (0, unblocked, "DeleteBucketPublicAccessBlock", deploy),
        (2, public, "PutBucketPolicy", deploy),
        (47, unblocked, "DeleteBucketPolicy", guard),
        (48, private.observation, "PutBucketPublicAccessBlock", guard),
    )
    for minutes, observation, name, actor in steps:
        yield _change(private, observation, at + timedelta(minutes=minutes), name, actor)


def _is_private(document: Document) -> bool:
    block = document.get("PublicAccessBlock")
    return isinstance(block, dict) and bool(block) and all(block.values()) and not document.get("Policy")


def _opened_group(groups: Sequence[StoredResource], start: datetime) -> Iterator[SimulatedChange]:
    """Yield a security group that was open to everybody for a night."""
    if not groups:
        return
    group, at = groups[0], start + timedelta(days=13, hours=18, minutes=40)
    opened = _with(group.observation, lambda document: document["IpPermissions"].append(_FROM_ANYWHERE))
    actor = _user(group, f"{group.team}-deploy")
    yield _change(group, opened, at, "AuthorizeSecurityGroupIngress", actor)
    closed_at = at + timedelta(hours=14)
    yield _change(group, group.observation, closed_at, "RevokeSecurityGroupIngress", _user(group, "platform-deploy"))


def _debug_group(groups: Sequence[StoredResource], start: datetime) -> Iterator[SimulatedChange]:
    """Yield a security group that lived for a day."""
    if len(groups) < 2:
        return
    model, at = groups[1], start + timedelta(days=20, hours=11)
    group_id = "sg-0debug0123456789"
    arn = model.observation.arn.replace(model.observation.resource_id, group_id)
    document = dict(model.observation.document, GroupId=group_id, GroupName="debug", Description="one day only")
    created = replace(model.observation, resource_id=group_id, arn=arn, name="debug", document=document)
    stored, actor = StoredResource(model.scope, created), _user(model, f"{model.team}-deploy")
    yield _change(stored, created, at, "CreateSecurityGroup", actor)
    yield _change(stored, None, at + timedelta(hours=22), "DeleteSecurityGroup", actor)


@dataclass(frozen=True, slots=True)
class _Ordinary:
    """A member that people change, and change back after some days."""

    type: str
    member: str
    change: Callable[[Any], Any]
    event: str
    resources: int
    days: int


_ORDINARY = (
    _Ordinary("lambda.function", "MemorySize", lambda value: value * 2, "UpdateFunctionConfiguration20150331v2", 7, 4),
    _Ordinary("lambda.function", "Timeout", lambda value: value + 30, "UpdateFunctionConfiguration20150331v2", 4, 2),
    _Ordinary("sqs.queue", "VisibilityTimeout", lambda value: str(int(value) * 4), "SetQueueAttributes", 9, 3),
    _Ordinary("dynamodb.table", "DeletionProtectionEnabled", lambda value: not value, "UpdateTable", 4, 5),
    _Ordinary("rds.instance", "BackupRetentionPeriod", lambda value: value + 7, "ModifyDBInstance", 4, 6),
    _Ordinary("logs.group", "retentionInDays", lambda value: 3, "PutRetentionPolicy", 5, 8),  # noqa: ARG005
)


def _ordinary(by_type: Mapping[str, Sequence[StoredResource]], start: datetime) -> Iterator[SimulatedChange]:
    number = 0
    for kind in _ORDINARY:
        having = [each for each in by_type.get(kind.type, ()) if each.observation.document.get(kind.member) is not None]
        for stored in having[:: max(1, len(having) // kind.resources)][: kind.resources]:
            number += 1
            at = start + timedelta(
                days=1 + number * 7 % (DAYS - 2 - kind.days), hours=7 + number * 5 % 11, minutes=number
            )
            changed = _with(stored.observation, _changing(kind))
            actor = _user(stored, f"{stored.team}-deploy")
            yield _change(stored, changed, at, kind.event, actor)
            yield _change(stored, stored.observation, at + timedelta(days=kind.days, minutes=19), kind.event, actor)


def _changing(kind: _Ordinary) -> Callable[[Document], Any]:
    return lambda document: document.update({kind.member: kind.change(document[kind.member])})


def _with(observation: Observation, edit: Callable[[Document], Any]) -> Observation:
    document = copy.deepcopy(observation.document)
    edit(document)
    return replace(observation, document=document)


def _user(of: StoredResource, name: str) -> str:
    return f"arn:aws:iam::{of.scope.account_id}:user/{name}"


def _change(
    of: StoredResource, observation: Observation | None, at: datetime, name: str, actor: str
) -> SimulatedChange:
    event = ChangeEvent(
        event_id=digest([of.observation.key, at.isoformat(), name]),
        at=at,
        source=f"{of.observation.type.split('.')[0]}.amazonaws.com",
        name=name,
        actor=actor,
        source_ip="198.51.100.17",
        user_agent=SIMULATED_AGENT,
        region=of.observation.region,
    )
    names = frozenset({of.observation.resource_id, of.observation.key, of.observation.name})
    touch = Touch(scope=of.scope, names=names, event=event, deletes=observation is None)
    return SimulatedChange(at, of.scope, observation, touch)
