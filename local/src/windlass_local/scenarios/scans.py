"""Thousands of scans land in a bucket behind a file share, whose events go to a queue."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from windlass_local.account_client import AccountClient
from windlass_local.exceptions import CallFailed
from windlass_local.scenarios.scenario import REGION, send_events_to_queue

__all__ = ["Scans"]

_BUCKET, _QUEUE = "harbour-prod-scans", "scan-events"
_OBJECTS = 5_000
_FOLDERS = 24
_OBJECTS_PER_S = 60.0


class Scans:
    """A bucket behind an NFS file share, and a line of scanners that fills it."""

    def prepare(self, aws: AccountClient) -> dict[str, Any]:
        """Create the queue, the bucket, a gateway and its file share; return the share's ARN and the number of objects."""
        aws.call(REGION, "sqs", "CreateQueue", QueueName=_QUEUE)
        aws.call(REGION, "s3", "CreateBucket", Bucket=_BUCKET)
        send_events_to_queue(aws, _BUCKET, _QUEUE)
        gateway = aws.call(
            REGION,
            "storagegateway",
            "ActivateGateway",
            ActivationKey="A" * 10,
            GatewayName="scanners",
            GatewayTimezone="GMT",
            GatewayRegion=REGION,
            GatewayType="FILE_S3",
        )["GatewayARN"]
        share = aws.call(
            REGION,
            "storagegateway",
            "CreateNFSFileShare",
            ClientToken="scans-share",
            GatewayARN=gateway,
            Role=f"arn:aws:iam::{aws.account_id}:role/gateway-access",
            LocationARN=f"arn:aws:s3:::{_BUCKET}",
        )["FileShareARN"]
        return {"file_share": share, "objects": _OBJECTS}

    def play(self, aws: AccountClient, stop: threading.Event) -> None:
        """Put all objects at the pace of a line of scanners, or stop early."""
        started = time.monotonic()
        with ThreadPoolExecutor(4) as threads:
            for number in range(_OBJECTS):
                if stop.wait(max(0.0, started + number / _OBJECTS_PER_S - time.monotonic())):
                    return
                threads.submit(_put, aws, number)

    def act(self, aws: AccountClient, action: str) -> None:
        """Do nothing: there are no actions."""


def _put(aws: AccountClient, number: int) -> None:
    key = f"berth-{number % _FOLDERS:02}/scan-{number:05}.png"
    with contextlib.suppress(CallFailed):
        aws.call(REGION, "s3", "PutObject", Bucket=_BUCKET, Key=key, Body=b"scan")
