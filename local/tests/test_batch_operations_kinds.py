"""Kinds of batch jobs and manifests: functions, tags, ACLs, checksums, replication, inventory reports, generated lists."""

import base64
import csv
import gzip
import hashlib
import io
import json
import time
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from batch_jobs import SOURCE_REGION, TARGET_REGION, Jobs, counts, why
from lambda_functions import zipped
from s3_clients import fresh
from windlass_local.batch.checksum_task import ALGORITHMS

HERE = {"region": SOURCE_REGION}


@pytest.fixture
def jobs(local_aws):
    return Jobs(local_aws.url)


def run(jobs, source, operation, *, rows=None, fields=("Bucket", "Key"), **given):
    """A job where its source is, to its end."""
    reports = given.pop("reports", "") or jobs.bucket(SOURCE_REGION)
    if "ManifestGenerator" not in given and "Manifest" not in given:
        rows = jobs.rows(source) if rows is None else rows
        given["Manifest"] = jobs.manifest(reports, rows, SOURCE_REGION, fields)
    job_id = jobs.create(operation, SOURCE_REGION, Report=jobs.report(reports), **given)
    return jobs.wait(job_id, SOURCE_REGION)


def results(jobs, job):
    return jobs.results(job, SOURCE_REGION)


# Functions

SOURCE = """
import json
def handler(event, context):
    (task,) = event["tasks"]
    print(json.dumps(event))
    key = task["s3Key"]
    if key == "boom":
        raise RuntimeError("broken")
    if key == "odd":
        return {"nothing": 1}
    code = {"never": "PermanentFailure", "later": "TemporaryFailure"}.get(key, "Succeeded")
    said = json.dumps([event["invocationSchemaVersion"], event["job"], task])
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"], "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [{"taskId": task["taskId"], "resultCode": code, "resultString": said}],
    }
"""


def function(jobs, source=SOURCE):
    role = jobs.make_role(fresh("fn"), "lambda.amazonaws.com")
    made = jobs.made("lambda", SOURCE_REGION).create_function(
        FunctionName=fresh("task"),
        Runtime="python3.12",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": source})},
    )
    return made["FunctionArn"]


def test_a_function_is_invoked_for_every_task(jobs):
    source = jobs.filled(2)
    rows = [*jobs.rows(source), *([source, key] for key in ("never", "later", "boom", "odd"))]
    job = run(jobs, source, {"LambdaInvoke": {"FunctionArn": function(jobs)}}, rows=rows)
    assert (job["Status"], counts(job)) == ("Complete", (6, 2, 4))
    result = results(jobs, job)
    schema, request, task = json.loads(result["succeeded"][0][6])
    assert (schema, request) == ("1.0", {"id": job["JobId"]})
    assert task["s3Key"] == "a+%C3%A9%2B%25/0000"
    assert task["s3BucketArn"] == f"arn:aws:s3:::{source}"
    assert task["s3VersionId"] is None
    assert result["succeeded"][0][3:6] == ["succeeded", "200", ""]
    failed = {row[1]: row[4:] for row in result["failed"]}
    assert failed["never"][:2] == ["200", "PermanentFailure"]
    assert failed["later"][:2] == ["200", "TemporaryFailure"]
    assert failed["boom"][1] == "PermanentFailure"
    assert failed["boom"][2].startswith("Lambda returned function error: {")
    assert "broken" in failed["boom"][2]
    assert failed["odd"][1] == "PermanentFailure"


def test_the_second_schema_has_arguments(jobs):
    source = jobs.filled(1)
    invoked = {
        "FunctionArn": function(jobs),
        "InvocationSchemaVersion": "2.0",
        "UserArguments": {"colour": "red & blue"},
    }
    job = run(jobs, source, {"LambdaInvoke": invoked})
    assert job["Operation"]["LambdaInvoke"]["UserArguments"] == {"colour": "red & blue"}
    schema, request, task = json.loads(results(jobs, job)["succeeded"][0][6])
    assert (schema, request["userArguments"]) == ("2.0", {"colour": "red & blue"})
    assert task["s3Bucket"] == source
    assert "s3BucketArn" not in task


def test_what_fails_for_a_while_is_tried_again(jobs):
    source = jobs.filled(1)
    code = (
        SOURCE.replace("    (task,) =", "    import os\n    first = not os.path.exists('/tmp/x')\n    (task,) =")
        .replace("def handler", "SEEN = []\ndef handler")
        .replace("    code = {", "    SEEN.append(1)\n    code = 'TemporaryFailure' if len(SEEN) == 1 else {")
    )
    job = run(jobs, source, {"LambdaInvoke": {"FunctionArn": function(jobs, code)}})
    assert counts(job) == (1, 1, 0)


def test_a_function_in_another_region_or_with_an_unknown_schema_creates_no_job(jobs):
    source = jobs.filled(1)
    arn = function(jobs)
    manifest = jobs.manifest(source, jobs.rows(source), SOURCE_REGION)
    with pytest.raises(ClientError, match="must be in the job's Region"):
        jobs.create({"LambdaInvoke": {"FunctionArn": arn}}, TARGET_REGION, Manifest=manifest)
    with pytest.raises(ClientError, match="need the invocation schema 2.0"):
        jobs.create(
            {"LambdaInvoke": {"FunctionArn": arn, "UserArguments": {"a": "b"}}}, SOURCE_REGION, Manifest=manifest
        )


# Tags, ACLs, checksums


def test_tags_are_put_and_deleted(jobs):
    source = jobs.filled(2)
    tags = [{"Key": "a", "Value": "1 + 2"}]
    job = run(jobs, source, {"S3PutObjectTagging": {"TagSet": tags}})
    assert counts(job) == (2, 2, 0), results(jobs, job)
    key = jobs.keys(source, SOURCE_REGION)[0]
    assert jobs.s3(SOURCE_REGION).get_object_tagging(Bucket=source, Key=key)["TagSet"] == tags
    assert counts(run(jobs, source, {"S3DeleteObjectTagging": {}})) == (2, 2, 0)
    assert jobs.s3(SOURCE_REGION).get_object_tagging(Bucket=source, Key=key)["TagSet"] == []
    job = run(jobs, source, {"S3PutObjectTagging": {"TagSet": tags}}, rows=[[source, "gone"]])
    assert results(jobs, job)["failed"][0][4:6] == ["404", "NoSuchKey"]


def test_acls_are_put_where_they_are_on(jobs):
    source = jobs.filled(1)
    canned = {"S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "authenticated-read"}}}
    assert results(jobs, run(jobs, source, canned))["failed"][0][5] == "AccessControlListNotSupported"
    ownership = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3 = jobs.s3(SOURCE_REGION)
    s3.put_bucket_ownership_controls(Bucket=source, OwnershipControls=ownership)
    s3.delete_public_access_block(Bucket=source)
    assert counts(run(jobs, source, canned)) == (1, 1, 0)
    grants = s3.get_object_acl(Bucket=source, Key=jobs.keys(source, SOURCE_REGION)[0])["Grants"]
    assert any("AuthenticatedUsers" in grant["Grantee"].get("URI", "") for grant in grants)


def test_checksums_are_in_the_report(jobs):
    source = jobs.bucket(SOURCE_REGION)
    jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key="a", Body=b"hello")
    job = run(jobs, source, {"S3ComputeObjectChecksum": {"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}})
    result = json.loads(results(jobs, job)["succeeded"][0][6])
    assert result["checksum_base64"] == base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    assert (result["checksumAlgorithm"], result["checksumType"]) == ("SHA256", "FULL_OBJECT")
    assert result["etag"] == hashlib.md5(b"hello").hexdigest()


def test_checksums_that_python_has_not():
    """The check values of the CRC catalogue."""
    assert ALGORITHMS["CRC32C"](b"123456789").hex() == "e3069283"
    assert ALGORITHMS["CRC64NVME"](b"123456789").hex() == "ae8b14860a799888"
    assert ALGORITHMS["CRC32"](b"123456789") == zlib.crc32(b"123456789").to_bytes(4, "big")


def test_jobs_but_copies_are_made_where_their_source_is(jobs):
    source, target = jobs.filled(1), jobs.bucket()
    manifest = jobs.manifest(target, jobs.rows(source))
    job = jobs.wait(jobs.create({"S3DeleteObjectTagging": {}}, Manifest=manifest))
    assert (job["Status"], why(job)) == ("Failed", "SourceBucketInvalidRegion")


# Replication


def replicating(jobs, count=0, *, before=(), after=()):
    """Two buckets with a rule, and objects from before it and after it."""
    source, target = jobs.filled(count, versioned=True), jobs.bucket(versioned=True)
    s3 = jobs.s3(SOURCE_REGION)
    for key in before:
        s3.put_object(Bucket=source, Key=key, Body=key.encode())
    switch_on(jobs, source, target)
    for key in after:
        s3.put_object(Bucket=source, Key=key, Body=key.encode())
    for key in after:
        while s3.head_object(Bucket=source, Key=key)["ReplicationStatus"] == "PENDING":
            time.sleep(0.01)
    return source, target


def switch_on(jobs, source, target, **rule):
    role = jobs.make_role(fresh("replication"), "s3.amazonaws.com")
    rules = [
        {
            "ID": "r",
            "Status": "Enabled",
            "Priority": 1,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
            **rule,
        }
    ]
    configuration = {"Role": role, "Rules": rules}
    jobs.s3(SOURCE_REGION).put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)


def generator(source, *, keep=None, **chosen):
    made = {"SourceBucket": f"arn:aws:s3:::{source}", "EnableManifestOutput": keep is not None, "Filter": chosen}
    if keep is not None:
        made["ManifestOutputLocation"] = {
            "Bucket": f"arn:aws:s3:::{keep}",
            "ManifestPrefix": "lists",
            "ManifestFormat": "S3InventoryReport_CSV_20211130",
        }
    return {"S3JobManifestGenerator": made}


def test_what_was_there_before_the_rule_is_replicated(jobs):
    source, target = replicating(jobs, before=("old",), after=("new",))
    s3 = jobs.s3(SOURCE_REGION)
    assert "ReplicationStatus" not in s3.head_object(Bucket=source, Key="old")
    listed = generator(source, EligibleForReplication=True, ObjectReplicationStatuses=["NONE", "FAILED"])
    job = run(jobs, source, {"S3ReplicateObject": {}}, ManifestGenerator=listed)
    assert (job["Status"], counts(job)) == ("Complete", (1, 1, 0))
    old = s3.head_object(Bucket=source, Key="old")
    there = jobs.s3().head_object(Bucket=target, Key="old")
    assert (old["ReplicationStatus"], there["ReplicationStatus"]) == ("COMPLETED", "REPLICA")
    assert (old["VersionId"], old["LastModified"]) == (there["VersionId"], there["LastModified"])
    assert results(jobs, job)["succeeded"][0][:3] == [source, "old", old["VersionId"]]


def test_all_versions_arrive_in_their_order(jobs):
    """The version that came after the rule is there first; the older ones go below it."""
    source, target = jobs.bucket(SOURCE_REGION, versioned=True), jobs.bucket(versioned=True)
    s3 = jobs.s3(SOURCE_REGION)
    for body in (b"1", b"2"):
        s3.put_object(Bucket=source, Key="k", Body=body)
    switch_on(jobs, source, target)
    s3.put_object(Bucket=source, Key="k", Body=b"3")
    while s3.head_object(Bucket=source, Key="k")["ReplicationStatus"] == "PENDING":
        time.sleep(0.01)
    job = run(jobs, source, {"S3ReplicateObject": {}}, ManifestGenerator=generator(source, EligibleForReplication=True))
    assert counts(job) == (3, 3, 0)
    here = s3.list_object_versions(Bucket=source, Prefix="k")["Versions"]
    there = jobs.s3().list_object_versions(Bucket=target, Prefix="k")["Versions"]
    assert [each["VersionId"] for each in there] == [each["VersionId"] for each in here]
    assert jobs.s3().get_object(Bucket=target, Key="k")["Body"].read() == b"3"


def test_replicate_jobs_by_a_manifest(jobs):
    source, target = replicating(jobs, before=("a", "b"))
    rows = [[source, "a"], [source, "gone"]]
    job = run(jobs, source, {"S3ReplicateObject": {}}, rows=rows)
    assert counts(job) == (2, 1, 1)
    assert results(jobs, job)["failed"][0][5] == "SrcObjectNotFound"
    assert jobs.keys(target, prefix="") == ["a"]


def test_replicate_jobs_need_a_live_configuration_and_their_sources_region(jobs):
    source, target = jobs.filled(1, versioned=True), jobs.bucket(versioned=True)
    options = {"ManifestGenerator": generator(source)}
    with pytest.raises(ClientError, match="no replication configuration"):
        jobs.create({"S3ReplicateObject": {}}, SOURCE_REGION, **options)
    job = run(jobs, source, {"S3ReplicateObject": {}})
    assert (job["Status"], why(job)) == ("Failed", "ReplicationConfigurationNotFound")
    switch_on(jobs, source, target)
    with pytest.raises(ClientError, match="must be in the job's Region"):
        jobs.create({"S3ReplicateObject": {}}, TARGET_REGION, **options)
    manifest = jobs.manifest(target, jobs.rows(source))
    with pytest.raises(ClientError, match="The manifest's bucket of a replicate job"):
        jobs.create({"S3ReplicateObject": {}}, SOURCE_REGION, Manifest=manifest)


def test_objects_no_rule_is_for_are_not_eligible(jobs):
    source, target = jobs.bucket(SOURCE_REGION, versioned=True), jobs.bucket(versioned=True)
    for key in ("in/k", "out/k"):
        jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key=key)
    switch_on(jobs, source, target, Filter={"Prefix": "in/"})
    job = run(jobs, source, {"S3ReplicateObject": {}}, rows=[[source, "in/k"], [source, "out/k"]])
    assert results(jobs, job)["failed"][0][4:6] == ["400", "SrcObjectNotEligible"]
    job = run(jobs, source, {"S3ReplicateObject": {}}, ManifestGenerator=generator(source, EligibleForReplication=True))
    assert counts(job) == (1, 1, 0)
    job = run(
        jobs, source, {"S3DeleteObjectTagging": {}}, ManifestGenerator=generator(source, EligibleForReplication=False)
    )
    assert "out/k" in [row[1] for row in results(jobs, job)["succeeded"]]


def test_a_refused_replica_is_a_failed_task_and_a_failed_status(jobs):
    source, target = replicating(jobs, before=("bad", "good"))
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{target}/bad",
    }
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    jobs.s3().put_bucket_policy(Bucket=target, Policy=json.dumps(policy))
    chosen = {"ObjectReplicationStatuses": ["NONE", "FAILED"], "KeyNameConstraint": {"MatchAnySuffix": ["bad", "good"]}}
    job = run(jobs, source, {"S3ReplicateObject": {}}, ManifestGenerator=generator(source, **chosen))
    assert counts(job) == (2, 1, 1)
    assert results(jobs, job)["failed"][0][4:6] == ["403", "DstPutObjectNotPermitted"]
    assert jobs.s3(SOURCE_REGION).head_object(Bucket=source, Key="bad")["ReplicationStatus"] == "FAILED"
    jobs.s3().delete_bucket_policy(Bucket=target)
    again = run(
        jobs,
        source,
        {"S3ReplicateObject": {}},
        ManifestGenerator=generator(source, ObjectReplicationStatuses=["FAILED"]),
    )
    assert counts(again) == (1, 1, 0)
    assert jobs.keys(target, prefix="") == ["bad", "good"]


# Lists that S3 makes


@pytest.fixture(scope="module")
def varied(local_aws):
    """One bucket with objects of every kind."""
    jobs = Jobs(local_aws.url)
    source, target = jobs.bucket(SOURCE_REGION, versioned=True), jobs.bucket(versioned=True)
    s3 = jobs.s3(SOURCE_REGION)
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:111111111111:key/1"}
    s3.put_object(Bucket=source, Key="logs/none.txt", Body=b"x" * 10)
    s3.put_object(Bucket=source, Key="logs/cold.txt", Body=b"x" * 100, StorageClass="GLACIER_IR")
    s3.put_object(Bucket=source, Key="data/kms.csv", Body=b"x" * 1000, **kms)
    switch_on(jobs, source, target)
    s3.put_object(Bucket=source, Key="data/new.csv", Body=b"x" * 10000)
    while s3.head_object(Bucket=source, Key="data/new.csv")["ReplicationStatus"] == "PENDING":
        time.sleep(0.01)
    return jobs, source


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({}, ["data/kms.csv", "data/new.csv", "logs/cold.txt", "logs/none.txt"]),
        ({"KeyNameConstraint": {"MatchAnyPrefix": ["logs/", "x"]}}, ["logs/cold.txt", "logs/none.txt"]),
        ({"KeyNameConstraint": {"MatchAnySuffix": [".csv"], "MatchAnySubstring": ["new", "no"]}}, ["data/new.csv"]),
        ({"ObjectSizeGreaterThanBytes": 100}, ["data/kms.csv", "data/new.csv"]),
        ({"ObjectSizeLessThanBytes": 100}, ["logs/none.txt"]),
        ({"MatchAnyStorageClass": ["GLACIER_IR", "GLACIER"]}, ["logs/cold.txt"]),
        ({"ObjectReplicationStatuses": ["COMPLETED"]}, ["data/new.csv"]),
        ({"ObjectReplicationStatuses": ["NONE"]}, ["data/kms.csv", "logs/cold.txt", "logs/none.txt"]),
        ({"EligibleForReplication": True}, ["data/new.csv", "logs/cold.txt", "logs/none.txt"]),
        ({"MatchAnyObjectEncryption": [{"SSEKMS": {}}]}, ["data/kms.csv"]),
        (
            {"MatchAnyObjectEncryption": [{"SSEKMS": {"KmsKeyArn": "arn:aws:kms:us-east-1:111111111111:key/2-0000"}}]},
            [],
        ),
        ({"MatchAnyObjectEncryption": [{"SSES3": {}}]}, ["data/new.csv", "logs/cold.txt", "logs/none.txt"]),
        ({"CreatedAfter": NOW + timedelta(hours=1)}, []),
        ({"CreatedBefore": NOW - timedelta(hours=1)}, []),
        (
            {"CreatedAfter": NOW - timedelta(hours=1), "CreatedBefore": NOW + timedelta(hours=1)},
            ["data/kms.csv", "data/new.csv", "logs/cold.txt", "logs/none.txt"],
        ),
    ],
)
def test_filters_of_the_generator(varied, chosen, found):
    jobs, source = varied
    job = run(jobs, source, {"S3DeleteObjectTagging": {}}, ManifestGenerator=generator(source, **chosen))
    if not found:
        assert (job["Status"], why(job)) == ("Failed", "ManifestGenerationEmpty")
        return
    assert sorted(row[1] for row in results(jobs, job)["succeeded"]) == found
    shown = job["ManifestGenerator"]["S3JobManifestGenerator"]["Filter"]
    assert shown == chosen


def test_a_generated_list_is_kept_and_can_be_used_again(varied):
    jobs, source = varied
    kept = jobs.bucket(SOURCE_REGION)
    listed = generator(source, keep=kept, KeyNameConstraint={"MatchAnyPrefix": ["logs/"]})
    job = run(jobs, source, {"S3DeleteObjectTagging": {}}, ManifestGenerator=listed)
    generated_manifest_descriptor = job["GeneratedManifestDescriptor"]
    assert generated_manifest_descriptor["Format"] == "S3InventoryReport_CSV_20211130"
    place, _, key = generated_manifest_descriptor["Location"]["ObjectArn"].rpartition(":::")[2].partition("/")
    assert place == kept
    assert key.startswith("lists/")
    again = {
        "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
        "Location": generated_manifest_descriptor["Location"],
    }
    assert counts(run(jobs, source, {"S3DeleteObjectTagging": {}}, Manifest=again)) == (2, 2, 0)


def test_an_inventory_report_is_a_manifest(jobs):
    source, target = jobs.bucket(SOURCE_REGION, versioned=True), jobs.bucket()
    first = jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key="a é", Body=b"1")["VersionId"]
    jobs.s3(SOURCE_REGION).put_object(Bucket=source, Key="a é", Body=b"22")
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([source, "a%20%C3%A9", first, "false", "false", "1"])
    put = jobs.s3().put_object
    put(Bucket=target, Key="inventory/data/1.csv.gz", Body=gzip.compress(out.getvalue().encode()))
    index = {
        "sourceBucket": source,
        "destinationBucket": f"arn:aws:s3:::{target}",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size",
        "files": [{"key": "inventory/data/1.csv.gz", "size": 1, "MD5checksum": ""}],
    }
    etag = put(Bucket=target, Key="inventory/manifest.json", Body=json.dumps(index).encode())["ETag"]
    location = {"ObjectArn": f"arn:aws:s3:::{target}/inventory/manifest.json", "ETag": etag}
    manifest = {"Spec": {"Format": "S3InventoryReport_CSV_20161130"}, "Location": location}
    job = jobs.wait(jobs.copy(source, target, manifest=manifest, Report=jobs.report(target)))
    assert counts(job) == (1, 1, 0)
    assert jobs.s3().get_object(Bucket=target, Key="a é")["Body"].read() == b"1"
    assert jobs.results(job)["succeeded"][0][:3] == [source, "a%20%C3%A9", first]


def test_a_generator_names_its_owner_and_its_place(jobs):
    source = jobs.filled(1)
    listed = generator(source)
    listed["S3JobManifestGenerator"]["ExpectedBucketOwner"] = "999999999999"
    with pytest.raises(ClientError) as refused:
        jobs.create({"S3DeleteObjectTagging": {}}, SOURCE_REGION, ManifestGenerator=listed)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError, match="does not exist"):
        jobs.create({"S3DeleteObjectTagging": {}}, SOURCE_REGION, ManifestGenerator=generator("no-such-bucket-here"))
    with pytest.raises(ClientError, match="must be in the job's Region"):
        jobs.create({"S3DeleteObjectTagging": {}}, TARGET_REGION, ManifestGenerator=generator(source))
