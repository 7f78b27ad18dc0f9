"""What `windlass demo` keeps going besides the collector: each scene makes what it needs from outside and runs on a thread.

A scene is set up before the console opens, and then plays until the demo stops.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from windlass.app import App
from windlass.cli import replication_scene, scene_pipeline, scene_shares
from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass_local.exceptions import LocalError
from windlass_local.outside import Outside

__all__ = ["CONFIG", "playing"]

ACCOUNT, REGION = "111111111111", "us-east-1"
BUCKET, QUEUE, DEAD_LETTERS = "harbour-prod-arrivals", "object-events", "object-events-dlq"
_SHIPS = ("aurora", "borealis", "calypso", "dauntless", "endeavour", "fram")

CONFIG = (
    f"""
[[consume]]
name = "arrivals"
queue = "{QUEUE}"
account = "{ACCOUNT}"
region = "{REGION}"
handler = "windlass.queues.samples:log_objects"
wait_s = 2            # so that the demo stops at once; 20 is the default
read_timeout_s = 12
visibility_s = 30
drain_s = 4
first_backoff_s = 2
"""
    + scene_shares.CONFIG
    + scene_pipeline.CONFIG
    + replication_scene.CONFIG
)


@contextlib.contextmanager
def playing(app: App, config: Path, url: str, stop: threading.Event) -> Iterator[None]:
    """Every scene, for the block."""
    outside = Outside(url, ACCOUNT)
    _set_up_arrivals(outside)
    log = (config.parent / "consume.log").open("wb")
    command = [sys.executable, "-m", "windlass", "-c", str(config), "consume", "arrivals"]
    traffic = threading.Thread(target=_arrive, args=(outside, stop), name="arrivals", daemon=True)
    with (
        outside,
        log,
        scene_shares.sharing(outside, config, url, stop),
        scene_pipeline.transforming(outside, config, stop),
        subprocess.Popen(  # noqa: S603  our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        ) as consumer,
    ):
        traffic.start()
        threading.Thread(target=_audit_clients, args=(app, url), name="clients", daemon=True).start()
        replicas = threading.Thread(
            target=replication_scene.seed_replicas, args=(app, outside, stop), name="replication", daemon=True
        )
        replicas.start()
        try:
            yield
        finally:
            stop.set()
            traffic.join(5)
            replicas.join(5)
            consumer.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                consumer.wait(10)
            consumer.kill()


def _set_up_arrivals(outside: Outside) -> None:
    """A bucket whose object events go to a queue with a dead-letter queue."""

    def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        return outside.call(REGION, service, operation, **params)

    call("sqs", "CreateQueue", QueueName=DEAD_LETTERS)
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{DEAD_LETTERS}", "maxReceiveCount": 3}
    call("sqs", "CreateQueue", QueueName=QUEUE, Attributes={"RedrivePolicy": json.dumps(policy)})
    call("s3", "CreateBucket", Bucket=BUCKET)
    call(
        "s3",
        "PutBucketNotificationConfiguration",
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}",
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                }
            ]
        },
    )


def _audit_clients(app: App, url: str) -> None:
    """Old programs called S3 from the estate's machines for two weeks, and a trail saw it: scan its log."""
    from windlass.clients.scan_job import scan_as_job
    from windlass.clients.service import ScanOptions
    from windlass_local.seed.old_clients import call_the_old_way

    try:
        location = call_the_old_way(url, account_id=ACCOUNT, region=REGION)
        scan_as_job(app.clients, app.jobs, ScanOptions(source=location))
    except Exception as error:  # noqa: BLE001  the old programs are botocore's: it is one scene of several, and is not missed
        logger("demo").warning("scene.failed", scene="clients", error=str(error))


def _arrive(outside: Outside, stop: threading.Event) -> None:
    """Objects come in, in waves; now and then somebody sends the queue what is no event."""
    dice = random.Random(7)  # noqa: S311  a demo
    number = 0
    while not stop.wait(dice.choice((0.05, 0.1, 0.3, 1.0))):
        number += 1
        ship = dice.choice(_SHIPS)
        body = f"ship: {ship}\nvoyage: {number}\ncontainers: {dice.randrange(20, 900)}\n"
        try:
            key = f"manifests/{ship}/{number:06}.yaml"
            outside.call(REGION, "s3", "PutObject", Bucket=BUCKET, Key=key, Body=body.encode())
            if number % 40 == 0:
                queue = outside.call(REGION, "sqs", "GetQueueUrl", QueueName=QUEUE)["QueueUrl"]
                outside.call(REGION, "sqs", "SendMessage", QueueUrl=queue, MessageBody="this is no event")
        except (WindlassError, LocalError) as error:
            logger("demo").debug("scene.failed", error=error.message)
