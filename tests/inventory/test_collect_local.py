"""The collector through the real estate against the embedded AWS: every type, twice, over HTTP."""

import io
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime

import pytest

from windlass.aws.client import AwsClient
from windlass.core.canonical import digest
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.collector import Collector
from windlass.inventory.model import GLOBAL, ScopeState
from windlass.inventory.plan import plan_scopes
from windlass_local.server import LocalServer

# moto's state belongs to the process: an account of this file's own keeps it apart from other tests.
ACCOUNT = "777788889999"
REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2"]
BUCKETS = {"h7-first": "us-east-1", "h7-old": "eu-west-1", "h7-far": "ap-southeast-2"}
SECRET = "correct-horse-battery"


# moto leaves sockets of its Docker client to the garbage collector; none is ours.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def server():
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def estate(server):
    config = EstateConfig(endpoint_url=server.url, regions=REGIONS, accounts=[AccountConfig(id=ACCOUNT)], retries=0)
    with open_estate(config, {}) as opened:
        _furnish(opened)
        yield opened


def _furnish(estate):
    def do(region, service, operation, **params):
        return estate.call(ACCOUNT, region, service, operation, **params)

    for name, region in BUCKETS.items():
        place = {"h7-first": {}, "h7-old": {"LocationConstraint": "EU"}}.get(name, {"LocationConstraint": region})
        do(region, "s3", "CreateBucket", Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
    do("us-east-1", "s3", "PutBucketVersioning", Bucket="h7-first", VersioningConfiguration={"Status": "Enabled"})
    do("us-east-1", "s3", "PutBucketTagging", Bucket="h7-first", Tagging={"TagSet": [{"Key": "team", "Value": "web"}]})
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = do(GLOBAL, "iam", "CreateRole", RoleName="runner", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("m.py", "def h(e, c): pass")
    do(
        "eu-west-1",
        "lambda",
        "CreateFunction",
        FunctionName="f",
        Runtime="python3.12",
        Role=role,
        Handler="m.h",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"DB_PASSWORD": SECRET}},
    )
    do("eu-west-1", "sqs", "CreateQueue", QueueName="work", tags={"team": "web"})
    do("eu-west-1", "sns", "CreateTopic", Name="news", Tags=[{"Key": "team", "Value": "web"}])
    vpc = do("eu-west-1", "ec2", "CreateVpc", CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = do("eu-west-1", "ec2", "CreateSubnet", VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    image = do("eu-west-1", "ec2", "RegisterImage", Name="base", RootDeviceName="/dev/sda1")["ImageId"]
    do(
        "eu-west-1",
        "ec2",
        "RunInstances",
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress="10.9.1.7",
        UserData=f"#!/bin/sh\nexport TOKEN={SECRET}",
    )
    do("eu-west-1", "ssm", "PutParameter", Name="/app/key", Value=SECRET, Type="SecureString")
    do("eu-west-1", "secretsmanager", "CreateSecret", Name="app", SecretString=SECRET)


def collect(estate, *names):
    results = []
    kinds = [BY_NAME[name] for name in names] or CATALOG
    with AwsClient(estate) as client:
        collector = Collector(
            caller=client, types=BY_NAME, salt=b"salt", now=lambda: datetime.now(UTC), concurrency=8, scope_timeout_s=60
        )
        assert collector.run(plan_scopes(kinds, {ACCOUNT: REGIONS}), sink=results.append)
    return results


@pytest.fixture(scope="module")
def collections(server, estate):
    """Two collections of everything, and the calls the first one made."""
    server.gateway.calls.clear()
    first = collect(estate)
    calls = server.gateway.calls.find({"account_id": ACCOUNT})
    return first, collect(estate), calls


def observations(results):
    return {(result.scope, seen.key): seen for result in results for seen in result.observations}


def test_every_type_of_the_catalog_is_collected_or_said_to_be_unsupported(collections):
    states = {
        collection.scope: (collection.state, collection.error_code, collection.error) for collection in collections[0]
    }
    assert {scope.type for scope in states} == set(BY_NAME)
    failed = {scope.type for scope, found in states.items() if found[0] not in (ScopeState.OK, ScopeState.UNSUPPORTED)}
    assert failed == set()
    unsupported = {scope.type for scope, found in states.items() if found[0] is ScopeState.UNSUPPORTED}
    assert len(set(BY_NAME) - unsupported) >= 200


def test_a_second_collection_of_an_unchanged_estate_is_equal_to_the_last_byte(collections):
    first, second = observations(collections[0]), observations(collections[1])
    assert first.keys() == second.keys()
    differing = [key for key in first if digest(first[key].document) != digest(second[key].document)]
    assert differing == []
    assert all(first[key].edges == second[key].edges and first[key].tags == second[key].tags for key in first)


def test_buckets_are_listed_once_and_asked_in_their_own_region_only(collections):
    calls = [call for call in collections[2] if call["service"] == "s3"]
    counts = Counter(call["operation"] for call in calls)
    assert counts["ListBuckets"] == 1
    assert counts["GetBucketLocation"] == counts["HeadBucket"] == 0
    assert [call for call in calls if call["status"] in (301, 307, 400)] == []
    seen = Counter((call["path"].split("/")[1], call["region"]) for call in calls if call["operation"] != "ListBuckets")
    assert seen == {(name, region): len(BY_NAME["s3.bucket"].details) for name, region in BUCKETS.items()}


def test_buckets_have_their_region_and_configuration(collections):
    found = {
        seen.resource_id: seen for (scope, _), seen in observations(collections[0]).items() if scope.type == "s3.bucket"
    }
    assert {name: one.region for name, one in found.items()} == BUCKETS
    assert all(value.unknown == frozenset() for value in found.values())
    assert found["h7-first"].document["Versioning"] == {"Status": "Enabled"}
    assert found["h7-first"].tags == {"team": "web"}
    assert found["h7-far"].document["Policy"] is None


def test_a_machine_is_found_by_its_address_and_related_to_its_place(collections):
    [machine] = [seen for (scope, _), seen in observations(collections[0]).items() if scope.type == "ec2.instance"]
    assert "10.9.1.7" in machine.addresses
    assert {"in-vpc", "in-subnet", "uses-image", "has-volume"} <= {edge.kind for edge in machine.edges}


def test_no_secret_of_the_estate_is_in_any_observation(collections):
    import base64

    kept = json.dumps([[seen.document, dict(seen.tags)] for seen in observations(collections[0]).values()])
    encoded = base64.b64encode(f"#!/bin/sh\nexport TOKEN={SECRET}".encode()).decode()
    assert SECRET not in kept
    assert encoded not in kept
    assert kept.count("redacted:") >= 2


@pytest.fixture
def faults(server):
    yield server.gateway.faults.load
    server.gateway.faults.load([])


def test_a_denied_detail_over_the_wire_is_unknown_and_the_rest_is_read(estate, collections, faults):
    faults([{"kind": "access_denied", "service": "s3", "operation": "GetBucketPolicy", "account": ACCOUNT}])
    [result] = collect(estate, "s3.bucket")
    assert result.state is ScopeState.PARTIAL
    assert [seen.unknown for seen in result.observations] == [{"Policy"}] * len(BUCKETS)


def test_a_denied_listing_over_the_wire_brings_nothing_to_delete_by(estate, collections, faults):
    faults([{"kind": "access_denied", "service": "sqs", "account": ACCOUNT, "region": "eu-west-1"}])
    results = {entry.scope.region: entry for entry in collect(estate, "sqs.queue")}
    assert (results["eu-west-1"].state, results["eu-west-1"].observations) == (ScopeState.DENIED, ())
    assert results["us-east-1"].state is ScopeState.OK
