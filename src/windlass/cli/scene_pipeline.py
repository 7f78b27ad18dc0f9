"""The demo's pipeline: ships' papers come in as YAML, some of them broken, and go out as JSON."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass_local.exceptions import LocalError
from windlass_local.outside import Outside

__all__ = ["CONFIG", "transforming"]

ACCOUNT, REGION = "111111111111", "us-east-1"
RAW, UNIFORM, QUEUE = "harbour-prod-papers", "harbour-prod-uniform", "paper-events"
_BROKEN = (b"ship: [aurora\nvoyage: 7\n", b"ship: caf\xe9\n", b"ship: a\nship: b\n")

CONFIG = f"""
[[pipeline]]
name = "papers"
queue = "{QUEUE}"
account = "{ACCOUNT}"
region = "{REGION}"
source = "s3://{RAW}/incoming/"
transform = "yaml-to-json"
target = "s3://{UNIFORM}/{{dir}}{{stem}}.json"
on_error = "s3://{UNIFORM}/failed/"
concurrency = 4
"""
_FAST = ("wait_s=2", "read_timeout_s=12", "visibility_s=30", "drain_s=4")


@contextlib.contextmanager
def transforming(outside: Outside, config: Path, stop: threading.Event) -> Iterator[None]:
    """The scene, for the block."""
    _set_up(outside)
    command = [sys.executable, "-m", "windlass", "-c", str(config), "pipeline", "run", "papers"]
    for one in _FAST:
        command += ["--setting", one]
    papers = threading.Thread(target=_arrive, args=(outside, stop), name="papers", daemon=True)
    with (
        (config.parent / "pipeline.log").open("wb") as log,
        subprocess.Popen(  # noqa: S603  our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        ) as worker,
    ):
        papers.start()
        try:
            yield
        finally:
            stop.set()
            papers.join(5)
            worker.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(10)
            worker.kill()


def _set_up(outside: Outside) -> None:
    def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        return outside.call(REGION, service, operation, **params)

    call("sqs", "CreateQueue", QueueName=QUEUE)
    for bucket in (RAW, UNIFORM):
        call("s3", "CreateBucket", Bucket=bucket)
    target = {
        "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}",
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
    }
    call(
        "s3",
        "PutBucketNotificationConfiguration",
        Bucket=RAW,
        NotificationConfiguration={"QueueConfigurations": [target]},
    )


def _arrive(outside: Outside, stop: threading.Event) -> None:
    dice = random.Random(17)  # noqa: S311  a demo
    number = 0
    while not stop.wait(dice.choice((0.1, 0.3, 0.6))):
        number += 1
        text = f"paper: {number}\ncargo:\n  - {{kind: grain, tons: {dice.randrange(900)}}}\nsigned: 2026-11-{number % 28 + 1:02}\n"
        body = text.encode()
        if number % 25 == 0:
            body = _BROKEN[number // 25 % len(_BROKEN)]
        key = f"incoming/berth-{number % 6}/paper-{number:06}.yaml"
        try:
            outside.call(REGION, "s3", "PutObject", Bucket=RAW, Key=key, Body=body)
        except (WindlassError, LocalError) as error:
            logger("demo").debug("scene.failed", error=error.message)
