"""AWS Config's files become the history before Windlass's own, in any order, once, and without a secret."""

import gzip
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.inventory.test_revisions import begin, inventory_of
from windlass.inventory import writer
from windlass.inventory.catalog import CATALOG
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.imports.config_items import states_in
from windlass.inventory.imports.item_names import member_names
from windlass.inventory.imports.service import HistoryImport
from windlass.inventory.model import ChangeKind, Observation, Query, Scope, ScopeResult, ScopeState

ACCOUNT, REGION = "123456789012", "us-west-2"
INDEX = TypeIndex.of(CATALOG)
NAME = f"{ACCOUNT}_Config_{REGION}_ConfigHistory_AWS::EC2::Volume_20140307T000000Z_20140307T060000Z_1.json.gz"
VOLUME = "vol-ce676ccc"
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/{VOLUME}"

DOCUMENTED = {  # AWS Config Developer Guide, "Example Configuration Snapshot": its members and their old names
    "configurationItemVersion": "1.0",
    "resourceId": VOLUME,
    "arn": f"arn:aws:us-west-2b:{ACCOUNT}:volume/{VOLUME}",
    "accountId": ACCOUNT,
    "configurationItemCaptureTime": "2014-03-07T23:47:08.918Z",
    "configurationItemStatus": "OK",
    "relatedEvents": ["06c12a39-eb35-11de-ae07-adb69edbb1e4"],
    "availibilityZone": "us-west-2b",
    "resourceType": "AWS::EC2::Volume",
    "resourceCreationTime": "2014-02-27T21:43:53.885Z",
    "tags": {},
    "relationships": [
        {"resourceId": "i-344c463d", "resourceType": "AWS::EC2::Instance", "name": "Attached to Instance"}
    ],
    "configuration": {
        "volumeId": VOLUME,
        "size": 1,
        "snapshotId": "",
        "availabilityZone": "us-west-2b",
        "state": "in-use",
        "createTime": "2014-02-27T21:43:53.0885+0000",
        "attachments": [
            {
                "volumeId": VOLUME,
                "instanceId": "i-344c463d",
                "device": "/dev/sdf",
                "state": "attached",
                "attachTime": "2014-03-07T23:46:28.0000+0000",
                "deleteOnTermination": False,
            }
        ],
        "tags": [{"key": "environment", "value": "PROD"}, {"key": "name", "value": "DataVolume1"}],
        "volumeType": "standard",
    },
}


def volume(at, *, size=1, status="OK", **more):
    configuration = {"volumeId": VOLUME, "size": size, "state": "available"}
    return {
        "version": "1.3",
        "awsAccountId": ACCOUNT,
        "awsRegion": REGION,
        "ARN": ARN,
        "resourceId": VOLUME,
        "resourceType": "AWS::EC2::Volume",
        "configurationItemCaptureTime": at,
        "configurationItemStatus": status,
        "tags": {"team": "data"},
        "configuration": None if status == "ResourceDeleted" else json.dumps(configuration),
    } | more


def states(*items, file_name=NAME):
    found, left_out = states_in(
        {"fileVersion": "1.0", "configurationItems": list(items)},
        INDEX.by_config_name,
        names=member_names,
        salt=b"s",
        file_name=file_name,
    )
    return found, left_out


@pytest.fixture
def world(store, tmp_path):
    return World(store, tmp_path)


class World:
    def __init__(self, store, folder):
        self.store, self.folder = store, folder
        self.inventory = inventory_of(store, now=datetime(2026, 1, 1, tzinfo=UTC))
        self.importer = HistoryImport(store, INDEX, lambda: None, lambda: ("", ""))
        self.numbers = itertools.count()

    def put(self, *items):
        name = NAME.replace("_1.json", f"_{next(self.numbers)}.json")
        document = {"fileVersion": "1.0", "configurationItems": list(items)}
        (self.folder / name).write_bytes(gzip.compress(json.dumps(document).encode()))

    def run(self):
        return self.importer.import_config(str(self.folder))

    def observe(self, at, size):
        observation = Observation(
            type="ec2.volume",
            account_id=ACCOUNT,
            region=REGION,
            resource_id=VOLUME,
            arn=ARN,
            name=VOLUME,
            document={"VolumeId": VOLUME, "Size": size, "Tags": {"team": "data"}},
            tags={"team": "data"},
        )
        scope = Scope(ACCOUNT, REGION, "ec2.volume")
        result = ScopeResult(
            scope=scope, state=ScopeState.OK, observations=(observation,), started_at=at, finished_at=at
        )
        writer.write_result(self.store, begin(self.store, at=at), result)

    def sizes(self):
        revisions = reversed(self.inventory.history(ARN))
        return [
            (
                revision.valid_from.isoformat()[:16],
                str(revision.change),
                (self.inventory.document_at(ARN, revision.valid_from) or {}).get("Size"),
            )
            for revision in revisions
        ]


def test_the_documented_example_is_a_volume():
    (state,), left_out = states(DOCUMENTED)
    observation = state.observation
    assert left_out == 0
    assert (observation.type, observation.resource_id, observation.arn, observation.region) == (
        "ec2.volume",
        VOLUME,
        ARN,
        REGION,
    )
    assert observation.tags == {"environment": "PROD", "name": "DataVolume1"}
    assert observation.document["Attachments"][0]["InstanceId"] == "i-344c463d"
    assert observation.document["VolumeType"] == "standard"
    assert state.at == datetime(2014, 3, 7, 23, 47, 8, 918000, tzinfo=UTC)


def test_a_bucket_has_its_details_under_our_names():
    item = {
        "awsAccountId": ACCOUNT,
        "awsRegion": "eu-west-1",
        "ARN": "arn:aws:s3:::scans",
        "resourceId": "scans",
        "resourceName": "scans",
        "resourceType": "AWS::S3::Bucket",
        "configurationItemCaptureTime": "2025-01-01T00:00:00Z",
        "configurationItemStatus": "OK",
        "tags": {"team": "web"},
        "configuration": '{"name":"scans","creationDate":"2020-01-01T00:00:00.000Z","owner":{"id":"x"}}',
        "supplementaryConfiguration": {
            "BucketVersioningConfiguration": '{"status":"Enabled","isMfaDeleteEnabled":null}',
            "BucketPolicy": '{"policyText":"{\\"Version\\":\\"2012-10-17\\",\\"Statement\\":[]}"}',
            "PublicAccessBlockConfiguration": '{"blockPublicAcls":true,"ignorePublicAcls":true}',
            "ServerSideEncryptionConfiguration": '{"rules":[{"applyServerSideEncryptionByDefault":{"sseAlgorithm":"AES256"}}]}',
        },
    }
    (state,), _ = states(item)
    document = state.observation.document
    assert (state.scope.region, state.observation.region, state.observation.tags) == (
        "aws-global",
        "eu-west-1",
        {"team": "web"},
    )
    assert document["Versioning"] == {"Status": "Enabled"}
    assert document["Policy"] == {"Version": "2012-10-17", "Statement": []}
    assert document["PublicAccessBlock"] == {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    assert document["Encryption"]["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_secrets_are_hashed_and_unknown_types_left_out():
    function = {
        "awsAccountId": ACCOUNT,
        "awsRegion": REGION,
        "ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
        "resourceId": "f",
        "resourceName": "f",
        "resourceType": "AWS::Lambda::Function",
        "configurationItemCaptureTime": "2025-01-01T00:00:00Z",
        "configurationItemStatus": "OK",
        "configuration": {"functionName": "f", "environment": {"variables": {"TOKEN": "hunter2"}}},
    }
    (state,), left_out = states(function, {"resourceType": "AWS::Nothing::Known"}, "no item", {})
    assert left_out == 2
    assert "hunter2" not in json.dumps(state.observation.document)
    assert "TOKEN" in state.observation.document["Environment"]["Variables"]


def test_files_become_history_before_our_own(world):
    world.put(volume("2025-01-01T00:00:00Z", size=1), volume("2025-02-01T00:00:00Z", size=2))
    world.put(volume("2025-03-01T00:00:00Z", size=3), volume("2025-09-01T00:00:00Z", size=9))
    world.observe(datetime(2025, 6, 1, tzinfo=UTC), 6)
    result = world.run()
    assert (result.files, result.items, result.revisions) == (2, 4, 3)
    assert world.sizes() == [
        ("2025-01-01T00:00", "created", 1),
        ("2025-02-01T00:00", "updated", 2),
        ("2025-03-01T00:00", "updated", 3),
        ("2025-06-01T00:00", "updated", 6),  # what Windlass saw itself; the item of September says nothing
    ]
    again = world.run()
    assert (again.files, again.done_before, again.revisions) == (0, 2, 0)
    assert len(world.sizes()) == 4


def test_the_order_of_files_does_not_matter(world):
    world.observe(datetime(2025, 6, 1, tzinfo=UTC), 6)
    world.put(volume("2025-03-01T00:00:00Z", size=3))
    world.run()
    world.put(volume("2025-01-01T00:00:00Z", size=1), volume("2025-02-01T00:00:00Z", status="ResourceDeleted"))
    world.run()
    assert [change for _, change, _ in world.sizes()] == ["created", "deleted", "created", "updated"]
    assert [size for _, _, size in world.sizes()] == [1, None, 3, 6]
    listed = world.inventory.list(Query(types=("ec2.volume",), at=datetime(2025, 2, 15, tzinfo=UTC)))
    assert listed.total == 0
    january = Query(types=("ec2.volume",), where=(("Size", "=", "1"),), at=datetime(2025, 1, 15, tzinfo=UTC))
    assert world.inventory.list(january).total == 1
    now = world.inventory.list(Query(types=("ec2.volume",), tags={"team": "data"}))
    assert now.total == 1


def test_a_resource_that_only_config_saw_is_in_the_history(world):
    world.put(volume("2025-01-01T00:00:00Z", size=1), volume("2025-02-01T00:00:00Z", status="ResourceDeleted"))
    assert world.run().revisions == 2
    assert world.inventory.list(Query(types=("ec2.volume",))).total == 0
    assert [str(each.change) for each in world.inventory.history(ARN)] == ["deleted", "created"]
    world.observe(datetime(2025, 6, 1, tzinfo=UTC), 6)
    assert world.inventory.history(ARN)[0].change is ChangeKind.CREATED
    assert world.inventory.show(ARN).document["Size"] == 6


def test_a_scan_goes_on_from_what_was_imported(world):
    world.put(volume("2025-01-01T00:00:00Z", size=1))
    world.run()
    assert world.inventory.show(ARN).document["Size"] == 1
    world.observe(datetime(2025, 6, 1, tzinfo=UTC), 6)
    assert [(change, size) for _, change, size in world.sizes()] == [("created", 1), ("updated", 6)]
    world.observe(datetime(2025, 6, 2, tzinfo=UTC), 6)
    assert len(world.sizes()) == 2


def test_many_states_are_rebuilt_exactly(world):
    start = datetime(2025, 1, 1, tzinfo=UTC)
    items = [volume((start + timedelta(days=day)).isoformat(), size=day + 1) for day in range(40)]
    world.put(*items[20:])
    world.put(*items[:20])
    world.observe(datetime(2025, 6, 1, tzinfo=UTC), 99)
    world.run()
    for day in (0, 15, 16, 17, 33, 39):
        assert world.inventory.document_at(ARN, start + timedelta(days=day, hours=1))["Size"] == day + 1


def test_a_broken_file_is_reported_and_ends_nothing(world):
    world.put(volume("2025-01-01T00:00:00Z"))
    (world.folder / NAME.replace("_1.json", "_99.json")).write_bytes(b"\x1f\x8bnothing")
    (world.folder / "notes.txt").write_text("no file of Config")
    result = world.run()
    assert (result.files, len(result.failures)) == (1, 1)


def test_a_dry_run_writes_nothing(world):
    world.put(volume("2025-01-01T00:00:00Z"))
    result = world.importer.import_config(str(world.folder), dry_run=True)
    assert (result.files, result.items, result.revisions) == (1, 1, 0)
    assert world.inventory.list(Query()).total == 0
    assert world.run().revisions == 1
