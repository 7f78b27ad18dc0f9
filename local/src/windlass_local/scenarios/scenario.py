"""The protocol of a scenario, and the first step of most: a bucket that sends its events to a queue."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from windlass_local.account_client import AccountClient

__all__ = ["REGION", "Scenario", "send_events_to_queue"]

REGION = "us-east-1"


class Scenario(Protocol):
    """Programs of other people in one account."""

    def prepare(self, aws: AccountClient) -> dict[str, Any]:
        """Create what the scenario needs. Return what a viewer needs to know, as JSON. CallFailed."""
        ...

    def play(self, aws: AccountClient, stop: threading.Event) -> None:
        """Make the calls of the programs until `stop`; failed calls are ignored."""
        ...

    def act(self, aws: AccountClient, action: str) -> None:
        """Perform an action that the viewer requested; unknown actions do nothing. CallFailed."""
        ...


def send_events_to_queue(aws: AccountClient, bucket: str, queue: str) -> None:
    """Send the bucket's events of created and removed objects to a queue of the same account and region."""
    target = {
        "QueueArn": f"arn:aws:sqs:{REGION}:{aws.account_id}:{queue}",
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
    }
    aws.call(
        REGION,
        "s3",
        "PutBucketNotificationConfiguration",
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [target]},
    )
