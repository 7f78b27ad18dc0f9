"""Ships' papers arrive as YAML, some of them broken, in a bucket whose events go to a queue."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import Any

from windlass_local.account_client import AccountClient
from windlass_local.exceptions import CallFailed
from windlass_local.scenarios.scenario import REGION, send_events_to_queue

__all__ = ["Papers"]

_RAW, _UNIFORM, _QUEUE = "harbour-prod-papers", "harbour-prod-uniform", "paper-events"
_BROKEN = (b"ship: [aurora\nvoyage: 7\n", b"ship: caf\xe9\n", b"ship: a\nship: b\n")
_BROKEN_INTERVAL = 25  # papers between two broken ones
_PAUSES_S = (0.1, 0.3, 0.6)


class Papers:
    """Two buckets, a queue, and papers that arrive in the first bucket."""

    def prepare(self, aws: AccountClient) -> dict[str, Any]:
        """Create the queue and both buckets."""
        aws.call(REGION, "sqs", "CreateQueue", QueueName=_QUEUE)
        for bucket in (_RAW, _UNIFORM):
            aws.call(REGION, "s3", "CreateBucket", Bucket=bucket)
        send_events_to_queue(aws, _RAW, _QUEUE)
        return {"source": _RAW, "target": _UNIFORM, "queue": _QUEUE}

    def play(self, aws: AccountClient, stop: threading.Event) -> None:
        """Put papers until `stop`."""
        rng = random.Random(17)  # noqa: S311  a demo
        number = 0
        while not stop.wait(rng.choice(_PAUSES_S)):
            number += 1
            cargo = f"cargo:\n  - {{kind: grain, tons: {rng.randrange(900)}}}"
            body = f"paper: {number}\n{cargo}\nsigned: 2026-11-{number % 28 + 1:02}\n".encode()
            if number % _BROKEN_INTERVAL == 0:
                body = _BROKEN[number // _BROKEN_INTERVAL % len(_BROKEN)]
            key = f"incoming/berth-{number % 6}/paper-{number:06}.yaml"
            with contextlib.suppress(CallFailed):
                aws.call(REGION, "s3", "PutObject", Bucket=_RAW, Key=key, Body=body)

    def act(self, aws: AccountClient, action: str) -> None:
        """Do nothing: there are no actions."""
