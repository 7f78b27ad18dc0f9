"""Storage Gateway: what its clients rely on when they list shares, refresh them and read stale listings."""

import json
import time
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError

from s3_clients import fresh
from windlass_local.services import storagegateway

REGION = "eu-west-1"
ROLE = "arn:aws:iam::111111111111:role/gateway"


class Site:
    """One gateway, one versioned bucket, and a share over it or over a prefix."""

    def __init__(self, aws, url):
        self.url = url
        self.account = f"{uuid.uuid4().int % 10**12:012}"  # no other test sees its gateways
        self.s3 = aws("s3", region=REGION, account=self.account)
        self.api = aws("storagegateway", region=REGION, account=self.account)
        self.bucket = fresh("share")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.gateway = self.api.activate_gateway(
            ActivationKey="A" * 10,
            GatewayName="site",
            GatewayTimezone="GMT",
            GatewayRegion=REGION,
            Tags=[{"Key": "team", "Value": "x"}],
        )["GatewayARN"]

    def put(self, *keys):
        for key in keys:
            self.s3.put_object(Bucket=self.bucket, Key=key)

    def share(self, kind="nfs", prefix="", token="", **more):
        create = getattr(self.api, f"create_{kind}_file_share")
        location = f"arn:aws:s3:::{self.bucket}{'/' + prefix if prefix else ''}"
        return create(
            ClientToken=token or uuid.uuid4().hex, GatewayARN=self.gateway, Role=ROLE, LocationARN=location, **more
        )["FileShareARN"]

    def seen(self, share):
        with urllib.request.urlopen(f"{self.url}/_windlass/fileshares/{share.rpartition('/')[2]}") as answer:
            return json.load(answer)

    def refresh(self, share, *, after_s=60, **more):
        storagegateway.GATEWAY_TIMING.ahead_s += after_s
        answer = self.api.refresh_cache(FileShareARN=share, **more)
        deadline = time.monotonic() + 20
        while self.seen(share)["refreshing"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return answer


@pytest.fixture
def site(aws, local_aws):
    return Site(aws, local_aws.url)


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"]["Code"] == "InvalidGatewayRequestException"


def test_deletions_are_unseen_until_a_refresh_and_gone_after_it(site):
    site.s3.put_bucket_versioning(Bucket=site.bucket, VersioningConfiguration={"Status": "Enabled"})
    site.put("a", "b")
    share = site.share()
    site.s3.delete_object(Bucket=site.bucket, Key="a")
    assert site.seen(share)["files"] == ["a", "b"]
    site.refresh(share)
    assert site.seen(share)["files"] == ["b"]


def test_a_refresh_covers_its_folders_and_their_depth_only(site):
    share = site.share()
    site.put("top", "in/one", "in/deep/two", "inside/three", "out/four")
    site.refresh(share, FolderList=["/in"], Recursive=False)
    assert site.seen(share)["files"] == ["in/one"]
    site.refresh(share, FolderList=["/in/"], Recursive=True)
    assert site.seen(share)["files"] == ["in/deep/two", "in/one"]
    site.refresh(share, FolderList=["/"], Recursive=False)
    assert site.seen(share)["files"] == ["in/deep/two", "in/one", "top"]
    answer = site.refresh(share)
    assert site.seen(share)["files"] == sorted(site.seen(share)["bucket"])
    assert answer["FileShareARN"] == share
    assert answer["NotificationId"]


def test_a_refresh_within_a_minute_of_another_reports_completion_and_evicts_nothing(site, aws):
    """API reference: "RefreshCache does not evict cache entries if invoked within 60 seconds of a previous … request"."""
    queue = aws("sqs", region=REGION, account=site.account)
    address = queue.create_queue(QueueName=fresh("told"))["QueueUrl"]
    arn = queue.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events = aws("events", region=REGION, account=site.account)
    events.put_rule(Name="told", EventPattern='{"source": ["aws.storagegateway"]}')
    events.put_targets(Rule="told", Targets=[{"Id": "q", "Arn": arn}])
    share = site.share()
    site.put("one")
    told = [site.refresh(share)["NotificationId"]]
    assert site.seen(share)["files"] == ["one"]
    site.put("two")
    for _ in range(3):  # each request begins the minute anew
        told.append(site.refresh(share, after_s=30)["NotificationId"])
        assert site.seen(share)["files"] == ["one"]
    told.append(site.refresh(share, after_s=60)["NotificationId"])
    assert site.seen(share)["files"] == ["one", "two"]
    assert (site.seen(share)["refreshes"], site.seen(share)["without_effect"]) == (2, 3)
    heard = set()
    deadline = time.monotonic() + 20
    while heard != set(told) and time.monotonic() < deadline:
        for message in queue.receive_message(QueueUrl=address, WaitTimeSeconds=1, MaxNumberOfMessages=10).get(
            "Messages", ()
        ):
            detail = json.loads(message["Body"])["detail"]
            if "notification-id" in detail:  # CloudTrail's event of the call has the same source
                heard.add(detail["notification-id"])
    assert heard == set(told)


def test_one_share_s_refresh_does_not_hold_another_s_up(site):
    first, second = site.share(), site.share("smb")
    site.put("one")
    site.refresh(first)
    site.refresh(second, after_s=1)
    assert site.seen(second)["files"] == ["one"]


def test_a_share_over_a_prefix_sees_names_relative_to_it(site):
    site.put("home/a", "other/b")
    assert site.seen(site.share(prefix="home/"))["files"] == ["a"]


def test_shares_are_listed_by_gateway_in_pages(site):
    made = {site.share(kind) for kind in ("nfs", "smb", "nfs")}
    pages = site.api.get_paginator("list_file_shares").paginate(
        GatewayARN=site.gateway, PaginationConfig={"PageSize": 2}
    )
    listed = [[share["FileShareARN"] for share in page["FileShareInfoList"]] for page in pages]
    assert [len(page) for page in listed] == [2, 1]
    assert {arn for page in listed for arn in page} == made
    assert site.api.list_file_shares(GatewayARN=site.gateway + "X")["FileShareInfoList"] == []
    gateways = site.api.list_gateways()
    assert [each["GatewayARN"] for each in gateways["Gateways"]] == [site.gateway]
    assert "Marker" not in gateways


def test_each_kind_is_described_by_its_own_operation(site):
    nfs, smb = site.share("nfs", Tags=[{"Key": "k", "Value": "v"}]), site.share("smb")
    (one,) = site.api.describe_nfs_file_shares(FileShareARNList=[nfs, smb])["NFSFileShareInfoList"]
    assert (one["FileShareARN"], one["Role"], one["FileShareStatus"]) == (nfs, ROLE, "AVAILABLE")
    (two,) = site.api.describe_smb_file_shares(FileShareARNList=[smb])["SMBFileShareInfoList"]
    assert two["FileShareARN"] == smb
    assert site.api.list_tags_for_resource(ResourceARN=nfs)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert site.api.list_tags_for_resource(ResourceARN=site.gateway)["Tags"] == [{"Key": "team", "Value": "x"}]
    assert site.api.describe_gateway_information(GatewayARN=site.gateway)["GatewayName"] == "site"


def test_the_same_token_makes_one_share(site):
    assert site.share(token="again") == site.share(token="again")
    assert len(site.api.list_file_shares()["FileShareInfoList"]) == 1


def test_what_is_not_there_and_what_is_too_much_is_refused(site):
    share = site.share()
    refused(site.api.refresh_cache, FileShareARN=share[:-1] + "!")
    refused(site.api.describe_nfs_file_shares, FileShareARNList=[share] * 10 + [share])
    refused(site.api.describe_gateway_information, GatewayARN=site.gateway + "X")
    site.api.refresh_cache(FileShareARN=share)
    refused(site.api.refresh_cache, FileShareARN=share)
    site.api.delete_file_share(FileShareARN=share)
    refused(site.api.refresh_cache, FileShareARN=share)


def test_another_account_sees_no_share(site, aws):
    share = site.share()
    other = aws("storagegateway", region=REGION, account="777777777009")
    assert share not in [each["FileShareARN"] for each in other.list_file_shares()["FileShareInfoList"]]
    refused(other.refresh_cache, FileShareARN=share)
