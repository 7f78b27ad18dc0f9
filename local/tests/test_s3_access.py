"""Regions and permissions of the local S3: what a caller from elsewhere, or from another account, is told."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3_clients import A, B, client, error_of, fresh


@pytest.fixture
def clients(local_aws: Any) -> Any:
    made = [client(local_aws.url), client(local_aws.url, region="eu-west-1"), client(local_aws.url, account_id=B)]
    yield made
    for each in made:
        each.close()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def eu_bucket(eu: Any) -> str:
    name = fresh("eu")
    eu.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def test_a_client_of_another_region_is_redirected_and_follows(clients: Any) -> None:
    us, eu, _ = clients
    name = eu_bucket(eu)
    eu.put_object(Bucket=name, Key="k", Body=b"x")
    assert us.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    for call, more in ((us.head_bucket, {}), (us.list_objects_v2, {}), (us.head_object, {"Key": "k"})):
        assert call(Bucket=name, **more)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert us.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


@pytest.mark.parametrize(("method", "code"), [("GET", "PermanentRedirect"), ("HEAD", "")])
def test_the_redirect_itself_names_the_region(clients: Any, local_aws: Any, method: str, code: str) -> None:
    name = eu_bucket(clients[1])
    scope = f"AWS4-HMAC-SHA256 Credential={A}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(f"{local_aws.url}/{name}", method=method, headers={"Authorization": scope})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    body = caught.value.read().decode()
    caught.value.close()
    assert caught.value.code == 301
    assert caught.value.headers["x-amz-bucket-region"] == "eu-west-1"
    assert code in body
    assert "amazonaws.com" not in body  # a client that follows the Endpoint must not reach AWS


def test_locations(clients: Any) -> None:
    us, eu, _ = clients
    plain, old = fresh("us"), fresh("old")
    us.create_bucket(Bucket=plain)
    us.create_bucket(Bucket=old, CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert us.get_bucket_location(Bucket=plain)["LocationConstraint"] is None
    assert us.get_bucket_location(Bucket=old)["LocationConstraint"] == "EU"
    assert us.get_bucket_location(Bucket=eu_bucket(eu))["LocationConstraint"] == "eu-west-1"
    assert eu.head_bucket(Bucket=old)["BucketRegion"] == "eu-west-1"
    again = {"Bucket": old, "CreateBucketConfiguration": {"LocationConstraint": "EU"}}
    assert error_of(eu.create_bucket, **again) == (409, "BucketAlreadyOwnedByYou")


def test_list_buckets_pages_filters_and_shows_regions_when_asked(local_aws: Any) -> None:
    account = "333333333333"
    us, eu = client(local_aws.url, account_id=account), client(local_aws.url, account_id=account, region="eu-west-1")
    stem = fresh("page")
    for number in range(3):
        us.create_bucket(Bucket=f"{stem}-{number}")
    eu.create_bucket(Bucket=f"{stem}-eu", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    plain = [each for each in eu.list_buckets()["Buckets"] if each["Name"].startswith(stem)]
    assert [each["Name"] for each in plain] == [f"{stem}-0", f"{stem}-1", f"{stem}-2", f"{stem}-eu"]
    assert all("BucketRegion" not in each for each in plain)
    first = us.list_buckets(MaxBuckets=3, Prefix=stem)
    assert (first["Prefix"], [each["BucketRegion"] for each in first["Buckets"]]) == (stem, ["us-east-1"] * 3)
    second = us.list_buckets(MaxBuckets=3, Prefix=stem, ContinuationToken=first["ContinuationToken"])
    assert [(each["Name"], each["BucketRegion"]) for each in second["Buckets"]] == [(f"{stem}-eu", "eu-west-1")]
    assert "ContinuationToken" not in second
    buckets = us.list_buckets(BucketRegion="eu-west-1", Prefix=stem)["Buckets"]
    assert [each["Name"] for each in buckets] == [f"{stem}-eu"]
    us.close()
    eu.close()


def test_another_account_needs_the_owners_policy(clients: Any) -> None:
    own, _, other = clients
    name = fresh()
    own.create_bucket(Bucket=name)
    own.put_object(Bucket=name, Key="shared/a", Body=b"x")
    read = {"Bucket": name, "Key": "shared/a"}
    assert error_of(other.get_object, **read) == (403, "AccessDenied")
    assert error_of(other.put_object, Bucket=name, Key="k", Body=b"") == (403, "AccessDenied")
    assert error_of(other.list_objects_v2, Bucket=name) == (403, "AccessDenied")
    assert error_of(other.head_bucket, Bucket=name) == (403, "403")
    assert error_of(other.get_bucket_tagging, Bucket=name) == (403, "AccessDenied")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{B}:root"},
        "Action": ["s3:GetObject", "s3:DeleteObject"],
        "Resource": f"arn:aws:s3:::{name}/shared/*",
    }
    own.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert other.get_object(**read)["Body"].read() == b"x"
    home = fresh()
    other.create_bucket(Bucket=home)
    other.copy_object(Bucket=home, Key="copy", CopySource=read)
    own.put_object(Bucket=name, Key="own", Body=b"")
    assert error_of(other.copy_object, Bucket=home, Key="copy", CopySource=f"{name}/own") == (403, "AccessDenied")
    done = other.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "own"}, {"Key": "shared/a"}]})
    assert [each["Key"] for each in done["Deleted"]] == ["shared/a"]
    assert [(each["Key"], each["Code"]) for each in done["Errors"]] == [("own", "AccessDenied")]


def test_a_deny_holds_for_the_owner_too_but_not_for_the_policy_itself(clients: Any) -> None:
    own, _, _ = clients
    name = fresh()
    own.create_bucket(Bucket=name)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    insecure = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    own.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [insecure]}))
    own.put_object(Bucket=name, Key="k", Body=b"")  # loopback counts as TLS
    own.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [deny]}))
    assert error_of(own.put_object, Bucket=name, Key="k", Body=b"") == (403, "AccessDenied")
    own.delete_bucket_policy(Bucket=name)
    own.put_object(Bucket=name, Key="k", Body=b"")


def test_public_needs_the_block_lifted_first(clients: Any, local_aws: Any) -> None:
    own, _, other = clients
    name = fresh()
    own.create_bucket(Bucket=name)
    own.put_object(Bucket=name, Key="k", Body=b"x")
    url = f"{local_aws.url}/{name}/k"
    assert status(url) == 403
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    public = {"Bucket": name, "Policy": json.dumps({"Statement": [allow]})}
    assert error_of(own.put_bucket_policy, **public) == (403, "AccessDenied")
    own.delete_public_access_block(Bucket=name)
    own.put_bucket_policy(**public)
    assert own.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    assert status(url) == 200
    assert other.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    restricted = {
        "RestrictPublicBuckets": True,
        "BlockPublicPolicy": False,
        "BlockPublicAcls": False,
        "IgnorePublicAcls": False,
    }
    own.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=restricted)
    assert status(url) == 403


def test_acl_grants_count_only_where_acls_are_on(clients: Any) -> None:
    own, _, other = clients
    name = fresh()
    own.create_bucket(Bucket=name)
    grant = {"Bucket": name, "GrantRead": f'id="{other.list_buckets()["Owner"]["ID"]}"'}
    assert error_of(own.put_bucket_acl, **grant) == (400, "AccessControlListNotSupported")
    assert error_of(own.put_object, Bucket=name, Key="k", ACL="public-read") == (400, "AccessControlListNotSupported")
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    own.put_bucket_ownership_controls(Bucket=name, OwnershipControls=rules)
    own.put_bucket_acl(**grant)
    assert other.list_objects_v2(Bucket=name)["KeyCount"] == 0
    assert error_of(other.put_object, Bucket=name, Key="k", Body=b"") == (403, "AccessDenied")


def test_a_role_of_the_owner_can_be_denied(clients: Any, local_aws: Any) -> None:
    own, _, _ = clients
    name = fresh()
    own.create_bucket(Bucket=name)
    role = f"arn:aws:iam::{A}:role/{fresh('role')}"
    sts = client(local_aws.url, "sts")
    keys = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    sts.close()
    session = client(
        local_aws.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    session.put_object(Bucket=name, Key="k", Body=b"")
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": role},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    own.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [deny]}))
    with pytest.raises(ClientError, match="AccessDenied"):
        session.put_object(Bucket=name, Key="k", Body=b"")
    own.put_object(Bucket=name, Key="k", Body=b"")
    session.close()


def test_the_expected_owner_must_be_the_owner(clients: Any) -> None:
    own, _, _ = clients
    name = fresh()
    own.create_bucket(Bucket=name)
    own.head_bucket(Bucket=name, ExpectedBucketOwner=A)
    assert error_of(own.list_objects_v2, Bucket=name, ExpectedBucketOwner=B) == (403, "AccessDenied")
