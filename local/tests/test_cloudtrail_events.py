"""CloudTrail's S3 data events of the embedded AWS: which calls, which trails, and what a record says."""

from __future__ import annotations

import gzip
import json
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from s3_clients import A, B, client, error_of, fresh
from windlass_local.cloudtrail.selectors import selects

OLD = "aws-sdk-nodejs/2.2.35 darwin/v5.3.0"


def trail_over(url, *, account=A, basic=None, advanced=None, start=True):
    """A trail with a log bucket of its own, and that bucket's name."""
    logs, name = fresh("logs"), fresh("trail")
    client(url, account_id=account).create_bucket(Bucket=logs)
    trails = client(url, "cloudtrail", account_id=account)
    trails.create_trail(Name=name, S3BucketName=logs, IsMultiRegionTrail=True)
    chosen = {"EventSelectors": basic} if basic else {"AdvancedEventSelectors": advanced or advanced_for()}
    trails.put_event_selectors(TrailName=name, **chosen)
    if start:
        trails.start_logging(Name=name)
    return name, logs


def advanced_for(*more):
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
    return [{"Name": "s3", "FieldSelectors": [*fields, *more]}]


def records(url, logs, account=A):
    """Every record delivered into a log bucket, delivered now."""
    with urllib.request.urlopen(f"{url}/_windlass/trails", timeout=10) as answer:
        assert json.load(answer)["delivered"] >= 0
    s3 = client(url, account_id=account)
    result = []
    for item in s3.list_objects_v2(Bucket=logs).get("Contents", []):
        assert item["Key"].startswith(f"AWSLogs/{account}/CloudTrail/")
        assert item["Key"].endswith(".json.gz")
        result += json.loads(gzip.decompress(s3.get_object(Bucket=logs, Key=item["Key"])["Body"].read()))["Records"]
    return [entry for entry in result if entry["requestParameters"]["bucketName"] != logs]


def _say_old(request, **_):
    del request.headers["User-Agent"]
    request.headers["User-Agent"] = OLD


def old_client(url, **more):
    """A client that signs with SigV2 and says it is an old SDK."""
    config = Config(signature_version="s3", s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    keys = {"aws_access_key_id": A, "aws_secret_access_key": "x"} | more
    made = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config, **keys)
    # botocore signs its own name onto any agent it is given; SigV2 does not sign the header, so it can be put right.
    made.meta.events.register("before-send.s3", _say_old)
    return made


def test_calls_become_records_with_their_signature_and_agent(local_aws):
    _, logs = trail_over(local_aws.url)
    bucket = fresh()
    s3 = client(local_aws.url)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a b/ü.txt", Body=b"four")
    old_client(local_aws.url).get_object(Bucket=bucket, Key="a b/ü.txt")["Body"].read()
    result = {
        record["eventName"]: record
        for record in records(local_aws.url, logs)
        if record["requestParameters"]["bucketName"] == bucket
    }
    assert set(result) == {"PutObject", "GetObject"}  # CreateBucket is a management event
    put, got = result["PutObject"], result["GetObject"]
    assert put["additionalEventData"]["SignatureVersion"] == "SigV4"
    assert "Boto3/" in put["userAgent"]
    assert (got["additionalEventData"]["SignatureVersion"], got["additionalEventData"]["AuthenticationMethod"]) == (
        "SigV2",
        "AuthHeader",
    )
    assert got["userAgent"] == f"[{OLD}]"
    assert got["requestParameters"]["key"] == "a b/ü.txt"
    assert got["additionalEventData"]["bytesTransferredOut"] == 4
    assert got["resources"][0]["ARN"] == f"arn:aws:s3:::{bucket}/a b/ü.txt"
    assert (got["eventCategory"], got["readOnly"], put["readOnly"], got["recipientAccountId"]) == (
        "Data",
        True,
        False,
        A,
    )


@pytest.mark.parametrize(("version", "signature"), [("s3", "SigV2"), ("s3v4", "SigV4")])
def test_presigned_urls_say_so(local_aws, version, signature):
    _, logs = trail_over(local_aws.url)
    bucket = fresh()
    s3 = client(local_aws.url)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    signer = boto3.client(
        "s3",
        endpoint_url=local_aws.url,
        region_name="us-east-1",
        config=config,
        aws_access_key_id=A,
        aws_secret_access_key="x",
    )
    link = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=600)
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert answer.read() == b"x"
    (got,) = [
        record
        for record in records(local_aws.url, logs)
        if record["eventName"] == "GetObject" and record["requestParameters"]["bucketName"] == bucket
    ]
    extra = got["additionalEventData"]
    assert (extra["SignatureVersion"], extra["AuthenticationMethod"]) == (signature, "QueryString")


def test_anonymous_and_refused_calls_are_recorded_as_such(local_aws):
    _, logs = trail_over(local_aws.url)
    bucket = fresh()
    client(local_aws.url).create_bucket(Bucket=bucket)
    nobody = boto3.client(
        "s3",
        endpoint_url=local_aws.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    status, _ = error_of(nobody.get_object, Bucket=bucket, Key="missing")
    (got,) = [record for record in records(local_aws.url, logs) if record["requestParameters"]["bucketName"] == bucket]
    assert got["userIdentity"] == {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    assert "SignatureVersion" not in got["additionalEventData"]
    assert got["errorCode"] == {403: "AccessDenied", 404: "NoSuchKey"}[status]


def test_headers_name_what_loopback_cannot_show(local_aws):
    _, logs = trail_over(local_aws.url)
    bucket = fresh()
    s3 = client(local_aws.url)
    s3.create_bucket(Bucket=bucket)

    def told(request, **_):
        request.headers["x-forwarded-for"] = "10.4.5.6"
        request.headers["x-windlass-tls"] = "TLSv1.1"
        request.headers["x-windlass-time"] = "2026-11-01T02:03:04+00:00"

    s3.meta.events.register("before-sign.s3.PutObject", told)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    (got,) = [record for record in records(local_aws.url, logs) if record["requestParameters"]["bucketName"] == bucket]
    assert (got["sourceIPAddress"], got["tlsDetails"]["tlsVersion"], got["eventTime"]) == (
        "10.4.5.6",
        "TLSv1.1",
        "2026-11-01T02:03:04Z",
    )


def test_owner_and_caller_each_get_the_event_in_their_own_trail(local_aws):
    _, own = trail_over(local_aws.url)
    _, theirs = trail_over(local_aws.url, account=B)
    bucket = fresh()
    owner = client(local_aws.url)
    owner.create_bucket(Bucket=bucket)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}],
    }
    owner.delete_public_access_block(Bucket=bucket)
    owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    client(local_aws.url, account_id=B).put_object(Bucket=bucket, Key="k", Body=b"x")
    for logs, account in ((own, A), (theirs, B)):
        (one,) = [
            record
            for record in records(local_aws.url, logs, account)
            if record["requestParameters"]["bucketName"] == bucket
        ]
        assert (one["recipientAccountId"], one["userIdentity"]["accountId"]) == (account, B)


def test_a_stopped_trail_records_nothing(local_aws):
    name, logs = trail_over(local_aws.url)
    bucket = fresh()
    s3 = client(local_aws.url)
    s3.create_bucket(Bucket=bucket)
    client(local_aws.url, "cloudtrail").stop_logging(Name=name)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert [
        record for record in records(local_aws.url, logs) if record["requestParameters"]["bucketName"] == bucket
    ] == []


BASIC = [{"ReadWriteType": "All", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::one/"]}]}]
ALL = [{"ReadWriteType": "WriteOnly", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]


@pytest.mark.parametrize(
    ("basic", "advanced", "arn", "read_only", "expected"),
    [
        (BASIC, [], "arn:aws:s3:::one/k", True, True),
        (BASIC, [], "arn:aws:s3:::two/k", True, False),
        (ALL, [], "arn:aws:s3:::two/k", False, True),
        (ALL, [], "arn:aws:s3:::two/k", True, False),
        ([], [], "arn:aws:s3:::one/k", True, False),
        ([], advanced_for(), "arn:aws:s3:::one/k", True, True),
        (
            [],
            advanced_for({"Field": "resources.ARN", "NotStartsWith": ["arn:aws:s3:::one/"]}),
            "arn:aws:s3:::one/k",
            True,
            False,
        ),
        (
            [],
            advanced_for({"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::x/", "arn:aws:s3:::one/"]}),
            "arn:aws:s3:::one/k",
            True,
            True,
        ),
        ([], advanced_for({"Field": "readOnly", "Equals": ["false"]}), "arn:aws:s3:::one/k", True, False),
        (
            [],
            [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}],
            "arn:aws:s3:::one/k",
            True,
            False,
        ),
    ],
)
def test_selectors(basic, advanced, arn, read_only, expected):
    assert selects(basic, advanced, arn=arn, name="GetObject", read_only=read_only) is expected


def test_a_trail_is_deleted_by_its_arn_and_a_missing_one_is_an_error(aws):
    trails, s3 = aws("cloudtrail"), aws("s3")
    name = fresh("trail")
    s3.create_bucket(Bucket=name)
    arn = trails.create_trail(Name=name, S3BucketName=name)["TrailARN"]
    trails.delete_trail(Name=arn)
    assert name not in [entry["Name"] for entry in trails.describe_trails()["trailList"]]
    with pytest.raises(trails.exceptions.TrailNotFoundException):
        trails.delete_trail(Name=name)
