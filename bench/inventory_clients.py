"""The clients that bench/inventory.py compares, each in a process of its own: `python -m bench.inventory_clients JSON`.

It prints one JSON line: calls, wall and CPU seconds of the work, peak RSS of the process.
"""

import concurrent.futures
import itertools
import json
import os
import resource
import sys
import tempfile
import time

from windlass.aws.client import AwsClient
from windlass.core import clock
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory import store_meta
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ACCOUNT = "111111111111"
CALLS = {
    "SQS GetQueueAttributes": (
        "sqs",
        "GetQueueAttributes",
        {"QueueUrl": "http://localhost/111111111111/q", "AttributeNames": ["All"]},
    ),
    "S3 GetBucketTagging": ("s3", "GetBucketTagging", {"Bucket": "bench-000001"}),
    "EC2 DescribeVolumes, 5 items": ("ec2", "DescribeVolumes", {"MaxResults": 5}),
}

SPREAD = (
    ("ec2", "DescribeVpcs"),
    ("rds", "DescribeDBInstances"),
    ("sns", "ListTopics"),
    ("sqs", "ListQueues"),
    ("lambda", "ListFunctions"),
    ("ecs", "ListClusters"),
    ("dynamodb", "ListTables"),
    ("cloudformation", "DescribeStacks"),
    ("elasticache", "DescribeCacheClusters"),
)


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def accounts(count):
    return [f"{111111111111 + number}" for number in range(count)]


def calls(client, *, name, count, threads):
    """Make one call `count` times on threads."""
    service, operation, params = CALLS[name]

    def call(_):
        client.call(ACCOUNT, "us-east-1", service, operation, **params)

    call(0)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, range(threads)))  # connections are open, models are read
        started_cpu_s, started_s = cpu_s(), time.perf_counter()
        list(pool.map(call, range(count)))
        return {"calls": count, "cpu_s": cpu_s() - started_cpu_s, "wall_s": time.perf_counter() - started_s}


def spread(client, *, account_ids, regions, threads):
    """Call nine services once in every region of every account: what their clients, models and sessions take in memory."""

    def call(target):
        account_id, region, (service, operation) = target
        client.call(account_id, region, service, operation)

    started_cpu_s, started_s = cpu_s(), time.perf_counter()
    targets = list(itertools.product(account_ids, regions, SPREAD))
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, targets))
    return {"calls": len(targets), "cpu_s": cpu_s() - started_cpu_s, "wall_s": time.perf_counter() - started_s}


def collect(client, *, types, threads):
    """Collect types into a database that is empty."""
    with tempfile.TemporaryDirectory() as folder, open_store(StoreConfig(url=f"sqlite:///{folder}/w.db")) as store:
        store_meta.is_due(store, "bucket_sizes", interval_s=0, now=clock.now())  # the server has no CloudWatch
        inventory = Inventory(store, lambda: client, InventoryConfig(concurrency=threads))
        started_cpu_s, started_s = cpu_s(), time.perf_counter()
        run = inventory.collect(inventory.options(types=types))
        return {
            "calls": run.calls,
            "resources": run.resources,
            "errors": run.errors,
            "cpu_s": cpu_s() - started_cpu_s,
            "wall_s": time.perf_counter() - started_s,
        }


WORK = {"calls": calls, "collect": collect, "spread": spread}


def main(url, client, work, regions, account_count=1, **options):
    config = EstateConfig(
        endpoint_url=url,
        regions=regions,
        accounts=[AccountConfig(id=account_id) for account_id in accounts(account_count)],
        max_connections=options["threads"],
    )
    with open_estate(config, os.environ) as estate:
        caller = AwsClient(estate) if client == "generic" else estate
        if work == "spread":
            options |= {"account_ids": accounts(account_count), "regions": regions}
        outcome = WORK[work](caller, **options)
    outcome["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
