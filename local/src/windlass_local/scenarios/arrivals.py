"""Objects arrive in a bucket in waves, and its events go to a queue; now and then the queue gets a message that is no event."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from typing import Any

from windlass_local.account_client import AccountClient
from windlass_local.exceptions import CallFailed
from windlass_local.scenarios.scenario import REGION, send_events_to_queue

__all__ = ["Arrivals"]

_BUCKET, _QUEUE, _DEAD_LETTERS = "harbour-prod-arrivals", "object-events", "object-events-dlq"
_SHIPS = ("aurora", "borealis", "calypso", "dauntless", "endeavour", "fram")
_PAUSES_S = (0.05, 0.1, 0.3, 1.0)
_FOREIGN_MESSAGE_INTERVAL = 40  # objects between two messages that are no events


class Arrivals:
    """A bucket, a queue with a dead-letter queue, and ships' manifests that arrive."""

    def prepare(self, aws: AccountClient) -> dict[str, Any]:
        """Create the queue, its dead-letter queue and the bucket."""
        aws.call(REGION, "sqs", "CreateQueue", QueueName=_DEAD_LETTERS)
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{aws.account_id}:{_DEAD_LETTERS}",
            "maxReceiveCount": 3,
        }
        aws.call(REGION, "sqs", "CreateQueue", QueueName=_QUEUE, Attributes={"RedrivePolicy": json.dumps(redrive)})
        aws.call(REGION, "s3", "CreateBucket", Bucket=_BUCKET)
        send_events_to_queue(aws, _BUCKET, _QUEUE)
        return {"bucket": _BUCKET, "queue": _QUEUE}

    def play(self, aws: AccountClient, stop: threading.Event) -> None:
        """Put objects until `stop`."""
        rng = random.Random(7)  # noqa: S311  a demo
        number = 0
        while not stop.wait(rng.choice(_PAUSES_S)):
            number += 1
            ship = rng.choice(_SHIPS)
            body = f"ship: {ship}\nvoyage: {number}\ncontainers: {rng.randrange(20, 900)}\n"
            with contextlib.suppress(CallFailed):
                key = f"manifests/{ship}/{number:06}.yaml"
                aws.call(REGION, "s3", "PutObject", Bucket=_BUCKET, Key=key, Body=body.encode())
                if number % _FOREIGN_MESSAGE_INTERVAL == 0:
                    queue_url = aws.call(REGION, "sqs", "GetQueueUrl", QueueName=_QUEUE)["QueueUrl"]
                    aws.call(REGION, "sqs", "SendMessage", QueueUrl=queue_url, MessageBody="this is no event")

    def act(self, aws: AccountClient, action: str) -> None:
        """Do nothing: there are no actions."""
