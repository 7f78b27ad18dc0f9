"""The demo's replication: a set of fourteen bucket pairs is seeded; some objects fail, their cause is mended, they are retried."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from windlass.app import App
from windlass.core.errors import PartialFailure, WindlassError
from windlass.core.pool import map_bounded
from windlass.observe.log import logger
from windlass_local.exceptions import LocalError
from windlass_local.outside import Outside

__all__ = ["CONFIG", "seed_replicas"]

ACCOUNT, SOURCE_REGION, TARGET_REGION = "111111111111", "us-east-1", "eu-west-1"
SET = "dr"
_KINDS = (
    "bookings",
    "charts",
    "cranes",
    "customs",
    "drawings",
    "fuel",
    "gates",
    "incidents",
    "logs",
    "manifests",
    "pilots",
    "tides",
    "tugs",
    "weather",
)
_OBJECTS = 24
_MANY = 836
_AT_ONCE = 8
# Nobody may write these at some destinations: what a forgotten policy does.
_FORBIDDEN = {"customs": "quarantine/*", "incidents": "2026/11/0*", "pilots": "quarantine/*"}

CONFIG = f"""
[replication]
poll_s = 1
canary_poll_s = 0.5

[[replicate]]
name = "{SET}"
source = "harbour-dr-*"
destination = "replica-of-{{name}}"
"""


def seed_replicas(app: App, outside: Outside, stop: threading.Event) -> None:
    """Make the pairs, seed the set, and retry what failed. A scene that fails is missed by nobody."""
    from windlass.replication.planning.request import Request
    from windlass.replication.seed import job as seeding
    from windlass.replication.seed.scheduler import seed_set

    try:
        for outcome in map_bounded(lambda kind: _make(outside, kind), _KINDS, limit=_AT_ONCE, stop=stop):
            if outcome.error is not None:
                raise outcome.error
        try:
            seed_set(app.replication, app.jobs, app.replication.set_named(SET))
        except PartialFailure:
            if stop.wait(45):  # so that somebody who looks sees them
                return
            for kind in _FORBIDDEN:
                outside.call(TARGET_REGION, "s3", "DeleteBucketPolicy", Bucket=_target(kind))
            failed = [one for one in app.replication.select(SET) if one.failed]
            seeding.run(app.replication, app.jobs, seeding.retry(app.replication, app.jobs, failed, Request()))
    except (WindlassError, LocalError) as error:
        logger("demo").warning("scene.failed", scene="replication", error=error.message, hint=error.hint)


def _make(outside: Outside, kind: str) -> None:
    """A pair of versioned buckets, the source filled before anybody thought of replication."""

    def call(region: str, operation: str, **params: Any) -> None:
        outside.call(region, "s3", operation, **params)

    source, target = f"harbour-dr-{kind}", _target(kind)
    call(SOURCE_REGION, "CreateBucket", Bucket=source)
    place = {"LocationConstraint": TARGET_REGION}
    call(TARGET_REGION, "CreateBucket", Bucket=target, CreateBucketConfiguration=place)
    for region, bucket in ((SOURCE_REGION, source), (TARGET_REGION, target)):
        call(region, "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    if kind in _FORBIDDEN:
        statement = {
            "Sid": "Forgotten",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:PutObject", "s3:ReplicateObject"],
            "Resource": f"arn:aws:s3:::{target}/{_FORBIDDEN[kind]}",
        }
        call(
            TARGET_REGION,
            "PutBucketPolicy",
            Bucket=target,
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
    for key, body in _objects(kind):
        call(SOURCE_REGION, "PutObject", Bucket=source, Key=key, Body=body)


def _objects(kind: str) -> Iterator[tuple[str, bytes]]:
    number = _MANY if kind == "logs" else _OBJECTS + 5 * len(kind)
    for at in range(number):
        folder = "quarantine" if at % 9 == 4 else f"2026/11/{at % 28 + 1:02}"
        yield f"{folder}/{kind} {at:05}.json", json.dumps({"kind": kind, "number": at}).encode() * (at % 7 + 1)


def _target(kind: str) -> str:
    return f"replica-of-harbour-dr-{kind}"
