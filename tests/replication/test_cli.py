"""`windlass replicate` as people type it: one clear error before anything is written, the same rows in every format, exit codes."""

import csv
import io
import json
import time
import tomllib
from pathlib import Path

import pytest

import windlass as package
from tests.command import run_windlass
from tests.privilege import least_privilege

__all__ = ["least_privilege"]
pytestmark = pytest.mark.own_actions(
    "s3:CreateBucket", "s3:DeleteObject"
)  # the tests play with buckets through the estate


class Home:
    """A user's folder over the embedded AWS."""

    def __init__(self, folder, url, account, sets=""):
        self.folder = folder
        self.env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": str(Path(package.__file__).parents[1]),
        }
        text = f"""
[estate]
endpoint_url = "{url}"
regions = ["us-east-1", "eu-west-1"]
accounts = [{{ id = "{account}" }}]
[store]
url = "sqlite:///{folder}/w.db"
[replication]
poll_s = 0.1
{sets}
"""
        (folder / "windlass.toml").write_text(text)
        # Pairs that are named on the command line, for the policy.
        said = '[[replicate]]\nname = "said"\nsource = "*"\ndestination = "{name}*"\n'
        accounts = f'[estate]\naccounts = [{{ id = "{account}" }}]\n'
        (folder / "windlass-policy.toml").write_text(accounts + said)

    def __call__(self, *words, code=0):
        done = run_windlass(["replicate", *words], cwd=self.folder, env=self.env)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def buckets(seed_app, buckets_of):
    return buckets_of(seed_app())


@pytest.fixture
def home(tmp_path, seed_aws, account):
    return Home(tmp_path, seed_aws.url, account)


def test_bad_input_is_one_error_with_its_code(home, buckets):
    source, target = buckets.pair(objects=1, versioned=False)
    for words, code, said in (
        (("seed", source, source), 252, "its own replica"),
        (("seed", source, f"{target}-none"), 254, "the bucket does not exist"),
        (("seed", f"{source}-none", target), 254, "the bucket does not exist"),
        (("seed", source, target), 254, "versioning is off"),
        (("seed", source), 252, "SOURCE and DEST"),
        (("seed", "--set", "none"), 254, "there is no set"),
        (("seed", source, target, "--operation", "lambda"), 252, "needs a function"),
        (("seed", source, target, "--method", "direct", "--detach", "--operation", "copy"), 252, "cannot be detached"),
        (("seed", source, target, "--tag", "team"), 252, "is not a tag"),
        (("status", "nothing"), 254, "no seed matches"),
        (("seed", "--retry", "nothing"), 254, "no seed matches"),
    ):
        done = home(*words, code=code)
        assert said in done.stderr, words
        assert "hint:" in done.stderr, words
    assert buckets.keys(target) == []
    assert json.loads(home("status", "-o", "json").stdout) == []


def test_a_copy_is_one_line_and_then_nothing_to_do(home, buckets):
    source, target = buckets.pair(objects=3, versioned=False)
    done = home("seed", source, target, "--operation", "copy", "-q")
    assert done.stdout == "State: Complete, Total: 3, Success: 3, Failed 0\n"
    again = home("seed", source, target, "--operation", "copy", "-q")
    assert again.stdout == "State: Complete, Total: 0, Success: 0, Failed 0\n"
    (row,) = json.loads(home("status", source, "-o", "json").stdout)
    assert (row["state"], row["detail"]) == ("done", "the destination is in sync")
    assert "No object failed" in home("report", source).stderr
    (row,) = json.loads(home("verify", source, target, "-o", "json").stdout)
    assert row["verdict"] == "same"
    buckets.call("eu-west-1", "DeleteObject", Bucket=target, Key="2026/é 001+%.txt")
    done = home("verify", source, code=1)
    assert "missing: 2026/é 001+%.txt" in done.stderr


def test_a_set_is_planned_in_one_table_with_a_total(tmp_path, seed_aws, account, buckets):
    for number in range(3):
        buckets.pair(f"p{number}", objects=number + 1)
    sets = f'[[replicate]]\nname = "dr"\nsource = "{buckets.mark}-p?"\ndestination = "{{name}}-replica"\n'
    home = Home(tmp_path, seed_aws.url, account, sets)
    table = home("plan", "--set", "dr").stdout
    assert "total of 3 pairs" in table
    assert "$0.75" in table
    rows = json.loads(home("plan", "--set", "dr", "-o", "json").stdout)
    assert [row["missing"] for row in rows] == [1, 2, 3]
    listed = list(csv.DictReader(io.StringIO(home("plan", "--set", "dr", "-o", "csv").stdout)))
    assert [row["objects"] for row in listed] == ["1", "2", "3"]
    assert json.loads(home("sets", "-o", "json").stdout)[0]["set"] == "dr"
    buckets.make("p9", "us-east-1", versioned=False)
    done = home("seed", "--set", "dr", "-q", code=254)
    assert "the bucket does not exist" in done.stderr
    writes = json.loads(home("seed", "--set", "dr", "--dry-run", "--skip-bad", "-q", "-o", "json").stdout)
    assert sum(row["call"] == "s3control CreateJob" for row in writes) == 3
    assert json.loads(home("status", "-o", "json").stdout) == []


@pytest.mark.own_actions("iam:CreateRole")
def test_preflight_prints_the_policy_that_mends_it(home, buckets, account):
    source, target = buckets.pair(objects=1)
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    buckets.call(
        "us-east-1", "CreateRole", service="iam", RoleName=f"weak-{buckets.mark}", AssumeRolePolicyDocument=trust
    )
    named = f'[estate]\naccounts = [{{ id = "{account}" }}]\n[replication]\nreplication_role = "weak-{buckets.mark}"\n'
    (home.folder / "windlass-role.toml").write_text(
        named + '[[replicate]]\nname = "a"\npairs = [["logs", "logs-replica"]]\n'
    )
    rule = {
        "ID": "x",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    configuration = {"Role": f"arn:aws:iam::{account}:role/weak-{buckets.mark}", "Rules": [rule]}
    buckets.call("us-east-1", "PutBucketReplication", Bucket=source, ReplicationConfiguration=configuration)
    done = home("preflight", source, target, code=3)
    assert "DstPutObjectNotPermitted" in done.stdout
    assert '+      "Action": [' in done.stdout
    assert "s3:ReplicateObject" in done.stdout
    assert home("preflight", source, target, "--operation", "copy").stderr.endswith("No problem was found.\n")


def test_templates_are_printed_and_taken_back(home, buckets):
    text = home("template", "--operation", "copy").stdout
    assert tomllib.loads(text)["operation"] == "copy"
    assert json.loads(home("template", "-o", "json").stdout)["report"]["enabled"] is True
    (home.folder / "t.toml").write_text(text.replace("priority = 10", "priority = 99"))
    source, target = buckets.pair(objects=1, versioned=False)
    words = (
        "seed",
        source,
        target,
        "--method",
        "batch",
        "--template",
        "t.toml",
        "--manifest",
        "s3://work-bucket/x",
        "--dry-run",
        "-o",
        "json",
    )
    writes = json.loads(home(*words).stdout)
    job = next(row["params"] for row in writes if row["call"] == "s3control CreateJob")
    assert job["Priority"] == 99
    assert job["Report"]["Bucket"] == "arn:aws:s3:::work-bucket"
    assert job["Manifest"]["Location"]["ObjectArn"].startswith("arn:aws:s3:::work-bucket/x/")
    (home.folder / "bad.toml").write_text("priorty = 1")
    assert "priorty" in home("seed", source, target, "--template", "bad.toml", code=252).stderr


def test_emr_without_a_place_prints_the_step(home, buckets):
    source, target = buckets.pair(objects=1, versioned=False)
    done = home("seed", source, target, "--operation", "copy", "--method", "emr", "-q")
    assert done.stdout.startswith("aws emr add-steps")
    assert json.loads(home("status", "-o", "json").stdout) == []


def test_a_direct_seed_is_shared_joined_and_looked_at_closely(home, buckets):
    source, target = buckets.pair(objects=9, versioned=False)
    home("seed", source, target, "--operation", "copy", "--method", "direct", "--distributed", "-q")
    (seed,) = json.loads(home("status", "-o", "json").stdout)
    assert (seed["state"], seed["method"], seed["total"], seed["done"]) == ("done", "direct", 9, 9)
    joined = json.loads(home("worker", seed["seed_id"], source, target, "-q", "-o", "json").stdout)
    assert (joined[0]["copied"], joined[0]["failed"]) == (9, 0)
    missing = home("worker", "seed_none", source, target, "-q", code=254)
    assert "seed_none" in missing.stderr or "plan.json" in missing.stderr
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key="2026/é 004+%.txt", Body=b"yyyy")
    by_size = home("verify", source, target, "--compare", "size", "-o", "json")
    assert json.loads(by_size.stdout)[0]["verdict"] == "same"
    (found,) = json.loads(home("verify", source, target, "-o", "json", code=1).stdout)
    assert (found["verdict"], found["examples"]) == ("different", {"different": ["2026/é 004+%.txt"]})
    deep = home("verify", source, target, "--compare", "size", "--sample", "100", "-o", "json", code=1)
    (found,) = json.loads(deep.stdout)
    assert (found["different"], found["read"]) == (1, 9)
    assert found["examples"]["different"] == ["2026/é 004+%.txt"]


def test_what_differs_is_named_in_every_place_and_mended_on_demand(home, buckets):
    """One result: the summary line, the exit code, the report and the listing say the same."""
    source, target = buckets.pair(objects=3, versioned=False)
    home("seed", source, target, "--operation", "copy", "-q")
    key = "2026/é 002+%.txt"
    time.sleep(1.0)  # the destination's object is the newer one
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key=key, Body=b"yy")
    done = home("seed", source, target, "--operation", "copy", "-q", code=1)
    assert done.stdout == "State: Incomplete, Total: 1, Success: 0, Failed 1\n"
    assert "1 of 1 seeds is not complete" in done.stderr
    assert "1 failed" in done.stderr
    (row,) = json.loads(home("report", source, "-o", "json", code=1).stdout)
    assert (row["code"], row["count"], row["keys"]) == ("DstObjectNewer", 1, [key])
    assert "--different" in row["advice"]
    (row,) = json.loads(home("status", source, "-o", "json").stdout)
    assert (row["state"], row["line"] + "\n") == ("incomplete", done.stdout)
    mended = home("seed", source, target, "--operation", "copy", "--different", "-q")
    assert mended.stdout == "State: Complete, Total: 1, Success: 1, Failed 0\n"
    assert home("verify", source, target).stdout.count("same") == 1


_SUM = {"us-east-1": "CRC32", "eu-west-1": "SHA256"}  # no checksum that both sides have


def test_what_can_not_be_compared_fails_only_a_strict_command(home, buckets):
    source, target = buckets.pair(versioned=False)
    for bucket, region, more in ((source, "us-east-1", {}), (target, "eu-west-1", {"ServerSideEncryption": "aws:kms"})):
        for key in ("a", "b"):
            buckets.call(region, "PutObject", Bucket=bucket, Key=key, Body=b"x", ChecksumAlgorithm=_SUM[region], **more)
    (found,) = json.loads(home("verify", source, target, "-o", "json").stdout)
    assert (found["verdict"], found["unknown"]) == ("unknown", 2)
    assert "1 of 1 pairs" in home("verify", source, target, "--strict", code=1).stderr
    done = home("seed", source, target, "--operation", "copy", "-q")
    assert done.stdout == "State: Complete, Total: 0, Success: 0, Failed 0, Not verified 2\n"
    done = home("seed", source, target, "--operation", "copy", "--strict", "-q", code=1)
    assert done.stdout == "State: Incomplete, Total: 0, Success: 0, Failed 0, Not verified 2\n"
    (row,) = json.loads(home("report", source, "-o", "json", code=1).stdout)
    assert (row["code"], row["count"]) == ("NotVerified", 2)


def test_versions_and_what_is_carried_from_the_command_line(home, buckets):
    source, target = buckets.pair()
    for body in (b"1", b"22"):
        buckets.call("us-east-1", "PutObject", Bucket=source, Key="k", Body=body, WebsiteRedirectLocation="/there")
    buckets.call("us-east-1", "PutObject", Bucket=source, Key="gone", Body=b"x")
    buckets.call("us-east-1", "DeleteObject", Bucket=source, Key="gone")
    copies = ("--operation", "copy", "--method", "direct")
    refused = home("seed", source, target, *copies, "--preserve", "acl,lock", code=254)
    assert "ACLs are off at the destination" in refused.stderr
    found = json.loads(
        home("preflight", source, target, *copies, "--preserve", "acl,lock", "-o", "json", code=3).stdout
    )
    assert {row["code"] for row in found} >= {"AccessControlListNotSupported", "DstBucketObjectLockConfigMissing"}
    assert not buckets.keys(target)
    assert "copies cannot preserve" in home("seed", source, target, *copies, "--preserve", "acls", code=252).stderr
    assert (
        "only direct copies preserve acl"
        in home(
            "seed", source, target, "--operation", "copy", "--method", "batch", "--preserve", "acl", code=252
        ).stderr
    )
    dry = home("seed", source, target, *copies, "--versions", "--preserve", "redirect", "--dry-run").stdout
    assert "the missing versions, delete markers, redirect" in dry
    home("verify", source, target, "--versions", code=1)
    home("seed", source, target, *copies, "--versions", "--preserve", "redirect", "-q")
    (row,) = json.loads(home("verify", source, target, "--versions", "-o", "json").stdout)
    assert (row["objects"], row["missing"], row["different"], row["extra"]) == (4, 0, 0, 0)
    head = buckets.call("eu-west-1", "HeadObject", Bucket=target, Key="k")
    assert (head["ContentLength"], head["WebsiteRedirectLocation"]) == (2, "/there")
    assert buckets.keys(target) == ["k"]


def test_a_set_says_what_its_copies_carry(tmp_path, seed_aws, account, buckets):
    source, target = buckets.pair(versioned=False)
    buckets.call("us-east-1", "PutObject", Bucket=source, Key="k", Body=b"1", WebsiteRedirectLocation="/there")
    sets = f"""
[[replicate]]
name = "site"
pairs = [["{source}", "{target}"]]
operation = "copy"
method = "direct"
preserve = ["redirect"]
"""
    home = Home(tmp_path, seed_aws.url, account, sets)
    home("seed", "--set", "site", "-q")
    assert buckets.call("eu-west-1", "HeadObject", Bucket=target, Key="k")["WebsiteRedirectLocation"] == "/there"
