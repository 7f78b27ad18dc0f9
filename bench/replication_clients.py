"""One client of bench/replication.py, in a process of its own: `… CLIENT WORK PORT COUNT [HOME]`; prints one JSON line.

`copy` is everything from listing to the last copy; `list` is listing alone, `planN` the counting of N pairs. What is not Python is started by the bench itself.
"""

import importlib
import json
import os
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

IMPORTED = {"windlass": ["windlass.replication.direct.direct_copier", "uvloop"], "boto3": ["boto3", "botocore.config"]}


def windlass(work, port, home, tls):
    from windlass.core.access import Access, Keys
    from windlass.core.secret import Secret
    from windlass.replication.direct.direct_copier import DirectCopier
    from windlass.replication.direct.model import CopyContext
    from windlass.replication.direct.run import SeedLimits
    from windlass.replication.model import BucketRef, Pair
    from windlass.replication.seed.task import SeedTask

    keys = Keys("111111111111", Secret("bench"))

    class Estate:
        def access(self, account_id, region, service):
            scheme = "https" if tls else "http"
            return Access(
                service=service,
                region=region,
                endpoint_url=f"{scheme}://localhost:{port}",
                keys=lambda: keys,
                path_style=True,
                ca_bundle=tls,
                account_id=account_id,
            )

    places = [BucketRef(bucket=name, account_id="111111111111", region="us-east-1") for name in ("src", "dst")]
    pair = Pair(source=places[0], destination=places[1])
    start = float(os.environ.get("BENCH_START", "100000"))
    engine = DirectCopier(
        Estate,
        Path(home),
        limits=SeedLimits(start_per_s=start, connections=int(os.environ.get("BENCH_CONNECTIONS", "64"))),
    )
    if work == "list":
        return sum(1 for _ in engine.candidates(pair, source_only=True))
    if work.startswith("plan"):
        with ThreadPoolExecutor(8) as pool:  # as many as `[replication] concurrency`
            return sum(found.missing for found in pool.map(engine.measure, [pair] * int(work.removeprefix("plan"))))
    return engine.seed(SeedTask(seed_id="bench", pair=pair), CopyContext(threading.Event())).copied


def boto3(work, port, _home, tls):
    import boto3
    from botocore.config import Config

    threads = int(os.environ.get("BENCH_CONNECTIONS", "32"))
    config = Config(max_pool_connections=threads, retries={"mode": "standard", "max_attempts": 10})
    client = boto3.client(
        "s3",
        endpoint_url=f"{'https' if tls else 'http'}://localhost:{port}",
        region_name="us-east-1",
        config=config,
        aws_access_key_id="111111111111",
        aws_secret_access_key="bench",
        verify=tls or None,
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="src")
    keys = (one["Key"] for page in pages for one in page.get("Contents", []))
    if work == "list":
        return sum(1 for _ in keys)

    def copy(key):
        client.copy_object(Bucket="dst", Key=key, CopySource={"Bucket": "src", "Key": key})
        return 1

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(copy, keys))


def main():
    client, work, port, home, tls = sys.argv[1:]
    for module in IMPORTED[client]:  # what a process that runs for hours does once
        importlib.import_module(module)
    began, cpu = time.perf_counter(), time.process_time()
    count = {"windlass": windlass, "boto3": boto3}[client](work, port, home, tls)
    print(
        json.dumps(
            {
                "count": count,
                "wall_s": time.perf_counter() - began,
                "cpu_s": time.process_time() - cpu,
                "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
