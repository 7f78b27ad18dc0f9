"""The demo's file share: thousands of objects land behind it, its worker is killed again and again, and it lists them all."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass_local.exceptions import LocalError
from windlass_local.outside import Outside

__all__ = ["CONFIG", "OBJECTS", "sharing"]

ACCOUNT, REGION = "111111111111", "us-east-1"
BUCKET, QUEUE = "harbour-prod-scans", "scan-events"
OBJECTS, KILLS = 5_000, 50
_FOLDERS = 24
_RATE = 60.0

CONFIG = f"""
[[aggregate]]
name = "refresh-scans"
queue = "{QUEUE}"
account = "{ACCOUNT}"
region = "{REGION}"
window_s = 60         # a file share is refreshed once a minute at most
linger_s = 2
action = {{ kind = "storage-gateway-refresh" }}
"""
_FAST = ("wait_s=2", "read_timeout_s=12", "visibility_s=14", "drain_s=4")


@contextlib.contextmanager
def sharing(outside: Outside, config: Path, url: str, stop: threading.Event) -> Iterator[None]:
    """The scene, for the block."""
    share = _set_up(outside)
    scene = _Scene(outside, config, url, share, stop)
    threads = [threading.Thread(target=work, name=work.__name__, daemon=True) for work in (scene.drop, scene.tend)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(12)


def _set_up(outside: Outside) -> str:
    """A bucket behind an NFS share, whose object events go to a queue; the share's ARN."""

    def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        return outside.call(REGION, service, operation, **params)

    call("sqs", "CreateQueue", QueueName=QUEUE)
    call("s3", "CreateBucket", Bucket=BUCKET)
    target = {
        "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}",
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
    }
    call(
        "s3",
        "PutBucketNotificationConfiguration",
        Bucket=BUCKET,
        NotificationConfiguration={"QueueConfigurations": [target]},
    )
    gateway = call(
        "storagegateway",
        "ActivateGateway",
        ActivationKey="A" * 10,
        GatewayName="scanners",
        GatewayTimezone="GMT",
        GatewayRegion=REGION,
        GatewayType="FILE_S3",
    )["GatewayARN"]
    return str(
        call(
            "storagegateway",
            "CreateNFSFileShare",
            ClientToken="scans-share",
            GatewayARN=gateway,
            Role=f"arn:aws:iam::{ACCOUNT}:role/gateway-access",
            LocationARN=f"arn:aws:s3:::{BUCKET}",
        )["FileShareARN"]
    )


class _Scene:
    def __init__(self, outside: Outside, config: Path, url: str, share: str, stop: threading.Event) -> None:
        self._outside, self._config, self._url, self._share, self._stop = outside, config, url, share, stop
        self._killed = 0

    def drop(self) -> None:
        """Put the objects, as many a second as a scanner line does."""
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            for number in range(OBJECTS):
                if self._stop.wait(max(0.0, began + number / _RATE - time.monotonic())):
                    return
                pool.submit(self._put, number)
        self._watch_share()

    def _put(self, number: int) -> None:
        key = f"berth-{number % _FOLDERS:02}/scan-{number:05}.png"
        with contextlib.suppress(WindlassError, LocalError):
            self._outside.call(REGION, "s3", "PutObject", Bucket=BUCKET, Key=key, Body=b"scan")

    def tend(self) -> None:
        """Keep a worker running; while objects come in, kill it without a warning every few seconds."""
        dice = random.Random(11)  # noqa: S311  a demo
        command = [sys.executable, "-m", "windlass", "-c", str(self._config), "aggregate", "run", "refresh-scans"]
        for one in _FAST:
            command += ["--setting", one]
        with (self._config.parent / "aggregate.log").open("wb") as log:
            while not self._stop.is_set():
                with subprocess.Popen(  # noqa: S603  our own interpreter and module
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                ) as worker:
                    self._stop.wait(dice.uniform(1.5, 3.0) if self._killed < KILLS else None)
                    if self._stop.is_set():
                        worker.send_signal(signal.SIGTERM)
                        with contextlib.suppress(subprocess.TimeoutExpired):
                            worker.wait(8)
                    else:
                        self._killed += 1
                    worker.kill()

    def _watch_share(self) -> None:
        """Say it when the share lists what the bucket holds."""
        while not self._stop.wait(2):
            try:
                with urllib.request.urlopen(f"{self._url}/_windlass/fileshares/{self._share}", timeout=10) as answer:  # noqa: S310
                    seen = json.load(answer)
            except OSError as error:
                logger("demo").debug("scene.failed", error=str(error))
                continue
            if len(seen["files"]) == len(seen["bucket"]) >= OBJECTS:
                print(
                    f"  file share  lists all {len(seen['files']):,} objects after {seen['refreshes']} refreshes; "
                    f"its worker was killed {self._killed} times",
                    flush=True,
                )
                return
