"""What is read for an event: one resource in the shape of a scan, with as few calls as AWS offers."""

import pytest

from tests.inventory.events.records import ACCOUNT, body, record
from tests.inventory.fake import FakeCaller, gone
from windlass.core.errors import AwsError
from windlass.inventory.config import InventoryConfig
from windlass.inventory.events.messages import parse_message
from windlass.inventory.events.refresh import open_refresh
from windlass.inventory.model import ChangeKind, Query
from windlass.inventory.service import Inventory

REGION = "eu-west-1"
FIRST, SECOND = "i-00000000000000001", "i-00000000000000002"


class World:
    def __init__(self, store, answers):
        self.caller = FakeCaller(answers, account_ids=(ACCOUNT,), region_names=(REGION,))
        self.inventory = Inventory(store, lambda: self.caller, InventoryConfig())
        self.refresher = open_refresh(self.inventory.collection(), concurrency=4)

    def event(self, service, name, request):
        parsed = parse_message(body(record(service, name, request)), self.refresher.index)
        return self.refresher.refresh(parsed.touches)

    def calls(self, operation):
        return [params for _, _, _, called, params in self.caller.log if called == operation]

    def names(self):
        return sorted(row.resource_id for row in self.inventory.list(Query()).rows)


def instances(*running):
    def describe(_account, _region, params):
        unknown = set(params.get("InstanceIds", ())) - set(running)
        if unknown:
            raise gone("InvalidInstanceID.NotFound")
        listed = params.get("InstanceIds") or running
        return {
            "Reservations": [{"Instances": [{"InstanceId": each, "State": {"Name": "running"}}]} for each in listed]
        }

    return {("ec2", "DescribeInstances"): describe}


def start(*ids):
    return {"instancesSet": {"items": [{"instanceId": each} for each in ids]}}


def test_an_instance_is_asked_for_by_its_id(sqlite_store):
    world = World(sqlite_store, instances(FIRST, SECOND))
    result = world.event("ec2", "StartInstances", start(FIRST))
    assert (result.counts.created, world.names()) == (1, [FIRST])
    assert world.calls("DescribeInstances") == [{"InstanceIds": [FIRST]}]


def test_an_id_that_ec2_does_not_know_is_a_deletion_only_after_its_event(sqlite_store):
    world = World(sqlite_store, instances(FIRST))
    world.event("ec2", "StartInstances", start(FIRST))
    world.caller.answers = instances()
    world.event("ec2", "StopInstances", start(FIRST))
    assert world.names() == [FIRST]
    result = world.event("ec2", "TerminateInstances", start(FIRST))
    assert (result.counts.deleted, world.names()) == (1, [])


def test_one_unknown_id_among_several_does_not_hide_the_others(sqlite_store):
    world = World(sqlite_store, instances(FIRST))
    world.event("ec2", "StartInstances", start(FIRST, SECOND))
    assert world.names() == [FIRST]


def test_a_service_that_takes_no_such_id_is_listed(sqlite_store):
    def clusters(_account, _region, params):
        if "CacheClusterId" in params:
            raise AwsError("no", code="InvalidParameterValue")
        return {"CacheClusters": [{"CacheClusterId": "sessions"}, {"CacheClusterId": "other"}]}

    world = World(sqlite_store, {("elasticache", "DescribeCacheClusters"): clusters})
    world.event("elasticache", "ModifyCacheCluster", {"cacheClusterId": "sessions"})
    assert world.names() == ["sessions"]


def test_of_a_listing_only_the_touched_resource_has_its_details_read(sqlite_store):
    queues = {"QueueUrls": [f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}" for name in ("jobs", "mail")]}
    world = World(
        sqlite_store,
        {("sqs", "ListQueues"): queues, ("sqs", "GetQueueAttributes"): {"Attributes": {"DelaySeconds": "3"}}},
    )
    world.event("sqs", "SetQueueAttributes", {"queueUrl": queues["QueueUrls"][0]})
    assert world.names() == ["jobs"]
    assert len(world.calls("GetQueueAttributes")) == 1


def test_a_bucket_is_listed_by_its_prefix(sqlite_store):
    def listing(_account, _region, params):
        assert params["Prefix"] == "scans"
        return {"Buckets": [{"Name": name, "BucketRegion": REGION} for name in ("scans", "scans-copy")]}

    world = World(sqlite_store, {("s3", "ListBuckets"): listing})
    world.event("s3", "PutBucketTagging", {"bucketName": "scans"})
    assert world.names() == ["scans"]
    assert {params["Bucket"] for params in world.calls("GetBucketTagging")} == {"scans"}


@pytest.mark.parametrize(
    "error", [AwsError("no route", code="EndpointUnreachable"), AwsError("x", code="InternalError")]
)
def test_a_read_that_fails_changes_nothing_and_is_reported(sqlite_store, error):
    world = World(sqlite_store, instances(FIRST))
    world.event("ec2", "StartInstances", start(FIRST))
    world.caller.answers = {("ec2", "DescribeInstances"): error}
    result = world.event("ec2", "TerminateInstances", start(FIRST))
    assert world.names() == [FIRST]
    assert (len(result.failures), len(result.failed)) == (1, 1)


def test_accounts_and_types_that_are_not_collected_cost_no_call(sqlite_store):
    world = World(sqlite_store, instances(FIRST))
    parsed = parse_message(
        body(record("ec2", "StartInstances", start(FIRST), recipientAccountId="999999999999")), world.refresher.index
    )
    assert parsed.touches
    world.refresher.refresh(parsed.touches)
    assert world.caller.log == []


def test_the_revision_says_who(sqlite_store):
    world = World(sqlite_store, instances(FIRST))
    world.event("ec2", "StartInstances", start(FIRST))
    (revision,) = world.inventory.history(FIRST)
    assert (revision.change, revision.events[0].name, revision.events[0].source_ip) == (
        ChangeKind.CREATED,
        "StartInstances",
        "198.51.100.7",
    )


def test_a_creation_that_is_not_visible_yet_is_unconfirmed(sqlite_store):
    world = World(sqlite_store, instances())
    result = world.event("ec2", "RunInstances", start(FIRST))
    assert len(result.unconfirmed) == 1
    world.caller.answers = instances(FIRST)
    assert world.event("ec2", "RunInstances", start(FIRST)).unconfirmed == frozenset()


def test_a_call_that_names_two_types_is_confirmed_by_one(sqlite_store):
    roles = {"Roles": [{"RoleName": "ci", "Arn": f"arn:aws:iam::{ACCOUNT}:role/ci"}]}
    world = World(sqlite_store, {("iam", "ListRoles"): roles, ("iam", "GetRole"): {"Role": roles["Roles"][0]}})
    result = world.event("iam", "PutRolePolicy", {"roleName": "ci", "policyName": "inline"})
    assert world.names() == ["ci"]
    assert result.unconfirmed == frozenset()


def test_an_operation_about_something_else_does_not_name_the_change(sqlite_store):
    def listing(_account, _region, _params):
        return {"Buckets": [{"Name": "scans", "BucketRegion": REGION}]}

    world = World(sqlite_store, {("s3", "ListBuckets"): listing})
    own = record("s3", "PutBucketTagging", {"bucketName": "scans"})
    other = record("s3", "CreateJob", {"manifest": {"bucketName": "scans"}}, eventTime="2026-11-01T10:00:09Z")
    touches = [touch for each in (own, other) for touch in parse_message(body(each), world.refresher.index).touches]
    world.refresher.refresh(touches)
    (revision,) = world.inventory.history("scans")
    assert [event.name for event in revision.events] == ["PutBucketTagging"]
