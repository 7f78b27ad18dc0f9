"""The changes: chosen by seed, visible from outside, quick to stop, never stopped by a refusal."""

import random
import threading
import time

import pytest

from s3_clients import client, fresh
from windlass_local import simulated_changes
from windlass_local.sample_estate.clients import Clients
from windlass_local.simulated_changes import Change, RegionView, next_change

VIEW = RegionView(
    "111111111111",
    "eu-west-1",
    ("box", "simulated-web-2"),
    ("i-1", "i-2"),
    ("sg-1",),
    ("http://x/111111111111/simulated-web-1",),
    ("fn",),
    ("i-2",),
)
EMPTY = RegionView("111111111111", "eu-west-1", (), (), (), (), ())


def _series(seed, views=(VIEW,), length=200):
    dice = random.Random(seed)
    return [next_change(dice, views, number) for number in range(length)]


def test_the_same_seed_brings_the_same_changes_and_another_seed_another():
    assert _series(3) == _series(3)
    assert _series(3) != _series(4)


def test_every_kind_of_change_comes_up_in_time():
    assert {change.kind for change in _series(3, length=1000)} == {name for name, _ in simulated_changes._KINDS}


def test_an_empty_place_only_gets_new_things():
    kinds = {change.kind.partition("-")[0] for change in _series(3, (EMPTY,)) if change is not None}
    assert kinds == {"create", "launch"}


def test_only_queues_that_the_changes_made_are_deleted():
    theirs = RegionView("111111111111", "eu-west-1", (), (), (), ("http://x/111111111111/web-storefront",), ())
    assert not [change for change in _series(3, (theirs,)) if change and change.kind == "delete-queue"]


def test_only_what_the_changes_made_is_taken_away_and_it_puts_no_objects_there():
    changes = [change for change in _series(3, length=1000) if change]
    assert {change.target for change in changes if change.kind == "delete-bucket"} == {"simulated-web-2"}
    assert {change.target for change in changes if change.kind == "terminate-instance"} == {"i-2"}
    assert {change.target for change in changes if change.kind == "put-object"} == {"box"}


@pytest.fixture
def clients(local_aws):
    opened = Clients(local_aws.url)
    yield opened
    opened.close()


@pytest.fixture
def box(local_aws):
    """A bucket in eu-west-1 with one object."""
    name, s3 = fresh("changes"), client(local_aws.url, region="eu-west-1")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def _change(kind, target, number=1):
    return Change(kind, "111111111111", "eu-west-1", target, number, "data")


def test_changes_of_a_bucket_are_seen_from_outside(local_aws, clients, box):
    for kind in ("tag-bucket", "version-bucket", "expire-bucket", "put-object"):
        simulated_changes.apply_change(_change(kind, box), clients)
    s3 = client(local_aws.url, region="eu-west-1")
    assert {"Key": "team", "Value": "data"} in s3.get_bucket_tagging(Bucket=box)["TagSet"]
    assert s3.get_bucket_versioning(Bucket=box)["Status"] == "Enabled"
    assert s3.get_bucket_lifecycle_configuration(Bucket=box)["Rules"][0]["Expiration"] == {"Days": 8}
    assert s3.list_objects_v2(Bucket=box)["Contents"][0]["Key"] == "incoming/data/000001.json"


def test_a_queue_comes_and_goes(local_aws, clients):
    name, sqs = fresh("simulated-data"), client(local_aws.url, "sqs", region="eu-west-1")
    simulated_changes.apply_change(_change("create-queue", name), clients)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    simulated_changes.apply_change(_change("delete-queue", url), clients)
    assert url not in sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", [])


def test_an_instance_is_launched_stopped_and_started(local_aws, clients):
    name, ec2 = fresh("simulated-data"), client(local_aws.url, "ec2", region="eu-west-1")
    by_name = [{"Name": "tag:Name", "Values": [name]}]

    def instance():
        return ec2.describe_instances(Filters=by_name)["Reservations"][0]["Instances"][0]

    simulated_changes.apply_change(_change("launch-instance", name), clients)
    simulated_changes.apply_change(_change("stop-instance", instance()["InstanceId"]), clients)
    assert instance()["State"]["Name"] == "stopped"
    simulated_changes.apply_change(_change("start-instance", instance()["InstanceId"]), clients)
    assert instance()["State"]["Name"] == "running"


def test_a_port_that_is_open_is_closed_the_next_time(local_aws, clients):
    ec2 = client(local_aws.url, "ec2", region="eu-west-1")
    group = ec2.create_security_group(GroupName=fresh("changes"), Description="a test's")["GroupId"]

    def ports():
        ip_permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
        return [permission["FromPort"] for permission in ip_permissions]

    simulated_changes.apply_change(_change("open-port", group, 3), clients)
    assert ports() == [8003]
    simulated_changes.apply_change(_change("open-port", group, 3), clients)
    assert ports() == []


def test_a_bucket_a_role_and_an_instance_come_and_the_bucket_and_the_instance_go(local_aws, clients):
    name, iam = fresh("simulated-data"), client(local_aws.url, "iam")
    for kind in ("create-bucket", "create-role", "launch-instance"):
        simulated_changes.apply_change(_change(kind, name), clients)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["read"]
    seen = next(
        view
        for view in simulated_changes.read_views(clients)
        if (view.account_id, view.region) == ("111111111111", "eu-west-1")
    )
    assert name in seen.buckets
    ec2 = client(local_aws.url, "ec2", region="eu-west-1")
    reservations = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])["Reservations"]
    instance = reservations[0]["Instances"][0]["InstanceId"]
    assert instance in seen.launched
    simulated_changes.apply_change(_change("delete-bucket", name), clients)
    simulated_changes.apply_change(_change("terminate-instance", instance), clients)
    after = {(view.account_id, view.region): view for view in simulated_changes.read_views(clients)}[
        "111111111111", "eu-west-1"
    ]
    assert name not in after.buckets
    assert instance not in after.instances


def test_it_looks_at_every_account_and_region_and_sees_the_bucket_where_it_is(clients, box):
    views = simulated_changes.read_views(clients)
    assert len({(view.account_id, view.region) for view in views}) == 12
    assert [(view.account_id, view.region) for view in views if box in view.buckets] == [("111111111111", "eu-west-1")]


def test_simulated_changes_continue_until_stopped_and_then_end_within_a_second(local_aws, box):
    stop, enough, message = threading.Event(), threading.Event(), []

    def on_change(what):
        message.append(what)
        if len(message) >= 5:
            enough.set()

    thread = threading.Thread(
        target=simulated_changes.simulate_changes,
        args=(local_aws.url,),
        kwargs={"random_seed": 5, "rate_per_minute": 3000, "stop": stop, "on_change": on_change},
    )
    thread.start()
    happened = enough.wait(60)
    stop.set()
    before = time.monotonic()
    thread.join(10)
    assert happened
    assert not thread.is_alive()
    assert time.monotonic() - before < 1.0


def test_a_wait_of_hours_ends_at_once_when_stopped(local_aws):
    stop = threading.Event()
    thread = threading.Thread(
        target=simulated_changes.simulate_changes,
        args=(local_aws.url,),
        kwargs={"random_seed": 5, "rate_per_minute": 0.001, "stop": stop},
    )
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_refusals_do_not_end_the_consumer_and_it_continues_afterwards(local_aws, box):
    stop, enough, faults = threading.Event(), threading.Event(), local_aws.gateway.faults
    faults.load([{"kind": "access_denied", "service": "lambda"}])
    thread = threading.Thread(
        target=simulated_changes.simulate_changes,
        args=(local_aws.url,),
        kwargs={"random_seed": 6, "rate_per_minute": 3000, "stop": stop, "on_change": lambda _: enough.set()},
    )
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while faults.dump()[0]["used"] < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert faults.dump()[0]["used"] >= 2
        assert not enough.is_set()
        faults.load([])
        assert enough.wait(60)
    finally:
        faults.load([])
        stop.set()
        thread.join(10)
