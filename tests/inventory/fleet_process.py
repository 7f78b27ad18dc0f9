"""One process of a fleet: `python -m tests.inventory.fleet_process URL ROLE VERSION LATENCY_S`.

It collects a scripted estate whose state depends on VERSION alone, so that what a fleet wrote can be compared with what one
process writes. ROLE: `collect` coordinates one run, `work` joins runs until SIGTERM.
"""

import signal
import sys
import threading
import time

from tests.inventory.fake import FakeCaller, unreachable
from windlass.inventory.collection_job import collect_as_job
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.inventory.worker_loop import work_forever
from windlass.jobs.service import Jobs
from windlass.observe.config import LogConfig
from windlass.observe.log import configure_logging
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

ACCOUNTS = ("111111111111", "222222222222", "333333333333")
REGIONS = tuple(f"r{number}" for number in range(8))
DEAD = "r7"
TYPES = ("ec2.vpc", "sqs.queue", "sns.topic", "dynamodb.table", "ec2.subnet")
HOT = ("111111111111", "r0")  # many queues, each with a detail call


def world(version, latency_s):
    """A caller whose answers depend on the account, the region and the version."""

    def vpcs(account_id, region, _):
        number = int(region[1:])
        return {
            "Vpcs": [
                {"VpcId": f"vpc-{account_id[0]}-{region}-{n}", "CidrBlock": f"10.{version}.{n}.0/24"}
                for n in range(number % 3 + version)
            ]
        }

    def subnets(account_id, region, _):
        """Every account sees the subnets that the first one shares."""
        return {
            "Subnets": [
                {
                    "SubnetId": f"subnet-{region}-{n}",
                    "VpcId": f"vpc-1-{region}-0",
                    "OwnerId": ACCOUNTS[0],
                    "SubnetArn": f"arn:aws:ec2:{region}:{ACCOUNTS[0]}:subnet/subnet-{region}-{n}",
                    "CidrBlock": f"10.0.{n}.0/2{version}",
                }
                for n in range(3)
            ]
        }

    def queues(account_id, region, _):
        count = 60 if (account_id, region) == HOT else 2
        return {"QueueUrls": [f"https://sqs.{region}.amazonaws.com/{account_id}/q{n}" for n in range(version, count)]}

    def attributes(account_id, region, params):
        name = params["QueueUrl"].rpartition("/")[2]
        arn = f"arn:aws:sqs:{region}:{account_id}:{name}"
        return {"Attributes": {"QueueArn": arn, "DelaySeconds": str(version if name.endswith("3") else 0)}}

    def topics(account_id, region, _):
        return {"Topics": [{"TopicArn": f"arn:aws:sns:{region}:{account_id}:t{n}"} for n in range(3 - version)]}

    def fault(account_id, region, service, operation, params):
        time.sleep(latency_s)
        return unreachable() if region == DEAD else None

    return FakeCaller(
        {
            ("ec2", "DescribeVpcs"): vpcs,
            ("ec2", "DescribeSubnets"): subnets,
            ("sqs", "ListQueues"): queues,
            ("sqs", "GetQueueAttributes"): attributes,
            ("sns", "ListTopics"): topics,
            ("sns", "GetTopicAttributes"): {"Attributes": {"DisplayName": "t"}},
            ("sns", "ListTagsForResource"): {"Tags": []},
        },
        account_ids=ACCOUNTS,
        region_names=REGIONS,
        fault=fault,
    )


def inventory_of(store, version, latency_s, *, concurrency=4):
    caller = world(version, latency_s)
    return Inventory(store, lambda: caller, InventoryConfig(concurrency=concurrency, types=list(TYPES)))


def main(url, role, version, latency_s):
    configure_logging(LogConfig(format="json"))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with open_store(StoreConfig(url=url)) as store:
        inventory, jobs = inventory_of(store, int(version), float(latency_s)), Jobs(store)
        if role == "collect":
            run = collect_as_job(inventory, jobs, inventory.options(), stop=stop)
            print(run.run_id, run.status, flush=True)
        else:
            print("ready", flush=True)
            work_forever(inventory, jobs, stop=stop, resume=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
