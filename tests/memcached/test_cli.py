"""`windlass memcached` in a process against a server: plans by default, exit codes, and recovery after kill -9."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import boto3
import pytest

import windlass as package
from tests.command import run_windlass, start_windlass
from tests.privilege import least_privilege

__all__ = ["least_privilege"]

ENV = {
    "PATH": os.environ["PATH"],
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONPATH": str(Path(package.__file__).parents[1]),
    "WINDLASS_LOCAL_CACHE_NODE_S": "0.1",
    "WINDLASS_MEMCACHED_POLL_S": "0.05",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aws")
    command = [sys.executable, "-m", "windlass", "local", "up", "--port", "0", "--no-populate", "--with-parent"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=ENV | {"HOME": str(folder)},
        ) as server,
    ):
        yield server.stdout.readline().strip()
        server.stdin.close()
        server.wait(20)


class Home:
    """A user's folder: a separate account, two regions."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.account = f"{uuid.uuid4().int % 10**12:012}"
        (folder / "windlass.toml").write_text(
            f'[estate]\nendpoint_url = "{url}"\nregions = ["us-east-1", "eu-west-1"]\naccounts = [{{ id = "{self.account}" }}]\n'
            f'[store]\nurl = "sqlite:///{folder}/w.db"\n'
        )
        self.env = ENV | {"HOME": str(folder)}

    def start(self, *words):
        return start_windlass(words, cwd=self.folder, env=self.env)

    def run(self, *words, code=0):
        completed = run_windlass(words, cwd=self.folder, env=self.env)
        assert "Traceback" not in completed.stderr, completed.stderr
        assert completed.returncode == code, (completed.returncode, completed.stdout, completed.stderr)
        return completed

    def memcached(self, *words, code=0):
        return self.run("memcached", *words, code=code)

    def json(self, *words):
        return json.loads(self.run(*words, "-o", "json").stdout)

    def api(self, region="us-east-1"):
        keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "x"}
        return boto3.client("elasticache", endpoint_url=self.url, region_name=region, **keys)

    def create(self, nodes, name="web", region="us-east-1", **more):
        api = self.api(region)
        api.create_cache_cluster(
            CacheClusterId=name, Engine="memcached", CacheNodeType="cache.t4g.micro", NumCacheNodes=nodes, **more
        )
        wait(lambda: self.show(name, region)["CacheClusterStatus"] == "available")
        api.close()

    def show(self, name="web", region="us-east-1"):
        api = self.api(region)
        (cluster,) = api.describe_cache_clusters(CacheClusterId=name, ShowCacheNodeInfo=True)["CacheClusters"]
        api.close()
        return cluster


def wait(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path, aws, least_privilege, sqlite_file):
    sqlite_file()
    least_privilege.watch(aws)
    return Home(tmp_path, aws)


def test_nothing_is_changed_without_yes(home):
    home.create(6)
    completed = home.memcached("scale", "web", "--to", "30", "--dry-run")
    assert "6 → 30 nodes" in completed.stdout
    assert "nothing was changed" in completed.stderr
    assert "no terminal" in home.memcached("delete", "web", code=252).stderr
    home.memcached("create", "new", "--nodes", "3", "--node-type", "cache.t4g.micro", "-r", "us-east-1", "--dry-run")
    assert home.show()["NumCacheNodes"] == 6
    assert [cluster["name"] for cluster in home.json("memcached", "list")] == ["web"]
    assert home.json("jobs", "list") == []


def test_the_life_of_a_cluster_with_more_than_twenty_nodes(home):
    home.memcached(
        "create",
        "web",
        "--nodes",
        "22",
        "--node-type",
        "cache.t4g.micro",
        "--zones",
        "us-east-1a,us-east-1b",
        "--tag",
        "team=web",
        "-r",
        "us-east-1",
        "--yes",
        "--watch",
    )
    (row,) = home.json("memcached", "list")
    assert (row["nodes"], row["quota"], row["status"], row["zones"]) == (
        22,
        60,
        "available",
        {"us-east-1a": 11, "us-east-1b": 11},
    )
    completed = home.memcached("scale", "web", "--to", "30", "--yes", "--watch")
    assert "30 nodes" in completed.stderr
    nodes = home.json("memcached", "nodes", "web")
    assert (len(nodes["nodes"]), nodes["config_version"]) == (30, 30)
    assert {node["error"] for node in nodes["nodes"]} == {""}
    home.memcached("scale", "web", "--to", "28", "--remove", "0007,0008", "--yes", "--watch")
    cluster = home.json("memcached", "show", "web")
    assert not {"0007", "0008"} & {node["node_id"] for node in cluster["members"]}
    assert abs(sum(node["key_share"] for node in cluster["members"]) - 1) < 1e-4
    home.memcached("delete", "web", "--yes", "--watch")
    assert home.json("memcached", "list") == []
    assert {job["status"] for job in home.json("jobs", "list")} == {"done"}


def test_a_change_over_the_quota_fails_before_the_call(home):
    home.create(1)
    completed = home.memcached("scale", "web", "--to", "61", "--yes", code=254)
    assert "exceed the quota of 60 nodes" in completed.stderr
    assert "request-service-quota-increase" in completed.stderr
    assert "more than 50 nodes" in completed.stdout
    assert home.json("jobs", "list") == []
    assert home.show()["CacheClusterStatus"] == "available"
    home.memcached(
        "create", "big", "--nodes", "61", "--node-type", "cache.t4g.micro", "-r", "us-east-1", "--yes", code=254
    )


def early(*case):
    """Return a case that fails before any call to AWS."""
    return pytest.param(*case, marks=pytest.mark.unproved("it ends before AWS is called"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", "nope"], 254, "no Memcached cluster"),
        (["nodes", "nope"], 254, "no Memcached cluster"),
        (["scale", "nope", "--to", "3"], 254, "no Memcached cluster"),
        (["delete", "nope", "--yes"], 254, "no Memcached cluster"),
        (["scale", "web", "--to", "0"], 252, "at least one node"),
        early(["scale", "web"], 252, "--to"),
        (["scale", "web", "--to", "2", "--remove", "0009"], 252, "no node 0009"),
        (["scale", "web", "--to", "1", "--remove", "0001"], 252, "names 1 nodes"),
        (["scale", "web", "--to", "1", "--step", "1", "--apply", "maintenance"], 252, "only the latest pending"),
        (["scale", "web", "--to", "1", "--pause", "5m"], 252, "--pause needs a --step"),
        early(["scale", "web", "--to", "1", "--pause", "soon"], 252, "not a duration"),
        early(["scale", "web", "--to", "1", "--apply", "maintenance", "--watch"], 252, "maintenance window"),
        early(["scale", "web", "--to", "1", "--apply", "later"], 252, "later"),
        (["create", "web", "--nodes", "1", "--node-type", "cache.t4g.micro", "-r", "us-east-1"], 254, "already exists"),
        early(["create", "new", "--nodes", "1", "--node-type", "cache.t4g.micro"], 252, "one account and one region"),
        (["create", "new", "--nodes", "1", "--node-type", "big", "-r", "us-east-1", "--yes"], 252, "not a node type"),
        early(
            ["create", "new", "--nodes", "1", "--node-type", "cache.t4g.micro", "-r", "us-east-1", "--tag", "x"],
            252,
            "not a tag",
        ),
        early(["list", "-a", "999999999999"], 253, "is not in the estate"),
    ],
)
def test_errors_have_a_hint_and_an_exit_code(home, words, code, says):
    home.create(3)
    completed = home.memcached(*words, code=code)
    assert says in completed.stderr
    assert "hint:" in completed.stderr
    assert home.show()["NumCacheNodes"] == 3


def test_a_name_in_two_regions_needs_a_region(home):
    home.create(1)
    home.create(2, region="eu-west-1")
    assert "--account and --region" in home.memcached("scale", "web", "--to", "3", code=252).stderr
    home.memcached("scale", "web", "--to", "3", "-r", "eu-west-1", "--yes", "--watch")
    assert (home.show()["NumCacheNodes"], home.show(region="eu-west-1")["NumCacheNodes"]) == (1, 3)


def test_the_present_number_of_nodes_changes_nothing(home):
    home.create(2)
    completed = home.memcached("scale", "web", "--to", "2", "--yes")
    assert "nothing to change" in completed.stdout
    assert home.json("jobs", "list") == []


def test_pending_changes_are_shown_replaced_and_cancelled(home):
    home.create(4)
    home.memcached("scale", "web", "--to", "3", "--apply", "maintenance", "--yes")
    (row,) = home.json("memcached", "list")
    assert row["pending"]["nodes"] == 3
    assert len(row["pending"]["remove"]) == 1
    assert "replaced" in home.memcached("scale", "web", "--to", "2", "--dry-run").stdout
    home.memcached("scale", "web", "--to", "4", "--yes", "--watch")
    assert home.json("memcached", "list")[0]["pending"] == {}
    home.memcached("scale", "web", "--to", "6", "--apply", "maintenance", "--yes")
    assert "cannot be lowered" in home.memcached("scale", "web", "--to", "5", "--yes", code=254).stderr


def test_an_unreadable_region_is_named_and_the_others_are_listed(home):
    import urllib.request

    home.create(1)
    rules = [
        {"kind": "access_denied", "service": "elasticache", "region": "eu-west-1", "account": home.account},
        {"kind": "access_denied", "service": "servicequotas", "account": home.account},
    ]
    request = urllib.request.Request(f"{home.url}/_windlass/faults", method="PUT", data=json.dumps(rules).encode())
    urllib.request.urlopen(request).close()
    try:
        completed = home.memcached("list", "-o", "json", code=1)
        assert [cluster["name"] for cluster in json.loads(completed.stdout)] == ["web"]
        assert json.loads(completed.stdout)[0]["quota_source"] == "unknown"
        assert "eu-west-1" in completed.stderr
        assert (
            "quotas could not be read"
            in home.memcached("scale", "web", "--to", "99", "-r", "us-east-1", "--dry-run").stdout
        )
    finally:
        urllib.request.urlopen(urllib.request.Request(f"{home.url}/_windlass/faults", method="DELETE")).close()


def test_a_job_killed_during_scale_in_can_be_resumed(home):
    home.create(12)
    process = home.start("memcached", "scale", "web", "--to", "4", "--step", "2", "--pause", "1s", "--yes")
    wait(lambda: home.show()["NumCacheNodes"] in (8, 10) and home.show()["CacheClusterStatus"] == "available")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    remaining = home.show()["NumCacheNodes"]
    assert remaining > 4
    (job,) = home.json("jobs", "list")
    assert (job["kind"], job["status"]) == ("memcached.change", "interrupted")
    completed = home.run("jobs", "resume", job["job_id"])
    assert "done" in completed.stdout
    web = home.show()
    assert web["NumCacheNodes"] == 4
    assert {node["CacheNodeStatus"] for node in web["CacheNodes"]} == {"available"}
    job_details = json.loads(home.run("jobs", "show", job["job_id"]).stdout)
    assert (job_details["status"], job_details["attempt"], job_details["done"]) == ("done", 2, 8)
    assert "it is done" in home.run("jobs", "resume", job["job_id"], code=254).stderr


def test_ctrl_c_and_a_cancel_of_another_process_stop_the_job(home):
    home.create(6)
    process = home.start("memcached", "scale", "web", "--to", "3", "--step", "1", "--pause", "60s", "--yes")
    wait(lambda: home.show()["NumCacheNodes"] == 5)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    (job,) = home.json("jobs", "list")
    assert job["status"] == "interrupted"
    process = home.start("jobs", "resume", job["job_id"])
    wait(lambda: home.json("jobs", "list")[0]["status"] == "running")
    home.run("jobs", "cancel", job["job_id"])
    process.wait(20)
    assert home.json("jobs", "list")[0]["status"] == "cancelled"
    assert home.show()["NumCacheNodes"] == 5
