"""Bucket subresources of the local S3: what a fresh bucket says, and what a configured one gives back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from s3_clients import A, client, error_of, fresh


@pytest.fixture
def s3(local_aws: Any) -> Any:
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def box(s3: Any) -> str:
    name = fresh()
    s3.create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_policy_status", "NoSuchBucketPolicy"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
        ("get_bucket_metadata_table_configuration", "MetadataConfigurationNotFound"),
        ("get_bucket_metadata_configuration", "MetadataConfigurationNotFound"),
    ],
)
def test_what_a_fresh_bucket_has_not(s3: Any, box: str, operation: str, code: str) -> None:
    assert error_of(getattr(s3, operation), Bucket=box) == (404, code)


def answer(s3: Any, operation: str, box: str, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = getattr(s3, operation)(Bucket=box, **more)
    del result["ResponseMetadata"]
    return result


def test_the_configuration_of_a_new_bucket(s3: Any, box: str) -> None:
    for operation in ("versioning", "logging", "notification_configuration", "accelerate_configuration"):
        assert answer(s3, f"get_bucket_{operation}", box) == {}
    [rule] = answer(s3, "get_bucket_encryption", box)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(answer(s3, "get_public_access_block", box)["PublicAccessBlockConfiguration"].values()) == {True}
    controls = answer(s3, "get_bucket_ownership_controls", box)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert answer(s3, "get_bucket_request_payment", box) == {"Payer": "BucketOwner"}
    acl = answer(s3, "get_bucket_acl", box)
    assert [(each["Permission"], each["Grantee"]["Type"]) for each in acl["Grants"]] == [
        ("FULL_CONTROL", "CanonicalUser")
    ]
    assert acl["Owner"]["ID"] == acl["Grants"][0]["Grantee"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    for kind in ("inventory", "metrics", "analytics", "intelligent_tiering"):
        assert answer(s3, f"list_bucket_{kind}_configurations", box) == {"IsTruncated": False}


def test_taken_away_settings_are_absent(s3: Any, box: str) -> None:
    s3.delete_public_access_block(Bucket=box)
    s3.delete_bucket_ownership_controls(Bucket=box)
    assert error_of(s3.get_public_access_block, Bucket=box) == (404, "NoSuchPublicAccessBlockConfiguration")
    assert error_of(s3.get_bucket_ownership_controls, Bucket=box) == (404, "OwnershipControlsNotFoundError")


LIFECYCLE = {
    "Rules": [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "1"}], "ObjectSizeGreaterThan": 5}},
            "Expiration": {"Days": 30},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 5, "NewerNoncurrentVersions": 2},
        }
    ]
}
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"], "MaxAgeSeconds": 5}]}
KMS = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"arn:aws:kms:us-east-1:{A}:key/1"}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": KMS, "BucketKeyEnabled": True}]}
INVENTORY = {
    "Id": "daily",
    "IsEnabled": True,
    "IncludedObjectVersions": "Current",
    "Schedule": {"Frequency": "Daily"},
    "OptionalFields": ["Size", "ETag"],
    "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::reports", "Format": "CSV", "Prefix": "inv"}},
}


@pytest.mark.parametrize(
    ("name", "argument", "given", "removed"),
    [
        ("bucket_lifecycle_configuration", "LifecycleConfiguration", LIFECYCLE, "bucket_lifecycle"),
        ("bucket_cors", "CORSConfiguration", CORS, "bucket_cors"),
        ("bucket_encryption", "ServerSideEncryptionConfiguration", ENCRYPTION, "bucket_encryption"),
        ("bucket_tagging", "Tagging", {"TagSet": [{"Key": "team", "Value": "<a> & b"}]}, "bucket_tagging"),
        ("bucket_website", "WebsiteConfiguration", {"IndexDocument": {"Suffix": "index.html"}}, "bucket_website"),
        ("bucket_request_payment", "RequestPaymentConfiguration", {"Payer": "Requester"}, None),
        ("bucket_accelerate_configuration", "AccelerateConfiguration", {"Status": "Enabled"}, None),
        ("bucket_versioning", "VersioningConfiguration", {"Status": "Enabled"}, None),
    ],
)
def test_what_is_put_is_given_back_and_can_be_taken_away(
    s3: Any, box: str, name: str, argument: str, given: dict[str, Any], removed: str | None
) -> None:
    before = error_or_answer(s3, name, box)
    getattr(s3, f"put_{name}")(Bucket=box, **{argument: given})
    result = answer(s3, f"get_{name}", box)
    result.pop("TransitionDefaultMinimumObjectSize", None)
    assert result.get(argument, result) == given
    if removed:
        getattr(s3, f"delete_{removed}")(Bucket=box)
        assert error_or_answer(s3, name, box) == before


def test_a_lifecycle_reports_which_small_objects_it_skips(s3: Any, box: str) -> None:
    put = s3.put_bucket_lifecycle_configuration(Bucket=box, LifecycleConfiguration=LIFECYCLE)
    usual = "all_storage_classes_128K"  # Terraform's provider waits until it reads this
    assert put["TransitionDefaultMinimumObjectSize"] == usual
    assert answer(s3, "get_bucket_lifecycle_configuration", box)["TransitionDefaultMinimumObjectSize"] == usual
    s3.put_bucket_lifecycle_configuration(
        Bucket=box,
        LifecycleConfiguration=LIFECYCLE,
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    result = answer(s3, "get_bucket_lifecycle_configuration", box)
    assert result["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"


def error_or_answer(s3: Any, name: str, box: str) -> Any:
    try:
        return answer(s3, f"get_{name}", box)
    except s3.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("kind", "argument", "given"),
    [
        ("inventory", "InventoryConfiguration", INVENTORY),
        ("metrics", "MetricsConfiguration", {"Id": "all", "Filter": {"Prefix": "logs/"}}),
        (
            "intelligent_tiering",
            "IntelligentTieringConfiguration",
            {"Id": "tier", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]},
        ),
        ("analytics", "AnalyticsConfiguration", {"Id": "an", "Filter": {"Prefix": "p"}, "StorageClassAnalysis": {}}),
    ],
)
def test_configurations_with_an_id(s3: Any, box: str, kind: str, argument: str, given: dict[str, Any]) -> None:
    named = {"Bucket": box, "Id": given["Id"]}
    assert error_of(getattr(s3, f"get_bucket_{kind}_configuration"), **named) == (404, "NoSuchConfiguration")
    getattr(s3, f"put_bucket_{kind}_configuration")(**named, **{argument: given})
    got = getattr(s3, f"get_bucket_{kind}_configuration")(**named)[argument]
    assert {name: each for name, each in got.items() if each != {}} == {n: e for n, e in given.items() if e != {}}
    assert len(getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=box)[f"{argument}List"]) == 1
    getattr(s3, f"delete_bucket_{kind}_configuration")(**named)
    assert f"{argument}List" not in getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=box)


def test_policy_replication_logging_and_lock(s3: Any, box: str) -> None:
    target = fresh("target")
    s3.create_bucket(Bucket=target)
    arn = f"arn:aws:s3:::{target}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": ["s3:PutObject"],
        "Resource": f"{arn}/*",
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert json.loads(s3.get_bucket_policy(Bucket=target)["Policy"])["Statement"] == [statement]
    assert s3.get_bucket_policy_status(Bucket=target)["PolicyStatus"] == {"IsPublic": False}
    assert error_of(s3.put_bucket_policy, Bucket=box, Policy="{") == (400, "MalformedPolicy")
    key_format = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    logged = {"TargetBucket": target, "TargetPrefix": "logs/", "TargetObjectKeyFormat": key_format}
    s3.put_bucket_logging(Bucket=box, BucketLoggingStatus={"LoggingEnabled": logged})
    assert s3.get_bucket_logging(Bucket=box)["LoggingEnabled"] == logged
    for name in (box, target):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "Status": "Enabled",
        "Priority": 3,
        "Filter": {"Prefix": "in/"},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": arn, "StorageClass": "STANDARD_IA"},
    }
    replication = {"Role": f"arn:aws:iam::{A}:role/r", "Rules": [rule]}
    s3.put_bucket_replication(Bucket=box, ReplicationConfiguration=replication)
    [result] = s3.get_bucket_replication(Bucket=box)["ReplicationConfiguration"]["Rules"]
    assert result.pop("ID")
    assert result == rule
    locked = fresh("locked")
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=lock)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == lock


def test_the_buckets_default_key_encrypts_its_objects(s3: Any, box: str) -> None:
    s3.put_bucket_encryption(Bucket=box, ServerSideEncryptionConfiguration=ENCRYPTION)
    put = s3.put_object(Bucket=box, Key="k", Body=b"")
    head = s3.head_object(Bucket=box, Key="k")
    assert (put["ServerSideEncryption"], head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == (
        "aws:kms",
        KMS["KMSMasterKeyID"],
        True,
    )
