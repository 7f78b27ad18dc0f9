"""The feed end to end: a call to the embedded AWS is in the inventory with its actor, without a collection."""

import gzip
import json
import threading
import time

import pytest

from tests.inventory.events.records import ANN, body, record
from windlass.app import App
from windlass.aws.client import AwsClient
from windlass.cli.background import feed
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.facts.service import Facts
from windlass.facts.sync_import import SyncImport
from windlass.feed.config import FeedConfig
from windlass.feed.service import Feed
from windlass.inventory.catalog import CATALOG
from windlass.inventory.config import InventoryConfig
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.imports.service import HistoryImport
from windlass.inventory.model import GLOBAL, ChangeKind, Query
from windlass.inventory.service import Inventory
from windlass.observe.metrics import Metrics
from windlass.queues.service import Queues
from windlass.settings import load
from windlass_local.server import LocalServer

ACCOUNT, REGION = "777788880000", "eu-west-1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TYPES = ["s3.bucket", "sqs.queue", "ec2.instance", "ec2.security-group", "iam.role"]

# moto leaves sockets of its Docker client to the garbage collector; none is ours.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def estate():
    with LocalServer() as server:
        config = EstateConfig(
            endpoint_url=server.url, regions=[REGION], accounts=[AccountConfig(id=ACCOUNT)], retries=0
        )
        with open_estate(config, {}) as opened:
            yield opened


class World:
    """An inventory with a running feed, and the calls of other people."""

    def __init__(self, estate, store):
        self.estate, self.store = estate, store
        self.aws = AwsClient(estate)
        self.inventory = Inventory(store, lambda: self.aws, InventoryConfig(types=TYPES), single_server=True)
        self.metrics = Metrics()

    def call(self, service, operation, region=REGION, **params):
        return self.estate.call(ACCOUNT, region, service, operation, **params)

    def wait(self, condition, what):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within 30 s; {[row.key for row in self.inventory.list(Query()).rows]}")

    def resource(self, name, **query):
        return next(
            (row for row in self.inventory.list(Query(**query)).rows if name in (row.name, row.resource_id)), None
        )

    def newest(self, name):
        row = self.resource(name, include_deleted=True)
        return self.inventory.history(row.key)[0] if row else None


@pytest.fixture
def world(estate, sqlite_store):
    world = World(estate, sqlite_store)
    url = world.call("sqs", "CreateQueue", QueueName="feed-events")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:feed-events"
    pattern = json.dumps({"detail-type": ["AWS API Call via CloudTrail"]})
    for region in (REGION, "us-east-1"):  # IAM's events are in us-east-1 alone
        world.call("events", "PutRule", region, Name="feed", EventPattern=pattern)
    world.call("events", "PutTargets", Rule="feed", Targets=[{"Id": "q", "Arn": arn}])
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    world.call("events", "PutTargets", "us-east-1", Rule="feed", Targets=[{"Id": "bus", "Arn": bus}])
    queues = Queues(lambda: estate, lambda: sqlite_store, registry=world.metrics.of_worker)
    service = Feed(
        FeedConfig(
            queue="feed-events",
            account=ACCOUNT,
            region=REGION,
            batch_window_s=0.1,
            recheck_s=0.5,
            file_buckets=["feed-trail", "feed-sync"],
        ),
        world.inventory,
        lambda: HistoryImport(sqlite_store, TypeIndex.of(CATALOG), lambda: estate, home=lambda: (ACCOUNT, REGION)),
        lambda: SyncImport(sqlite_store, Facts(sqlite_store), lambda: estate, home=lambda: (ACCOUNT, REGION)),
        queues=queues,
        store=lambda: sqlite_store,
        metrics=world.metrics,
    )
    stop = threading.Event()
    worker = threading.Thread(target=service.worker().run, kwargs={"stop": stop, "signals": False})
    worker.start()
    yield world
    stop.set()
    worker.join(30)
    world.aws.close()
    for region in (REGION, "us-east-1"):
        targets = ["q"] if region == REGION else ["bus"]
        world.call("events", "RemoveTargets", region, Rule="feed", Ids=targets)
        world.call("events", "DeleteRule", region, Name="feed")
    world.call("sqs", "DeleteQueue", QueueUrl=url)


def test_changes_reach_the_inventory_with_their_actor(world):
    place = {"LocationConstraint": REGION}
    world.call("s3", "CreateBucket", Bucket="fed", CreateBucketConfiguration=place)
    world.wait(lambda: world.resource("fed"), "the new bucket")
    tags = {"TagSet": [{"Key": "team", "Value": "web"}]}
    world.call("s3", "PutBucketTagging", Bucket="fed", Tagging=tags)
    world.wait(lambda: world.resource("fed").tags == {"team": "web"}, "the tag")
    newest = world.newest("fed")
    assert (newest.change, newest.actor, newest.run_id) == (ChangeKind.UPDATED, ROOT, "events")
    assert newest.events[-1].name == "PutBucketTagging"
    assert newest.events[-1].source_ip == "127.0.0.1"
    world.call("s3", "DeleteBucket", Bucket="fed")
    world.wait(lambda: world.resource("fed") is None, "the deletion")
    newest = world.newest("fed")
    assert (newest.change, newest.events[-1].name) == (ChangeKind.DELETED, "DeleteBucket")


def test_a_file_of_a_resource_data_sync_renews_the_facts_of_its_host(world):
    place = {"LocationConstraint": REGION}
    world.call("s3", "CreateBucket", Bucket="feed-sync", CreateBucketConfiguration=place)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:feed-events"
    notification = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    world.call("s3", "PutBucketNotificationConfiguration", Bucket="feed-sync", NotificationConfiguration=notification)
    where = f"accountid={ACCOUNT}/region={REGION}/resourcetype=ManagedInstanceInventory/i-0123456789abcdef0.json"
    files = {
        "AWS:Application": {"Name": "openssl", "Version": "3.0.13-1"},
        "AWS:InstanceInformation": {"PlatformName": "Ubuntu", "ComputerName": "web"},
    }
    facts = Facts(world.store)
    for name, row in files.items():
        world.call("s3", "PutObject", Bucket="feed-sync", Key=f"{name}/{where}", Body=json.dumps(row).encode())
    world.wait(facts.hosts, "the host")
    world.wait(lambda: len(facts.sections("i-0123456789abcdef0")) == 2, "its sections")


def test_resources_of_several_services_are_read_alone(world):
    world.call("sqs", "CreateQueue", QueueName="fed-jobs", Attributes={"VisibilityTimeout": "31"})
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    world.call("iam", "CreateRole", GLOBAL, RoleName="fed-role", AssumeRolePolicyDocument=trust)
    (instance,) = world.call("ec2", "RunInstances", ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    for name in ("fed-jobs", "fed-role", instance["InstanceId"]):
        world.wait(lambda name=name: world.resource(name), name)
    assert world.newest("fed-role").events[-1].region == "us-east-1"
    scanned = world.inventory.show(world.resource(instance["InstanceId"]).key).document
    run = world.inventory.collect(world.inventory.options(types=["ec2.instance", "iam.role", "sqs.queue"]))
    assert run.errors == 0
    assert world.inventory.show(world.resource(instance["InstanceId"]).key).document == scanned
    changed = [revision for revision in world.inventory.changes()[0] if revision.run_id == run.run_id]
    # What the feed read is what a scan reads: the collection brings no revision of these resources.
    assert {revision.resource.name for revision in changed}.isdisjoint({"fed-jobs", "fed-role", instance["InstanceId"]})
    world.call("ec2", "TerminateInstances", InstanceIds=[instance["InstanceId"]])
    world.wait(lambda: world.newest(instance["InstanceId"]).events[-1].name == "TerminateInstances", "the end")


def test_a_file_of_a_trail_is_read_when_s3_says_that_it_arrived(world):
    for region in (REGION, "us-east-1"):  # no rule sends the calls themselves
        world.call("events", "DisableRule", region, Name="feed")
    place = {"LocationConstraint": REGION}
    for bucket in ("feed-trail", "by-file"):
        world.call("s3", "CreateBucket", Bucket=bucket, CreateBucketConfiguration=place)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:feed-events"
    notification = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    world.call("s3", "PutBucketNotificationConfiguration", Bucket="feed-trail", NotificationConfiguration=notification)
    detail = record("s3", "CreateBucket", {"bucketName": "by-file"}, recipientAccountId=ACCOUNT)
    key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/01/{ACCOUNT}_CloudTrail_{REGION}_20261101T1000Z_abcdefgh.json.gz"
    content = gzip.compress(json.dumps({"Records": [detail]}).encode())
    world.call("s3", "PutObject", Bucket="feed-trail", Key=key, Body=content)
    world.wait(lambda: world.resource("by-file"), "the bucket that the file names")
    assert world.newest("by-file").actor == ANN


def test_up_runs_the_feed_of_the_configuration(estate, tmp_path):
    (tmp_path / "windlass.toml").write_text(f"""
[estate]
endpoint_url = "{estate.config.endpoint_url}"
regions = ["{REGION}"]
accounts = [{{ id = "{ACCOUNT}" }}]
[store]
url = "sqlite:///{tmp_path.as_posix()}/up.db"
[feed]
queue = "up-events"
region = "{REGION}"
batch_window_s = 0.1
""")
    url = estate.call(ACCOUNT, REGION, "sqs", "CreateQueue", QueueName="up-events")["QueueUrl"]
    estate.call(ACCOUNT, REGION, "sqs", "CreateQueue", QueueName="up-jobs")
    detail = record("sqs", "CreateQueue", {"queueName": "up-jobs"}, recipientAccountId=ACCOUNT)
    estate.call(ACCOUNT, REGION, "sqs", "SendMessage", QueueUrl=url, MessageBody=body(detail))
    stop = threading.Event()
    settings = load(config="windlass.toml", environ={}, cwd=tmp_path)
    with App(settings, environ={}) as app, feed(app, stop):
        deadline = time.monotonic() + 30
        while not app.inventory.list(Query()).rows and time.monotonic() < deadline:
            time.sleep(0.1)
        (row,) = app.inventory.list(Query()).rows
        assert row.name == "up-jobs"
        assert app.inventory.history("up-jobs")[0].actor == ANN
        samples = app.metrics.render().decode()
    assert 'windlass_feed_events_total{kind="touch"} 1.0' in samples
    assert 'windlass_inventory_revisions_total{change="created"} 1.0' in samples
