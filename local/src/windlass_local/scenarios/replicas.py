"""Fourteen pairs of buckets whose objects are older than their replication; some destinations refuse some keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from windlass_local.account_client import AccountClient

__all__ = ["Replicas"]

_SOURCE_REGION, _DESTINATION_REGION = "us-east-1", "eu-west-1"
_SUBJECTS = (
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
_LARGE_SUBJECT, _LARGE_OBJECTS = "logs", 836
_OBJECTS = 24
_THREADS = 8
# Keys that the destination's policy denies to every caller, like a forgotten policy.
_DENIED_KEYS = {"customs": "quarantine/*", "incidents": "2026/11/0*", "pilots": "quarantine/*"}


class Replicas:
    """Pairs of versioned buckets `harbour-dr-*` and `replica-of-harbour-dr-*`."""

    def prepare(self, aws: AccountClient) -> dict[str, Any]:
        """Create the pairs and fill the sources."""
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(lambda subject: _create_pair(aws, subject), _SUBJECTS))
        return {"pairs": len(_SUBJECTS)}

    def play(self, aws: AccountClient, stop: threading.Event) -> None:
        """Do nothing: the sources are full."""

    def act(self, aws: AccountClient, action: str) -> None:
        """Delete the policies that deny keys when the action is `allow`."""
        if action == "allow":
            for subject in _DENIED_KEYS:
                aws.call(_DESTINATION_REGION, "s3", "DeleteBucketPolicy", Bucket=_destination(subject))


def _create_pair(aws: AccountClient, subject: str) -> None:
    source, destination = f"harbour-dr-{subject}", _destination(subject)
    aws.call(_SOURCE_REGION, "s3", "CreateBucket", Bucket=source)
    location = {"LocationConstraint": _DESTINATION_REGION}
    aws.call(_DESTINATION_REGION, "s3", "CreateBucket", Bucket=destination, CreateBucketConfiguration=location)
    enabled = {"Status": "Enabled"}
    for region, bucket in ((_SOURCE_REGION, source), (_DESTINATION_REGION, destination)):
        aws.call(region, "s3", "PutBucketVersioning", Bucket=bucket, VersioningConfiguration=enabled)
    if subject in _DENIED_KEYS:
        policy = _deny(destination, _DENIED_KEYS[subject])
        aws.call(_DESTINATION_REGION, "s3", "PutBucketPolicy", Bucket=destination, Policy=policy)
    for key, body in _objects(subject):
        aws.call(_SOURCE_REGION, "s3", "PutObject", Bucket=source, Key=key, Body=body)


def _deny(bucket: str, keys: str) -> str:
    statement = {
        "Sid": "Forgotten",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:PutObject", "s3:ReplicateObject"],
        "Resource": f"arn:aws:s3:::{bucket}/{keys}",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _objects(subject: str) -> Iterator[tuple[str, bytes]]:
    count = _LARGE_OBJECTS if subject == _LARGE_SUBJECT else _OBJECTS + 5 * len(subject)
    for number in range(count):
        folder = "quarantine" if number % 9 == 4 else f"2026/11/{number % 28 + 1:02}"
        body = json.dumps({"kind": subject, "number": number}).encode() * (number % 7 + 1)
        yield f"{folder}/{subject} {number:05}.json", body


def _destination(subject: str) -> str:
    return f"replica-of-harbour-dr-{subject}"
