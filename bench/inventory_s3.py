"""Collecting 1,000 buckets with 22 details each through a server of 30 ms latency: time, calls, memory.

The server is the embedded AWS in a separate process, with latency from a fault rule; both share this machine's
cores, so the time is an upper bound. The goal is 60 s and 512 MiB.

`python -m bench.inventory_s3 two-runs [BUCKETS] [SECONDS]` collects 10,000 buckets with 22 details each from a stub that
answers at once, with SECONDS of details a run: the first run stops half-way and says so, the second reads the rest.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request

from sqlalchemy import select

from bench.report import report
from windlass.core import clock
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory import store_meta
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.inventory.tables import unread_detail
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ACCOUNT = "111111111111"
REGIONS = ["us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2"]


@contextlib.contextmanager
def embedded_aws():
    command = [sys.executable, "-m", "windlass", "local", "up", "--port", "0", "--no-populate", "--with-parent"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            yield server.stdout.readline().strip(), server.pid
        finally:
            server.stdin.close()
            server.wait(20)


def order(url, rules):
    request = urllib.request.Request(f"{url}/_windlass/faults", method="PUT", data=json.dumps(rules).encode())
    urllib.request.urlopen(request, timeout=10).close()


def main(buckets=1000, latency_ms=30, concurrency=64):
    rows = [("run", "buckets", "calls", "seconds", "buckets/s", "calls/s", "created", "updated", "peak RSS MiB")]
    with embedded_aws() as (url, _), tempfile.TemporaryDirectory() as folder:
        config = EstateConfig(
            endpoint_url=url, regions=REGIONS, accounts=[AccountConfig(id=ACCOUNT)], max_connections=concurrency
        )
        with (
            open_estate(config, os.environ) as estate,
            open_store(StoreConfig(url=f"sqlite:///{folder}/w.db")) as store,
        ):
            for number in range(buckets):
                region = REGIONS[number % 4]
                place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
                estate.call(ACCOUNT, region, "s3", "CreateBucket", Bucket=f"bench-{number:05}", **place)
            order(url, [{"kind": "latency", "latency_ms": latency_ms}])
            inventory = Inventory(store, lambda: estate, InventoryConfig(concurrency=concurrency))
            for name in ("first", "unchanged"):
                started = time.perf_counter()
                run = inventory.collect(inventory.options(types=["s3.bucket"]))
                seconds = time.perf_counter() - started
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                rows.append(
                    (
                        name,
                        buckets,
                        run.calls,
                        f"{seconds:.1f}",
                        f"{buckets / seconds:.1f}",
                        f"{run.calls / seconds:.0f}",
                        run.created,
                        run.updated,
                        f"{peak:.0f}",
                    )
                )
    report("inventory_s3", rows, latency_ms=latency_ms, concurrency=concurrency, goal={"seconds": 60, "rss_mib": 512})


@contextlib.contextmanager
def stub(buckets):
    command = [sys.executable, "-m", "bench.inventory_stub", str(buckets)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()
            server.wait(20)


def two_runs(buckets=10_000, details_s=300.0, concurrency=16):
    """How many buckets have all of their 22 details after each of two runs, each with `details_s` for details."""
    rows = [("run", "status", "buckets", "never read completely", "calls", "seconds", "calls/s", "peak RSS MiB")]
    with stub(buckets) as url, tempfile.TemporaryDirectory() as folder:
        config = EstateConfig(
            endpoint_url=url, regions=["us-east-1"], accounts=[AccountConfig(id=ACCOUNT)], max_connections=concurrency
        )
        with (
            open_estate(config, os.environ) as estate,
            open_store(StoreConfig(url=f"sqlite:///{folder}/w.db")) as store,
        ):
            settings = InventoryConfig(concurrency=concurrency, details_timeout_s=details_s)
            inventory = Inventory(store, lambda: estate, settings)
            store_meta.is_due(store, "bucket_sizes", interval_s=0, now=clock.now())  # the stub has no CloudWatch
            for name in ("first", "second"):
                started = time.perf_counter()
                run = inventory.collect(inventory.options(types=["s3.bucket"]))
                seconds = time.perf_counter() - started
                with store.read() as connection:
                    gaps = connection.execute(select(unread_detail.c.read_at)).scalars().all()
                never = sum("" in json.loads(gap).values() for gap in gaps)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                rows.append(
                    (
                        name,
                        run.status,
                        run.resources,
                        never,
                        run.calls,
                        f"{seconds:.1f}",
                        f"{run.calls / seconds:.0f}",
                        f"{peak:.0f}",
                    )
                )
    report("inventory_s3_two_runs", rows, concurrency=concurrency, details_timeout_s=details_s, goal={"never_read": 0})


if __name__ == "__main__":
    if sys.argv[1:2] == ["two-runs"]:
        two_runs(*(int(text) for text in sys.argv[2:]))
    else:
        main()
