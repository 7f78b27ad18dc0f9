"""Delivery of S3 events to queues, topics, EventBridge and functions, outside of the call that caused them.

Queues, topics and Lambda's queue of asynchronous events are served by one thread in the order of the changes, EventBridge by
a few others; AWS promises no order, and a fault can break this one. A reset drops pending deliveries.
"""

from __future__ import annotations

import itertools
import json
import secrets
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol

import flask
from moto.events.models import events_backends
from moto.s3.models import FakeDeleteMarker
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from windlass_local.faults import Faults, ObjectEvent
from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import shared_functions
from windlass_local.s3.address import S3Request
from windlass_local.s3.caller import Caller, account_of, caller_of, principal_of
from windlass_local.s3.event_records import EMPTY_ETAG, Origin, S3Event, bridge_event, record, timestamp
from windlass_local.workers import Workers

CURRENT: ContextVar[tuple[S3Request, str, str] | None] = ContextVar("windlass_local_s3_call", default=None)
"""The native call being answered, its request id and host id; None inside moto's own server."""

Job = Callable[[], None]


class Watcher(Protocol):
    """A receiver of changes in addition to the configured destinations. It is called inside the bucket's lock, so it
    must only queue its work.
    """

    def notify(self, name: str, bucket: Any, version: Any) -> None:
        """Queue the events of a change in a bucket."""

    def forget(self) -> None:
        """Drop pending work: the estate was reset."""


class Delivery:
    """The delivery of bucket changes as events to the destinations of the bucket's configuration."""

    def __init__(self) -> None:
        self._ordered = Workers("s3-events", 1)
        self._slow = Workers("s3-bridge", 4)
        # Above every number of an earlier process, and never the same twice: later changes sort later.
        self._sequence = itertools.count(time.time_ns())
        self._faults: list[Faults] = []
        self._watchers: tuple[Watcher, ...] = ()

    def set_watcher(self, watcher: Watcher) -> None:
        """Notify `watcher` of every change before any event is sent."""
        self._watchers = (*self._watchers, watcher)

    def server_started(self, faults: Faults) -> None:
        """Add the faults of a server that started; they may double or delay events."""
        self._faults = [*self._faults, faults]

    def server_stopped(self, faults: Faults) -> None:
        """Remove the faults of a server that stops."""
        self._faults = [fault for fault in self._faults if fault is not faults]

    def forget(self) -> None:
        """Drop pending work: the estate was reset."""
        self._ordered.forget()
        self._slow.forget()
        for watcher in self._watchers:
            watcher.forget()

    def notify(self, name: str, bucket: Any, version: Any) -> None:
        """Send an event to every configuration of the bucket that selects it."""
        for watcher in self._watchers:
            watcher.notify(name, bucket, version)
        configuration = bucket.notification_configuration
        if configuration is None:
            return
        queues = [target for target in configuration.queue if target.matches(name, version.name)]
        topics = [target for target in configuration.topic if target.matches(name, version.name)]
        functions = [target for target in configuration.cloud_function if target.matches(name, version.name)]
        bridge = configuration.event_bridge is not None
        if not (queues or topics or functions or bridge):
            return
        notice = self._notice(name, bucket, version)
        for queue in queues:
            self._bring(notice, self._ordered, _to_queue(queue.arn, record(notice, queue.id)))
        for topic in topics:
            self._bring(notice, self._ordered, _to_topic(topic.arn, record(notice, topic.id)))
        for function in functions:
            self._bring(notice, self._ordered, _to_function(function.arn, record(notice, function.id)))
        if bridge:
            self._bring(notice, self._slow, _to_bridge(bucket.account_id, notice))

    def _bring(self, notice: S3Event, workers: Workers, job: Job) -> None:
        """Deliver once and at once, unless a fault applies."""
        if not self._faults:
            workers.put(job)
            return
        event = ObjectEvent(
            name=notice.name.removeprefix("s3:"),
            account_id=notice.owner_account_id,
            region=notice.region,
            bucket=notice.bucket,
            key=notice.key,
        )
        times = [faults.deliveries(event) for faults in self._faults]
        for after_s in max(times, key=lambda item: (len(item), item)):  # the rules of one server, not of all
            workers.put(job, after_s=after_s)

    def _notice(self, name: str, bucket: Any, version: Any) -> S3Event:
        marker = isinstance(version, FakeDeleteMarker)
        return S3Event(
            name=str(getattr(name, "value", name)),
            at=datetime.now(UTC),
            bucket=bucket.name,
            bucket_arn=bucket.arn,
            region=bucket.region_name,
            owner_account_id=bucket.account_id,
            key=version.name,
            size_bytes=0 if marker else version.contentsize,
            etag=EMPTY_ETAG if marker else version.etag.strip('"'),
            version_id="" if bucket.versioning_status is None else version.version_id,
            sequencer=f"{next(self._sequence):018X}",
            origin=_origin(bucket.account_id),
        )


def _origin(owner_account_id: str) -> Origin:
    current = CURRENT.get()
    if current is not None:
        call, request_id, host_id = current
        caller = caller_of(call)
    else:
        caller, request_id, host_id = (
            _flask_caller(owner_account_id),
            secrets.token_hex(8).upper(),
            secrets.token_urlsafe(56),
        )
    return Origin(
        principal_id=principal_of(caller).principal_id,
        account_id=caller.account_id or "anonymous",
        source_ip="127.0.0.1",
        request_id=request_id,
        host_id=host_id,
    )


def _flask_caller(owner_account_id: str) -> Caller:
    """Return the caller of the request that moto's server answers on this thread; the owner when there is none."""
    if flask.has_request_context():
        _, credential, rest = flask.request.headers.get("Authorization", "").partition("Credential=")
        if credential:
            key = rest.partition("/")[0]
            return Caller(account_id=account_of(key), access_key=key)
    return Caller(account_id=owner_account_id, access_key="")


def _to_queue(arn: str, message: dict[str, Any]) -> Job:
    _, _, _, region, account_id, name = arn.split(":", 5)
    return lambda: sqs_backends[account_id][region].send_message(queue_name=name, message_body=json.dumps(message))


def _to_topic(arn: str, message: dict[str, Any]) -> Job:
    _, _, _, region, account_id, _ = arn.split(":", 5)
    body = json.dumps(message)
    return lambda: sns_backends[account_id][region].publish(arn=arn, message=body, subject="Amazon S3 Notification")


def _to_function(arn: str, message: dict[str, Any]) -> Job:
    name, payload = parse_name(arn, "", ""), json.dumps(message).encode()
    return lambda: shared_functions().events.accept(name, payload)


def _to_bridge(account_id: str, notice: S3Event) -> Job:
    def send() -> None:
        event = bridge_event(notice, str(uuid.uuid4()))
        if not event["detail-type"]:
            return
        bus = events_backends[account_id][notice.region].event_buses["default"]
        # moto's targets format the time and need it as a number.
        event["time"] = int(notice.at.timestamp())
        for rule in list(bus.rules.values()):
            rule.send_to_targets(event, transform_input=False)

    return send


def send_test_event(arn: str, bucket: str) -> None:
    """Send s3:TestEvent to a queue or topic, at once. Raises the service's error when the destination does not exist."""
    message = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": timestamp(datetime.now(UTC)),
        "Bucket": bucket,
        "RequestId": secrets.token_hex(8).upper(),
        "HostId": secrets.token_urlsafe(56),
    }
    (_to_queue if arn.split(":")[2] == "sqs" else _to_topic)(arn, message)()
