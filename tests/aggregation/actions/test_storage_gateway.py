"""storage-gateway-refresh against shares whose listings stay stale until they are refreshed."""

import json
import time
import urllib.request
import uuid

import pytest

from windlass.aggregation.actions import pace
from windlass.aggregation.actions.base import RetryActionLater, StartedAction
from windlass.aggregation.actions.shares import gateway_roles, list_shares, location
from windlass.aggregation.actions.storage_gateway_refresh import StorageGatewayRefresh, folder_list
from windlass.aggregation.gateway import written_by_gateway
from windlass.aggregation.model import Arrival, Summary, summarise
from windlass.core.errors import AwsError, NotFound, UsageError
from windlass_local.services import storagegateway

REFRESH = StorageGatewayRefresh()


class Site:
    """A bucket, a gateway, and file shares over the bucket."""

    def __init__(self, world):
        self.world = world
        self.s3, self.api = world.client("s3"), world.client("storagegateway")
        self.bucket = f"b-{uuid.uuid4().hex[:10]}"
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.gateway = self.api.activate_gateway(
            ActivationKey="A" * 10, GatewayName="site", GatewayTimezone="GMT", GatewayRegion="eu-west-1"
        )["GatewayARN"]

    def share(self, kind="nfs", prefix="", location="", role="arn:aws:iam::111111111111:role/gateway"):
        location = location or f"arn:aws:s3:::{self.bucket}{'/' + prefix if prefix else ''}"
        create = getattr(self.api, f"create_{kind}_file_share")
        return create(ClientToken=uuid.uuid4().hex, GatewayARN=self.gateway, Role=role, LocationARN=location)[
            "FileShareARN"
        ]

    def put(self, *keys):
        for key in keys:
            self.s3.put_object(Bucket=self.bucket, Key=key)
        return summarise([Arrival("k", "created", self.bucket, key) for key in keys])

    def seen(self, share):
        """Return the listing of a share's clients once no refresh runs."""
        deadline = time.monotonic() + 20
        while True:
            with urllib.request.urlopen(f"{self.world.url}/_windlass/fileshares/{share.rpartition('/')[2]}") as answer:
                listing = json.load(answer)
            if not listing["refreshing"]:
                return listing["files"]
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def site(world):
    return Site(world)


def test_nfs_and_smb_shares_of_the_bucket_are_refreshed_and_no_others(site, world):
    nfs, smb = site.share("nfs"), site.share("smb")
    other = Site(world)
    other_share = other.share()
    other.put("x")
    summary = site.put("in/one", "in/deep/two", "top")
    assert site.seen(nfs) == []
    started = REFRESH.act(summary, world.context())
    assert isinstance(started, StartedAction)
    assert len(set(started.tokens)) == 2
    assert all(started.tokens)
    assert site.seen(nfs) == site.seen(smb) == ["in/deep/two", "in/one", "top"]
    assert other.seen(other_share) == []


def test_a_few_folders_are_refreshed_with_their_parents(site, world):
    share = site.share()
    site.put("elsewhere/unseen")
    REFRESH.act(site.put("a/b/one"), world.context())
    (request,) = world.requests("RefreshCache")
    assert (request["FolderList"], request["Recursive"]) == (["/", "a", "a/b"], False)
    assert site.seen(share) == ["a/b/one"]


def test_many_folders_become_one_refresh_of_the_complete_share(site, world):
    share = site.share()
    summary = site.put(*[f"f{number}/one" for number in range(60)])
    assert summary.folders_cut
    REFRESH.act(summary, world.context())
    (request,) = world.requests("RefreshCache")
    assert (request["FolderList"], request["Recursive"]) == (["/"], True)
    assert len(site.seen(share)) == 60


def test_a_share_over_a_prefix_is_refreshed_with_relative_folders(site, world):
    share, beside = site.share(prefix="home/"), site.share(prefix="homestead/")
    REFRESH.act(site.put("home/a/one", "public/two"), world.context())
    (request,) = world.requests("RefreshCache")
    assert (request["FileShareARN"], request["FolderList"]) == (share, ["/", "a"])
    assert site.seen(share) == ["a/one"]
    assert site.seen(beside) == []


def test_changes_outside_every_share_start_no_refresh(site, world):
    site.share(prefix="home/")
    assert REFRESH.act(site.put("public/two", "home"), world.context()) is None
    assert world.requests("RefreshCache") == []


@pytest.mark.parametrize("at", ["arn:aws:s3:eu-west-1:111111111111:accesspoint/door", "door-abc-s3alias"])
def test_a_share_over_an_access_point_is_found_by_its_arn_or_alias(site, world, at):
    share = site.share(location=f"{at}/home/" if at.startswith("arn:") else f"arn:aws:s3:::{at}/home/")
    summary = site.put("home/a/one")
    with pytest.raises(NotFound) as caught:
        REFRESH.act(summary, world.context())
    assert "access_points" in caught.value.hint
    StorageGatewayRefresh(access_points={at: site.bucket}).act(summary, world.context())
    (request,) = world.requests("RefreshCache")
    assert (request["FileShareARN"], request["FolderList"]) == (share, ["/", "a"])


def test_shares_are_described_ten_at_a_time_and_cached(site, world):
    shares = {site.share() for _ in range(12)}
    summary = site.put("one")
    REFRESH.act(summary, world.context(now=1000))
    assert {request["FileShareARN"] for request in world.requests("RefreshCache")} == shares
    assert sorted(len(request["FileShareARNList"]) for request in world.requests("DescribeNFSFileShares")) == [2, 10]
    for share in shares:
        site.seen(share)
    REFRESH.act(summary, world.context(now=1100))
    assert len(world.requests("ListFileShares")) == 1
    shares.add(site.share())
    for share in shares:
        site.seen(share)
    REFRESH.act(summary, world.context(now=1301))
    assert len(world.requests("ListFileShares")) == 2
    assert len(world.requests("RefreshCache")) == 12 + 12 + 13


def test_shares_are_listed_page_by_page(site, world, monkeypatch):
    monkeypatch.setattr(storagegateway, "_PAGE", 2)
    arns = {site.share(kind) for kind in ("nfs", "smb", "nfs", "smb", "nfs")}
    assert {share.arn for share in list_shares(world.call)} == arns
    assert len(world.requests("ListFileShares")) == 3


def test_a_new_share_is_found_when_no_cached_share_matches(site, world):
    summary = site.put("one")
    Site(world).share()
    with pytest.raises(NotFound):
        REFRESH.act(summary, world.context())
    site.share()
    assert REFRESH.act(summary, world.context())


def test_two_refreshes_of_a_share_keep_the_minimum_spacing(site, world):
    share = site.share()
    REFRESH.act(site.put("one"), world.context(now=1000))
    site.seen(share)
    with pytest.raises(RetryActionLater) as caught:
        REFRESH.act(site.put("two"), world.context(now=1020, key="another"))
    assert caught.value.after_s == 40
    assert len(world.requests("RefreshCache")) == 1
    storagegateway.GATEWAY_TIMING.ahead_s += 60
    assert REFRESH.act(site.put("two"), world.context(now=1060))
    assert site.seen(share) == ["one", "two"]


def test_a_refresh_waits_for_the_completion_of_the_one_in_flight(site, world):
    patient = StorageGatewayRefresh(in_flight_s=600)
    share, summary = site.share(), site.put("one")
    started = patient.act(summary, world.context(now=1000))
    site.seen(share)
    with pytest.raises(RetryActionLater) as caught:
        patient.act(summary, world.context(now=1100))
    assert caught.value.after_s == 500
    assert pace.completed(world.memory, started.tokens[0])
    assert not pace.completed(world.memory, "another's")
    assert patient.act(summary, world.context(now=1100))


def test_a_busy_share_is_retried_later_and_the_other_shares_are_refreshed(site, world, monkeypatch):
    monkeypatch.setattr(storagegateway.GATEWAY_TIMING, "refresh_s", 3.0)  # long enough to overlap the next refresh
    busy, free = site.share(), site.share("smb")
    summary = site.put("one")
    site.api.refresh_cache(FileShareARN=busy, FolderList=["/none"])  # another process's refresh
    with pytest.raises(RetryActionLater, match="busy") as caught:
        REFRESH.act(summary, world.context(now=1000))
    monkeypatch.undo()
    assert caught.value.after_s == 60  # a refresh within 60 s of another evicts nothing
    assert site.seen(free) == ["one"]
    assert site.seen(busy) == []
    storagegateway.GATEWAY_TIMING.ahead_s += 60
    assert REFRESH.act(summary, world.context(now=1060))
    assert site.seen(busy) == ["one"]


def test_a_deleted_share_fails_once_and_leaves_the_cache(site, world):
    deleted_share, remaining_share = site.share(), site.share()
    summary = site.put("one")
    REFRESH.act(summary, world.context(now=1000))
    site.seen(remaining_share)
    site.api.delete_file_share(FileShareARN=deleted_share)
    with pytest.raises(AwsError):
        REFRESH.act(summary, world.context(now=1100))
    site.seen(remaining_share)
    started = REFRESH.act(summary, world.context(now=1160))
    assert len(started.tokens) == 1


def test_a_refresh_with_a_lost_response_keeps_the_pace(site, world):
    site.share()
    summary = site.put("one")
    call = world.call

    def losing(service, operation, /, **params):
        answer = call(service, operation, **params)
        if operation == "RefreshCache":
            raise AwsError("no answer in time", code="ReadTimeout")
        return answer

    world.call = losing
    with pytest.raises(AwsError):
        REFRESH.act(summary, world.context(now=1000))
    with pytest.raises(RetryActionLater):
        REFRESH.act(summary, world.context(now=1010))


def test_a_clock_that_is_set_back_delays_refreshes_by_at_most_the_pace(site, world):
    share, summary = site.share(), site.put("one")
    REFRESH.act(summary, world.context(now=100_000))
    site.seen(share)
    with pytest.raises(RetryActionLater) as caught:
        REFRESH.act(summary, world.context(now=1000))
    assert caught.value.after_s == 60
    assert REFRESH.act(summary, world.context(now=1060))


def test_a_window_of_several_buckets_fails(world):
    with pytest.raises(UsageError) as caught:
        REFRESH.act(Summary(), world.context())
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arn:aws:s3:::b", ("b", "")),
        ("arn:aws:s3:::b/", ("b", "")),
        ("arn:aws-cn:s3:::b/a/c/", ("b", "a/c/")),
        ("arn:aws:s3:::b/a", ("b", "a/")),
        ("door-s3alias/a/", ("door-s3alias", "a/")),
        (
            "arn:aws:s3:eu-west-1:111111111111:accesspoint/door/a/",
            ("arn:aws:s3:eu-west-1:111111111111:accesspoint/door", "a/"),
        ),
    ],
)
def test_every_form_of_location_arn_is_parsed(text, expected):
    assert location(text) == expected


@pytest.mark.parametrize(
    ("folders", "prefix", "more", "expected"),
    [
        (("a/b/",), "", {"parents": False}, ("a/b",)),
        (("",), "", {}, ("/",)),
        (("home/",), "home/", {}, ("/",)),
        (("a//b/",), "", {}, ()),  # no file system shows the folder: refresh the complete share instead
        (tuple(f"{n}/" for n in range(50)), "", {}, ()),  # 51 with the top
        (tuple(f"{n}/" for n in range(50)), "", {"parents": False}, tuple(sorted(str(n) for n in range(50)))),
        ((), "", {}, ()),
        (("public/",), "home/", {}, None),
    ],
)
def test_folder_list_is_relative_to_the_share(folders, prefix, more, expected):
    assert folder_list(Summary(folders=folders), prefix, **more) == expected


def test_writes_with_a_shares_role_are_recognised(site, world):
    role = world.client("iam").create_role(RoleName="files", Path="/gateways/", AssumeRolePolicyDocument="{}")["Role"]
    site.share(role=role["Arn"])
    roles = gateway_roles(list_shares(world.call), world.call)
    assert written_by_gateway(f"AWS:{role['RoleId']}:session", roles)
    assert not written_by_gateway("AWS:AROAOTHER:session", roles)
