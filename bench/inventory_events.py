"""Events to the store: CPU time of each event, and how long after its event a change is stored at 200 events a second.

The calls of AWS are answered in this process: after 30 ms while the latency is measured, at once while CPU time is. Queues,
instances, tables, roles and buckets (22 details each) are touched in equal parts; a third of the events hit one hot tenth.
"""

import json
import random
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.inventory.events.records import body, record

from bench.report import report
from windlass.core.errors import NotFound
from windlass.estate.model import RegionList, RegionSource
from windlass.inventory.config import InventoryConfig
from windlass.inventory.events.messages import parse_message
from windlass.inventory.events.refresh import open_refresh
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ACCOUNT, REGION = "111111111111", "eu-west-1"
EACH, EVENTS, BATCH = 400, 6_000, 200
RATE, SECONDS, WINDOW_S, LATENCY_S = 200, 20, 0.5, 0.03


class Account:
    id = ACCOUNT


class Estate:
    """An estate in memory: every resource has a version that its document shows."""

    def __init__(self):
        self.versions = {(kind, n): 0 for kind in CHANGES for n in range(EACH)}
        self.latency_s = 0.0
        self.calls = 0
        self.answers = {
            ("s3", "ListBuckets"): self.list_buckets,
            ("s3", "GetBucketTagging"): self.bucket_tags,
            ("s3", "GetBucketPolicy"): self.no_policy,
            ("sqs", "ListQueues"): self.list_queues,
            ("sqs", "GetQueueAttributes"): self.queue_attributes,
            ("ec2", "DescribeInstances"): self.instances,
            ("dynamodb", "ListTables"): self.list_tables,
            ("dynamodb", "DescribeTable"): self.table,
            ("iam", "ListRoles"): self.list_roles,
            ("iam", "GetRole"): self.role,
        }

    def accounts(self):
        return [Account()]

    def partition(self, _account_id, /):
        return "aws"

    def region_list(self, _account_id, /):
        return RegionList((REGION,), RegionSource.CONFIGURATION)

    def pages(self, account_id, region, service, operation, /, **params):
        yield self.call(account_id, region, service, operation, **params)

    def call(self, _account_id, _region, service, operation, /, **params):
        self.calls += 1
        if self.latency_s:
            time.sleep(self.latency_s)
        answer = self.answers.get((service, operation))
        return answer(params) if answer else {}

    def list_buckets(self, params):
        prefix = params.get("Prefix", "")
        names = [prefix] if prefix else [f"bucket-{n}" for n in range(EACH)]
        return {"Buckets": [{"Name": name, "BucketRegion": REGION} for name in names]}

    def bucket_tags(self, params):
        return {"TagSet": [{"Key": "version", "Value": self.version("bucket", params["Bucket"])}]}

    def list_queues(self, _params):
        return {"QueueUrls": [f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue-{n}" for n in range(EACH)]}

    def queue_attributes(self, params):
        return {"Attributes": {"VisibilityTimeout": self.version("queue", params["QueueUrl"])}}

    def instances(self, params):
        instances = [
            {"InstanceId": name, "State": {"Name": "running"}, "InstanceType": self.version("instance", name)}
            for name in params["InstanceIds"]
        ]
        return {"Reservations": [{"Instances": instances}]}

    def list_tables(self, _params):
        return {"TableNames": [f"table-{n}" for n in range(EACH)]}

    def table(self, params):
        name = params["TableName"]
        return {"Table": {"TableName": name, "ItemCount": 1, "TableStatus": self.version("table", name)}}

    def list_roles(self, _params):
        return {
            "Roles": [{"RoleName": f"role-{n}", "Arn": f"arn:aws:iam::{ACCOUNT}:role/role-{n}"} for n in range(EACH)]
        }

    def role(self, params):
        name = params["RoleName"]
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        return {"Role": {"RoleName": name, "Arn": arn, "Description": self.version("role", name)}}

    def no_policy(self, _params):
        raise NotFound("none", code="NoSuchBucketPolicy")

    def version(self, kind, name):
        number = int(name.rpartition("-")[2], 16 if kind == "instance" else 10)
        return str(self.versions[kind, number])


CHANGES = {
    "bucket": lambda n: record("s3", "PutBucketTagging", {"bucketName": f"bucket-{n}"}),
    "queue": lambda n: record(
        "sqs", "SetQueueAttributes", {"queueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue-{n}"}
    ),
    "instance": lambda n: record("ec2", "ModifyInstanceAttribute", {"instanceId": f"i-{n:017x}"}),
    "table": lambda n: record("dynamodb", "UpdateTable", {"tableName": f"table-{n}"}),
    "role": lambda n: record("iam", "UpdateRole", {"roleName": f"role-{n}"}),
}


def change(estate, rng):
    """Change a resource of the estate; return the message of its event."""
    kind = rng.choice(list(CHANGES))
    number = rng.randrange(EACH // 10 if rng.random() < 1 / 3 else EACH)
    estate.versions[kind, number] += 1
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return body(CHANGES[kind](number) | {"eventTime": now})


def main():
    rng = random.Random(3)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(StoreConfig(url=f"sqlite:///{Path(folder)}/b.db")) as store,
    ):
        estate = Estate()
        inventory = Inventory(store, lambda: estate, InventoryConfig())
        refresh = open_refresh(inventory.collection(), concurrency=64)
        messages = [change(estate, rng) for _ in range(EVENTS)]

        started, cpu = time.perf_counter(), time.process_time()
        parsed = [parse_message(message, refresh.index) for message in messages]
        parse_s = time.process_time() - cpu
        touches = [touch for each in parsed for touch in each.touches]
        changes = reads = failed = 0
        for at in range(0, len(touches), BATCH):
            result = refresh.refresh(touches[at : at + BATCH])
            changes += result.counts.created + result.counts.updated
            reads += result.reads
            failed += len(result.failures)
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - started

        estate.latency_s = LATENCY_S
        latencies, calls = paced(estate, refresh, rng), estate.calls
        rows = [
            ("measure", "value"),
            ("events", f"{EVENTS:,}"),
            ("resources read", f"{reads:,}"),
            ("revisions written", f"{changes:,}"),
            ("failed scopes", str(failed)),
            ("CPU to understand an event", f"{parse_s / EVENTS * 1e6:.0f} us"),
            ("CPU of an event in all", f"{cpu_s / EVENTS * 1e3:.2f} ms"),
            ("events per core and second", f"{EVENTS / cpu_s:,.0f}"),
            ("wall time", f"{wall_s:.1f} s"),
            (f"stored after its event, p50, at {RATE}/s", f"{quantile(latencies, 0.50):.2f} s"),
            (f"stored after its event, p95, at {RATE}/s", f"{quantile(latencies, 0.95):.2f} s"),
            (f"stored after its event, max, at {RATE}/s", f"{max(latencies):.2f} s"),
            ("AWS calls in all", f"{calls:,}"),
            ("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"),
        ]
        report("inventory_events", rows)
        print(json.dumps({"failures": failed}))


def paced(estate, refresh, rng):
    """Let events come at the rate, and read them in batches as the feed does; return the seconds of each to the store."""
    latencies = []
    started = time.perf_counter()
    sent = 0
    while sent < RATE * SECONDS:
        time.sleep(WINDOW_S)
        due = min(RATE * SECONDS, int((time.perf_counter() - started) * RATE))
        arrivals = [started + n / RATE for n in range(sent, due)]
        batch = [touch for _ in arrivals for touch in parse_message(change(estate, rng), refresh.index).touches]
        sent = due
        refresh.refresh(batch)
        now = time.perf_counter()
        latencies += [now - arrival for arrival in arrivals]
    return latencies


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
