"""Replication of new objects between buckets of the local S3, as boto3 sees it."""

import json
import time

import pytest

from batch_jobs import SOURCE_REGION, TARGET_REGION, Jobs
from windlass_local.s3.replication import Subject, parse, rules_for
from windlass_local.s3.replicator import REPLICATION_TIMING


@pytest.fixture
def estate(local_aws):
    return Replicated(local_aws.url)


class Replicated(Jobs):
    """Buckets whose objects are replicated."""

    def __init__(self, url):
        super().__init__(url)
        self.replication = self.make_role("replication", "s3.amazonaws.com")

    def pair(self, *, target="", **rule):
        source, target = self.bucket(SOURCE_REGION, versioned=True), target or self.bucket(versioned=True)
        self.switch_on(source, self.rule(target, **rule))
        return source, target

    def rule(self, target, **rule):
        destination = {"Bucket": f"arn:aws:s3:::{target}", **rule.pop("destination", {})}
        return {
            "ID": target,
            "Status": "Enabled",
            "Priority": 1,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": destination,
            **rule,
        }

    def switch_on(self, source, *rules, role=""):
        configuration = {"Role": role or self.replication, "Rules": list(rules)}
        self.s3(SOURCE_REGION).put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)

    def put(self, bucket, key, body=b"x", region=SOURCE_REGION, **given):
        return self.s3(region).put_object(Bucket=bucket, Key=key, Body=body, **given).get("VersionId")

    def status(self, bucket, key, region=SOURCE_REGION, **given):
        return self.s3(region).head_object(Bucket=bucket, Key=key, **given).get("ReplicationStatus")

    def settled(self, bucket, key, region=SOURCE_REGION, **given):
        """The status once it is no longer PENDING."""
        for _ in range(500):
            status = self.status(bucket, key, region, **given)
            if status != "PENDING":
                return status
            time.sleep(0.01)
        raise AssertionError("still PENDING")

    def versions(self, bucket, region=TARGET_REGION):
        listed = self.s3(region).list_object_versions(Bucket=bucket)
        return [each["VersionId"] for each in listed.get("Versions", [])], listed.get("DeleteMarkers", [])

    def soon(self, found):
        for _ in range(500):
            if found():
                return
            time.sleep(0.01)
        raise AssertionError("it did not come")


def test_a_new_object_is_replicated_as_it_is(estate):
    source, target = estate.pair()
    options = {"Metadata": {"who": "me"}, "ContentType": "text/html", "Tagging": "a=1&b=2"}
    version = estate.put(source, "k é", b"hello", **options)
    assert estate.settled(source, "k é") == "COMPLETED"
    here = estate.s3(SOURCE_REGION).head_object(Bucket=source, Key="k é")
    there = estate.s3().get_object(Bucket=target, Key="k é", VersionId=version)
    assert there["Body"].read() == b"hello"
    assert there["ReplicationStatus"] == "REPLICA"
    for name in ("ETag", "LastModified", "Metadata", "ContentType", "VersionId", "TagCount"):
        assert there[name] == here.get(name, 2), name
    tags = estate.s3().get_object_tagging(Bucket=target, Key="k é")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "2"}


def test_it_is_pending_first_and_listings_say_nothing(estate, monkeypatch):
    monkeypatch.setattr(REPLICATION_TIMING, "object_s", 0.5)
    source, target = estate.pair()
    estate.put(source, "k")
    assert estate.status(source, "k") == "PENDING"
    assert estate.keys(target, prefix="") == []
    listed = estate.s3(SOURCE_REGION).list_objects_v2(Bucket=source)["Contents"]
    assert "ReplicationStatus" not in listed[0]
    assert estate.settled(source, "k") == "COMPLETED"


def test_what_was_there_before_has_no_status(estate):
    source, target = estate.bucket(SOURCE_REGION, versioned=True), estate.bucket(versioned=True)
    estate.put(source, "before")
    estate.switch_on(source, estate.rule(target))
    estate.put(source, "after")
    assert estate.settled(source, "after") == "COMPLETED"
    assert estate.status(source, "before") is None
    assert estate.keys(target, prefix="") == ["after"]


def test_every_version_arrives_and_the_newest_is_current(estate):
    source, target = estate.pair()
    versions = [estate.put(source, "k", str(number).encode()) for number in range(10)]
    for version in versions:
        assert estate.settled(source, "k", VersionId=version) == "COMPLETED"
    assert estate.versions(target)[0] == versions[::-1]
    assert estate.s3().get_object(Bucket=target, Key="k")["Body"].read() == b"9"


def test_copies_and_multipart_uploads_are_replicated(estate):
    source, target = estate.pair()
    s3 = estate.s3(SOURCE_REGION)
    s3.copy_object(Bucket=source, Key="copy", CopySource={"Bucket": estate.filled(1), "Key": "a é+%/0000"})
    upload = s3.create_multipart_upload(Bucket=source, Key="parts", Metadata={"a": "b"})["UploadId"]
    part = s3.upload_part(Bucket=source, Key="parts", UploadId=upload, PartNumber=1, Body=b"data")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    etag = s3.complete_multipart_upload(Bucket=source, Key="parts", UploadId=upload, MultipartUpload=parts)["ETag"]
    for key in ("copy", "parts"):
        assert estate.settled(source, key) == "COMPLETED"
    there = estate.s3().head_object(Bucket=target, Key="parts")
    assert (there["ETag"], there["Metadata"]) == (etag, {"a": "b"})


@pytest.mark.parametrize(
    ("chosen", "replicated"),
    [
        ({"Filter": {"Prefix": "in/"}}, ["in/plain", "in/tagged"]),
        ({"Filter": {"Tag": {"Key": "t", "Value": "1"}}}, ["in/tagged", "out/tagged"]),
        ({"Filter": {"And": {"Prefix": "in/", "Tags": [{"Key": "t", "Value": "1"}]}}}, ["in/tagged"]),
        ({"Status": "Disabled"}, []),
    ],
)
def test_rules_choose(estate, chosen, replicated):
    source, target = estate.pair(**chosen)
    for key, tags in (("in/plain", ""), ("in/tagged", "t=1"), ("out/tagged", "t=1&u=2"), ("out/plain", "t=2")):
        estate.put(source, key, Tagging=tags)
    seen = [key for key in ("in/plain", "in/tagged", "out/plain", "out/tagged") if estate.settled(source, key)]
    assert seen == replicated == estate.keys(target, prefix="")


def test_a_rule_of_the_first_version(estate):
    source, target = estate.bucket(SOURCE_REGION, versioned=True), estate.bucket(versioned=True)
    rule = {"Prefix": "in/", "Status": "Enabled", "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}
    estate.switch_on(source, rule)
    estate.put(source, "in/k")
    estate.put(source, "out/k")
    assert (estate.settled(source, "in/k"), estate.settled(source, "out/k")) == ("COMPLETED", None)
    estate.s3(SOURCE_REGION).delete_object(Bucket=source, Key="in/k")  # the first version replicates markers
    estate.soon(lambda: estate.keys(target, prefix="") == [])


def test_the_highest_priority_decides_and_destinations_are_many(estate):
    source, target = estate.bucket(SOURCE_REGION, versioned=True), estate.bucket(versioned=True)
    other = estate.bucket(SOURCE_REGION, versioned=True)
    low = estate.rule(target, ID="low", Priority=1, destination={"StorageClass": "STANDARD_IA"})
    high = estate.rule(target, ID="high", Priority=2, destination={"StorageClass": "GLACIER_IR"})
    estate.switch_on(source, high, low, estate.rule(other, Priority=3))
    estate.put(source, "k")
    assert estate.settled(source, "k") == "COMPLETED"
    assert estate.s3().head_object(Bucket=target, Key="k")["StorageClass"] == "GLACIER_IR"
    assert "StorageClass" not in estate.s3(SOURCE_REGION).head_object(Bucket=other, Key="k")


def test_delete_markers_only_where_asked(estate):
    source, target = estate.pair(DeleteMarkerReplication={"Status": "Enabled"})
    kept_source, kept = estate.pair()
    for bucket in (source, kept_source):
        estate.put(bucket, "k")
        assert estate.settled(bucket, "k") == "COMPLETED"
    marker = estate.s3(SOURCE_REGION).delete_object(Bucket=source, Key="k")["VersionId"]
    estate.s3(SOURCE_REGION).delete_object(Bucket=kept_source, Key="k")
    estate.soon(lambda: [each["VersionId"] for each in estate.versions(target)[1]] == [marker])
    assert estate.keys(target, prefix="") == []
    assert estate.keys(kept, prefix="") == ["k"]


def test_deleting_a_version_is_not_replicated(estate):
    source, target = estate.pair(DeleteMarkerReplication={"Status": "Enabled"})
    version = estate.put(source, "k")
    assert estate.settled(source, "k") == "COMPLETED"
    estate.s3(SOURCE_REGION).delete_object(Bucket=source, Key="k", VersionId=version)
    time.sleep(0.2)
    assert estate.versions(target)[0] == [version]


def test_replicas_are_not_replicated_again(estate):
    last = estate.bucket(SOURCE_REGION, versioned=True)
    source, middle = estate.pair()
    configuration = {"Role": estate.replication, "Rules": [estate.rule(last)]}
    estate.s3().put_bucket_replication(Bucket=middle, ReplicationConfiguration=configuration)
    estate.put(source, "k")
    assert estate.settled(source, "k") == "COMPLETED"
    estate.put(middle, "own", region=TARGET_REGION)
    assert estate.settled(middle, "own", TARGET_REGION) == "COMPLETED"
    assert estate.keys(last, SOURCE_REGION, prefix="") == ["own"]


def test_two_buckets_replicate_each_other(estate):
    one, two = estate.pair()
    configuration = {"Role": estate.replication, "Rules": [estate.rule(one)]}
    estate.s3().put_bucket_replication(Bucket=two, ReplicationConfiguration=configuration)
    estate.put(one, "a")
    estate.put(two, "b", region=TARGET_REGION)
    assert estate.settled(one, "a") == "COMPLETED"
    assert estate.settled(two, "b", TARGET_REGION) == "COMPLETED"
    assert estate.keys(one, SOURCE_REGION, prefix="") == estate.keys(two, prefix="") == ["a", "b"]
    assert estate.status(one, "b") == "REPLICA"


def test_another_account_must_let_the_role_in(local_aws, estate):
    other = Replicated(local_aws.url)
    target = other.bucket(versioned=True)
    source, _ = estate.pair(target=target, destination={"Account": other.account})
    estate.put(source, "k")
    assert estate.settled(source, "k") == "FAILED"
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": estate.replication},
        "Action": ["s3:ReplicateObject", "s3:ReplicateDelete"],
        "Resource": f"arn:aws:s3:::{target}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    other.s3().put_bucket_policy(Bucket=target, Policy=policy)
    estate.put(source, "later")
    assert estate.settled(source, "later") == "COMPLETED"
    assert other.keys(target, prefix="") == ["later"]


def test_what_makes_replication_fail(estate):
    unversioned = estate.bucket()
    source, _ = estate.pair(target=unversioned)
    estate.put(source, "k")
    assert estate.settled(source, "k") == "FAILED"
    estate.s3().delete_bucket(Bucket=unversioned)
    estate.put(source, "gone")
    assert estate.settled(source, "gone") == "FAILED"
    good = estate.bucket(versioned=True)
    for role in ("arn:aws:iam::" + estate.account + ":role/nobody", estate.role):  # not there; trusts another service
        estate.switch_on(source, estate.rule(good), role=role)
        estate.put(source, "role")
        assert estate.settled(source, "role") == "FAILED"
    estate.switch_on(source, estate.rule(good))
    estate.put(source, "role")
    assert estate.settled(source, "role") == "COMPLETED"


def test_a_denied_replica_has_the_status_failed(estate):
    source, target = estate.pair()
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{target}/bad*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    estate.s3().put_bucket_policy(Bucket=target, Policy=policy)
    estate.put(source, "bad")
    estate.put(source, "good")
    assert (estate.settled(source, "bad"), estate.settled(source, "good")) == ("FAILED", "COMPLETED")


def test_a_role_that_is_denied_replicates_nothing(estate):
    source, target = estate.pair()
    deny = {"Effect": "Deny", "Action": "s3:Replicate*", "Resource": f"arn:aws:s3:::{target}/secret/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    estate.made("iam", "us-east-1").put_role_policy(RoleName="replication", PolicyName="p", PolicyDocument=policy)
    estate.put(source, "secret/k")
    estate.put(source, "k")
    assert (estate.settled(source, "secret/k"), estate.settled(source, "k")) == ("FAILED", "COMPLETED")


def test_encryption_of_replicas(estate):
    key = "arn:aws:kms:eu-west-1:111111111111:key/1"
    own = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:111111111111:key/2"}
    plain, _ = estate.pair()
    estate.put(plain, "k", **own)
    assert estate.settled(plain, "k") is None  # objects under KMS only where a rule selects them
    selected = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    destination = {"EncryptionConfiguration": {"ReplicaKmsKeyID": key}}
    source, target = estate.pair(SourceSelectionCriteria=selected, destination=destination)
    estate.put(source, "k", **own)
    assert estate.settled(source, "k") == "COMPLETED"
    head = estate.s3().head_object(Bucket=target, Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_new_tags_follow(estate):
    source, target = estate.pair()
    estate.put(source, "k", Tagging="a=1")
    assert estate.settled(source, "k") == "COMPLETED"
    tags = {"TagSet": [{"Key": "a", "Value": "2"}]}
    estate.s3(SOURCE_REGION).put_object_tagging(Bucket=source, Key="k", Tagging=tags)
    estate.soon(lambda: estate.s3().get_object_tagging(Bucket=target, Key="k")["TagSet"] == tags["TagSet"])
    assert len(estate.versions(target)[0]) == 1


def test_replicas_make_events(estate, aws):
    source, target = estate.pair()
    sqs = aws("sqs", region=TARGET_REGION, account=estate.account)
    url = sqs.create_queue(QueueName="replicas")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    estate.s3().put_bucket_notification_configuration(Bucket=target, NotificationConfiguration=configuration)
    version = estate.put(source, "k")
    result = []
    for _ in range(20):
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            result += json.loads(message["Body"]).get("Records", [])
        if result:
            break
    assert result[0]["s3"]["object"]["versionId"] == version


def test_faults_strike_replication(local_aws, estate):
    source, target = estate.pair()
    rule = {"kind": "error", "service": "s3", "operation": "ReplicateObject", "bucket": target, "limit": 1}
    local_aws.gateway.faults.load([rule])
    try:
        estate.put(source, "k")
        assert estate.settled(source, "k") == "FAILED"
        estate.put(source, "k")
        assert estate.settled(source, "k") == "COMPLETED"
    finally:
        local_aws.gateway.faults.load([])


def test_puts_are_not_slowed(estate):
    source, _ = estate.pair()
    began = time.monotonic()
    for number in range(100):
        estate.put(source, f"k{number}")
    assert (
        time.monotonic() - began < 100 * REPLICATION_TIMING.object_s
    )  # a put that waited for its replica would take that long
    assert estate.settled(source, "k99") == "COMPLETED"


def test_rules_are_read_with_their_namespace():
    document = (
        b'<ReplicationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Role>r</Role><Rule><ID>i</ID>'
        b"<Priority>3</Priority><Filter><And><Prefix>a b</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>"
        b"<Status>Enabled</Status><DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"
        b"<Destination><Bucket>arn:aws:s3:::d</Bucket></Destination></Rule></ReplicationConfiguration>"
    )
    configuration = parse(document)
    (rule,) = configuration.rules
    assert (rule.prefix, rule.tags, rule.priority, rule.bucket) == ("a b", (("k", "v"),), 3, "d")
    assert rules_for(configuration, Subject(key="a b/c", tags={"k": "v"})) == (rule,)
    assert rules_for(configuration, Subject(key="a b/c", tags={})) == ()
    assert rules_for(configuration, Subject(key="a b/c", tags={"k": "v"}, storage_class="GLACIER")) == ()
    assert rules_for(configuration, Subject(key="a b/c", tags={"k": "v"}, marker=True)) == ()
