"""ElastiCache for Memcached with plain boto3: clusters that live over time, and nodes that are real servers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

import windlass_local
from windlass_local.elasticache.cluster import Cluster, far_window
from windlass_local.services import elasticache as service

REGION = "us-east-1"
QUICK_S = 0.05


@pytest.fixture
def quick():
    """Nodes that take a twentieth of a second, for this test."""
    before, service.CACHE_TIMING.node_s = service.CACHE_TIMING.node_s, QUICK_S
    yield service.CACHE_TIMING
    service.CACHE_TIMING.node_s = before


class Caches:
    """ElastiCache in an account of its own."""

    def __init__(self, aws):
        self.account = f"{uuid.uuid4().int % 10**12:012}"
        self.api = aws("elasticache", region=REGION, account=self.account)
        self.quotas = aws("service-quotas", region=REGION, account=self.account)

    def create(self, name="web", nodes=3, **more):
        asked = {"Engine": "memcached", "CacheNodeType": "cache.t4g.micro", "NumCacheNodes": nodes} | more
        return self.api.create_cache_cluster(CacheClusterId=name, **asked)["CacheCluster"]

    def ready(self, name="web", nodes=3, **more):
        self.create(name, nodes, **more)
        return self.until(name)

    def show(self, name="web"):
        (found,) = self.api.describe_cache_clusters(CacheClusterId=name, ShowCacheNodeInfo=True)["CacheClusters"]
        return found

    def until(self, name="web", status="available"):
        deadline = time.monotonic() + 20
        while (found := self.show(name))["CacheClusterStatus"] != status:
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        return found

    def modify(self, name="web", now=True, **asked):
        return self.api.modify_cache_cluster(CacheClusterId=name, ApplyImmediately=now, **asked)["CacheCluster"]

    def refused(self, code, call, **asked):
        with pytest.raises(ClientError) as caught:
            call(**asked)
        assert caught.value.response["Error"]["Code"] == code, caught.value
        return caught.value.response["Error"]["Message"]


@pytest.fixture
def caches(aws, quick):
    return Caches(aws)


def talk(port, *commands):
    """What a server says to each command, waiting for its answer."""
    said = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for command, end in commands:
            line.sendall(command)
            data = b""
            while not data.endswith(end):
                block = line.recv(65536)
                if not block:
                    break
                data += block
            said.append(data)
    return said


def ids(cluster):
    return [node["CacheNodeId"] for node in cluster["CacheNodes"]]


def test_a_cluster_is_created_and_has_nodes_one_can_talk_to(caches):
    made = caches.create("Web", 3, AZMode="cross-az")
    assert (made["CacheClusterId"], made["CacheClusterStatus"], made["NumCacheNodes"]) == ("web", "creating", 3)
    assert "ConfigurationEndpoint" not in made
    web = caches.until()
    assert ids(web) == ["0001", "0002", "0003"]
    assert len({node["CustomerAvailabilityZone"] for node in web["CacheNodes"]}) == 3
    assert web["PreferredAvailabilityZone"] == "Multiple"
    first, second = (node["Endpoint"]["Port"] for node in web["CacheNodes"][:2])
    assert (
        talk(first, (b"set a 0 0 2\r\nhi\r\n", b"STORED\r\n"), (b"get a\r\n", b"END\r\n"))[1]
        == b"VALUE a 0 2\r\nhi\r\nEND\r\n"
    )
    assert talk(second, (b"get a\r\n", b"END\r\n")) == [b"END\r\n"], "each node is a server of its own"
    assert "CacheNodes" not in caches.api.describe_cache_clusters()["CacheClusters"][0]


def test_auto_discovery_counts_every_change_and_every_node_tells_it(caches):
    web = caches.ready("web", 2)
    ports = [web["ConfigurationEndpoint"]["Port"], *(node["Endpoint"]["Port"] for node in web["CacheNodes"])]
    (reply,) = {talk(port, (b"config get cluster\r\n", b"END\r\n"))[0] for port in ports}
    head, body, *_ = reply.split(b"\r\n")
    version, nodes, _ = body.split(b"\n")
    assert (head, version) == (b"CONFIG cluster 0 %d" % len(body), b"2")
    assert nodes.split() == [b"127.0.0.1|127.0.0.1|%d" % port for port in ports[1:]]
    caches.modify(NumCacheNodes=5)
    caches.until()
    caches.modify(NumCacheNodes=4, CacheNodeIdsToRemove=["0002"])
    caches.until()
    assert talk(ports[0], (b"config get cluster\r\n", b"END\r\n"))[0].split(b"\n")[1].strip() == b"6", (
        "three came, one went"
    )
    assert talk(ports[0], (b"version\r\n", b"\r\n"))[0].startswith(b"VERSION 1.")
    assert b"STAT get_hits" in talk(ports[0], (b"stats\r\n", b"END\r\n"))[0]


def test_an_old_engine_keeps_its_configuration_under_a_key(caches):
    web = caches.ready("old", 1, EngineVersion="1.4.5")
    port = web["ConfigurationEndpoint"]["Port"]
    assert talk(port, (b"config get cluster\r\n", b"\r\n")) == [b"ERROR\r\n"]
    assert talk(port, (b"get AmazonElastiCache:cluster\r\n", b"END\r\n"))[0].startswith(
        b"VALUE AmazonElastiCache:cluster 0 "
    )


def test_nodes_come_and_go_over_time(caches, quick):
    caches.ready("web", 3)
    quick.node_s = 3600
    assert caches.modify(NumCacheNodes=5)["CacheClusterStatus"] == "modifying"
    web = caches.show()
    assert [node["CacheNodeStatus"] for node in web["CacheNodes"]] == ["available"] * 3 + ["creating"] * 2
    assert "Endpoint" not in web["CacheNodes"][-1]
    message = caches.refused("InvalidCacheClusterState", caches.modify, NumCacheNodes=6)
    assert "not in available state" in message


def test_a_removed_node_is_gone_and_its_port_closed(caches):
    web = caches.ready("web", 3)
    gone = web["CacheNodes"][1]["Endpoint"]["Port"]
    caches.modify(NumCacheNodes=2, CacheNodeIdsToRemove=["0002"])
    assert ids(caches.until()) == ["0001", "0003"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gone), timeout=5)


def test_a_reboot_empties_a_node_and_keeps_its_address(caches):
    web = caches.ready("web", 2)
    port = web["CacheNodes"][0]["Endpoint"]["Port"]
    talk(port, (b"set a 0 0 1\r\nx\r\n", b"STORED\r\n"))
    status = caches.api.reboot_cache_cluster(CacheClusterId="web", CacheNodeIdsToReboot=["0001"])["CacheCluster"][
        "CacheClusterStatus"
    ]
    assert status == "rebooting cluster nodes"
    web = caches.until()
    assert web["CacheNodes"][0]["Endpoint"]["Port"] == port
    assert talk(port, (b"get a\r\n", b"END\r\n")) == [b"END\r\n"]


def test_a_window_nobody_chose_is_days_away_whenever_the_cluster_is_made():
    for hour in range(7 * 24):
        made = 1_764_000_000 + hour * 3600
        cluster = SimpleNamespace(window=far_window(made))
        inside = [ahead for ahead in range(7 * 24) if Cluster.in_window(cluster, made + ahead * 3600)]
        assert len(inside) == 1
        assert 48 <= inside[0] <= 4 * 24, cluster.window


def test_what_is_not_applied_at_once_waits_for_the_window(caches):
    caches.ready("web", 3)
    waiting = caches.modify(now=False, NumCacheNodes=1, CacheNodeIdsToRemove=["0002", "0003"])
    assert waiting["PendingModifiedValues"] == {"NumCacheNodes": 1, "CacheNodeIdsToRemove": ["0002", "0003"]}
    assert waiting["CacheClusterStatus"] == "available"
    assert caches.modify(now=False, NumCacheNodes=3)["PendingModifiedValues"] == {}, "as many as there are: cancelled"
    caches.modify(now=False, NumCacheNodes=5)
    assert caches.modify(now=False, NumCacheNodes=6)["PendingModifiedValues"] == {"NumCacheNodes": 6}
    caches.refused("InvalidParameterCombination", caches.modify, now=False, NumCacheNodes=4)
    today, tomorrow = (time.strftime("%a", time.gmtime(time.time() + away)).lower() for away in (0, 86400))
    caches.modify(now=False, PreferredMaintenanceWindow=f"{today}:00:00-{tomorrow}:23:59")
    deadline = time.monotonic() + 20
    while len(caches.show()["CacheNodes"]) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("InvalidParameterCombination", {"NumCacheNodes": 2}),
        ("InvalidParameterCombination", {"NumCacheNodes": 2, "CacheNodeIdsToRemove": ["0001", "0002"]}),
        ("InvalidParameterValue", {"NumCacheNodes": 2, "CacheNodeIdsToRemove": ["0009"]}),
        ("InvalidParameterCombination", {"NumCacheNodes": 4, "CacheNodeIdsToRemove": ["0001"]}),
        ("InvalidParameterCombination", {"NumCacheNodes": 5, "NewAvailabilityZones": ["us-east-1a"]}),
        ("InvalidParameterValue", {"NumCacheNodes": 4, "NewAvailabilityZones": ["eu-west-1a"]}),
        (
            "InvalidParameterCombination",
            {"NumCacheNodes": 4, "NewAvailabilityZones": ["us-east-1b"], "AZMode": "single-az"},
        ),
        ("InvalidParameterValue", {"NumCacheNodes": 0, "CacheNodeIdsToRemove": ["0001", "0002", "0003"]}),
        ("NodeQuotaForClusterExceeded", {"NumCacheNodes": 61}),
        ("CacheParameterGroupNotFound", {"CacheParameterGroupName": "nope"}),
        ("InvalidParameterCombination", {"EngineVersion": "1.4.5"}),
        ("InvalidParameterValue", {"EngineVersion": "9.9"}),
        ("InvalidParameterCombination", {"CacheNodeType": "cache.r7g.large"}),
    ],
)
def test_a_change_that_aws_refuses_is_refused(caches, code, asked):
    caches.ready("web", 3, PreferredAvailabilityZone="us-east-1a")
    caches.refused(code, caches.modify, **asked)
    assert ids(caches.show()) == ["0001", "0002", "0003"]


def test_the_refusal_of_a_removal_is_worded_as_awss(caches):
    caches.ready("web", 2)
    assert caches.refused("InvalidParameterCombination", caches.modify, NumCacheNodes=1) == (
        "The number of CacheNodeIdsToRemove must match the number of nodes you are trying to remove, current number of "
        "cache nodes is 2, requested number of cache nodes is 1 and CacheNodeIdsToRemove supplied are 0"
    )


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("InvalidParameterValue", {"CacheNodeType": "big"}),
        ("InvalidParameterValue", {"CacheClusterId": "1web"}),
        ("InvalidParameterValue", {"CacheClusterId": "we--b"}),
        ("InvalidParameterValue", {"CacheClusterId": "web-"}),
        ("InvalidParameterValue", {"CacheClusterId": "w" * 51}),
        ("NodeQuotaForClusterExceeded", {"NumCacheNodes": 61}),
        ("CacheSubnetGroupNotFoundFault", {"CacheSubnetGroupName": "nope"}),
        ("CacheParameterGroupNotFound", {"CacheParameterGroupName": "nope"}),
        ("InvalidParameterCombination", {"NumCacheNodes": 3, "PreferredAvailabilityZones": ["us-east-1a"]}),
        ("InvalidParameterCombination", {"NumCacheNodes": 1, "AZMode": "cross-az"}),
        ("InvalidParameterValue", {"EngineVersion": "2.0"}),
        ("CacheClusterAlreadyExists", {"CacheClusterId": "taken"}),
    ],
)
def test_a_creation_that_aws_refuses_is_refused(caches, code, asked):
    caches.create("taken", 1)
    base = {"CacheClusterId": "web", "Engine": "memcached", "CacheNodeType": "cache.t4g.micro", "NumCacheNodes": 1}
    caches.refused(code, caches.api.create_cache_cluster, **(base | asked))


def test_quotas_are_counted_over_the_region_and_raised_by_request(caches):
    caches.ready("one", 60)
    for number in range(4):
        caches.create(f"more{number}", 60)
    caches.refused("NodeQuotaForCustomerExceeded", caches.create, name="last", nodes=1)
    listed = {
        quota["QuotaName"]: quota["Value"]
        for quota in caches.quotas.list_service_quotas(ServiceCode="elasticache")["Quotas"]
    }
    assert listed["Nodes per cluster (Memcached)"] == 60
    code = {"ServiceCode": "elasticache", "QuotaCode": "L-8C334AD1"}
    asked = caches.quotas.request_service_quota_increase(**code, DesiredValue=80)["RequestedQuota"]
    assert asked["Status"] == "PENDING"
    caches.refused(
        "ResourceAlreadyExistsException", caches.quotas.request_service_quota_increase, **code, DesiredValue=90
    )
    deadline = time.monotonic() + 20
    while (
        caches.quotas.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"]["Status"]
        != "APPROVED"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert caches.quotas.get_service_quota(**code)["Quota"]["Value"] == 80
    assert caches.quotas.get_aws_default_service_quota(**code)["Quota"]["Value"] == 60
    caches.refused("IllegalArgumentException", caches.quotas.request_service_quota_increase, **code, DesiredValue=70)
    caches.refused(
        "NoSuchResourceException", caches.quotas.get_service_quota, ServiceCode="elasticache", QuotaCode="L-0"
    )
    pages = caches.quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode="elasticache", PaginationConfig={"PageSize": 4}
    )
    assert [len(page["Quotas"]) for page in pages] == [4, 2]


def test_redis_stays_motos_and_both_are_listed_in_pages(caches):
    caches.api.create_cache_cluster(
        CacheClusterId="carts", Engine="redis", CacheNodeType="cache.t4g.micro", NumCacheNodes=1
    )
    for number in range(21):
        caches.create(f"mem{number:02}", 1)
    pages = list(caches.api.get_paginator("describe_cache_clusters").paginate(PaginationConfig={"PageSize": 20}))
    names = [cache_cluster["CacheClusterId"] for page in pages for cache_cluster in page["CacheClusters"]]
    assert [len(page["CacheClusters"]) for page in pages] == [20, 2]
    assert names == sorted([*(f"mem{number:02}" for number in range(21)), "carts"])
    (carts,) = caches.api.describe_cache_clusters(CacheClusterId="carts")["CacheClusters"]
    assert carts["Engine"] == "redis"
    caches.refused("NotImplemented", caches.api.modify_cache_cluster, CacheClusterId="carts", ApplyImmediately=True)
    caches.refused("CacheClusterNotFound", caches.api.describe_cache_clusters, CacheClusterId="nope")
    caches.refused("CacheClusterAlreadyExists", caches.create, name="carts")


def test_tags_parameter_groups_and_deletion(caches):
    group = {"CacheParameterGroupName": "big", "CacheParameterGroupFamily": "memcached1.6", "Description": "x"}
    caches.api.create_cache_parameter_group(**group)
    web = caches.ready("web", 1, CacheParameterGroupName="big", Tags=[{"Key": "team", "Value": "web"}])
    assert web["CacheParameterGroup"]["CacheParameterGroupName"] == "big"
    assert caches.api.list_tags_for_resource(ResourceName=web["ARN"])["TagList"] == [{"Key": "team", "Value": "web"}]
    caches.refused(
        "InvalidCacheParameterGroupState", caches.api.delete_cache_parameter_group, CacheParameterGroupName="big"
    )
    assert caches.api.delete_cache_cluster(CacheClusterId="web")["CacheCluster"]["CacheClusterStatus"] == "deleting"
    deadline = time.monotonic() + 20
    while caches.api.describe_cache_clusters()["CacheClusters"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    caches.api.delete_cache_parameter_group(CacheParameterGroupName="big")
    assert caches.api.describe_cache_parameter_groups()["CacheParameterGroups"] == []


def test_nothing_runs_until_somebody_connects(caches, local_aws):
    import json
    import urllib.request

    web = caches.ready("web", 30)
    page = f"{local_aws.url}/_windlass/memcached/{caches.account}/{REGION}/web"

    def servers():
        with urllib.request.urlopen(page) as answer:
            return [node["server"] for node in json.load(answer)["nodes"] if node["server"]]

    assert servers() == []
    talk(web["CacheNodes"][7]["Endpoint"]["Port"], (b"version\r\n", b"\r\n"))
    assert servers() == ["memcached" if shutil.which("memcached") else "memory"]


@pytest.mark.skipif(
    not shutil.which("memcached") or not Path("/proc").exists(), reason="needs the memcached program and /proc"
)
@pytest.mark.parametrize("how", ["kill -9", "end of its parent"])
def test_no_server_outlives_the_embedded_aws(tmp_path, how):
    command = [sys.executable, "-m", "windlass_local", "up", "--port", "0", "--no-populate", "--until-stdin-closes"]
    command += ["--cache-node-s", "0"]
    env = {
        "PYTHONPATH": str(Path(windlass_local.__file__).parents[1]),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as local:
        url = local.stdout.readline().strip()
        keys = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "x"}
        api = boto3.client("elasticache", endpoint_url=url, region_name=REGION, **keys)
        api.create_cache_cluster(
            CacheClusterId="web", Engine="memcached", CacheNodeType="cache.t4g.micro", NumCacheNodes=3
        )
        (web,) = api.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        for node in web["CacheNodes"]:
            talk(node["Endpoint"]["Port"], (b"version\r\n", b"\r\n"))
        assert len(running(tmp_path)) == 3
        if how == "kill -9":
            os.kill(local.pid, signal.SIGKILL)
        else:
            local.stdin.close()
        local.wait(20)
    deadline = time.monotonic() + 20
    while running(tmp_path):
        assert time.monotonic() < deadline, running(tmp_path)
        time.sleep(0.05)
    api.close()


def running(folder):
    """The command lines of living processes that use this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"memcached") and any(str(folder).encode() in word for word in words):
            found.append(words)
    return found
