"""Facts by Systems Manager's API: nodes of the embedded AWS, unread types, failed calls, and the command."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from tests.command import run_windlass
from windlass.core.errors import AccessDenied
from windlass.facts.collection import FactsCollection
from windlass.facts.model import Outcome
from windlass.facts.service import Facts
from windlass_local.server import LocalServer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PINGED = NOW - timedelta(minutes=3)
SCANNED = NOW - timedelta(hours=5)
LINUX, WINDOWS = "i-0000000000000000a", "i-0000000000000000b"
CAPTURED = "2026-11-01T10:00:00Z"
TYPES = ("AWS:Application", "AWS:InstanceInformation", "AWS:Network", "AWS:WindowsUpdate", "AWS:Tag", "Custom:Rack")
PATCH_STATE = {
    "BaselineId": "pb-1",
    "Operation": "Scan",
    "InstalledCount": 1,
    "MissingCount": 0,
    "OperationEndTime": SCANNED,
}
COMPLIANCE = [{"ComplianceType": "Association", "Id": "a-1", "Status": "COMPLIANT"}]


def information(node_id, platform, name):
    return {
        "InstanceId": node_id,
        "ComputerName": name,
        "PlatformName": platform,
        "PlatformType": "Windows" if "Windows" in platform else "Linux",
        "PlatformVersion": "1",
        "LastPingDateTime": PINGED,
    }


class Account:
    id = "111111111111"


class Caller:
    """Answers as SSM does. `inventory` has the pages of (node, type), `refused` the operations that fail."""

    def __init__(self):
        self.calls = Counter()
        self.refused = set()
        self.inventory = {}
        self.patches = {}

    def accounts(self):
        return (Account(),)

    def regions(self, account_id):
        return ("us-east-1", "eu-west-1")

    def pages(self, account_id, region, service, operation, /, **params):
        self.calls[operation] += 1
        if operation in self.refused or (operation, params.get("TypeName")) in self.refused:
            raise AccessDenied(f"no {operation}", hint="")
        yield from self.answers(region, operation, params)

    def answers(self, region, operation, params):
        if operation == "DescribeInstanceInformation":
            rows = [information(LINUX, "Ubuntu", "web"), information(WINDOWS, "Microsoft Windows Server 2022", "files")]
            return [{"InstanceInformationList": rows if region == "us-east-1" else []}]
        if operation == "GetInventorySchema":
            return [{"Schemas": [{"TypeName": name} for name in TYPES]}]
        if operation == "ListInventoryEntries":
            return self.inventory.get((params["InstanceId"], params["TypeName"]), [{"Entries": []}])
        if operation == "DescribeInstancePatchStates":
            scanned = [each for each in params["InstanceIds"] if each in self.patches]
            return [{"InstancePatchStates": [PATCH_STATE | {"InstanceId": each} for each in scanned]}]
        if operation == "DescribeInstancePatches":
            return [{"Patches": self.patches[params["InstanceId"]]}]
        assert (operation, params["ResourceTypes"]) == ("ListComplianceItems", ["ManagedInstance"])
        return [{"ComplianceItems": COMPLIANCE if params["ResourceIds"] == [LINUX] else []}]


def package(name, version="1"):
    return {"Name": name, "Version": version, "Publisher": "Ubuntu Developers"}


@pytest.fixture
def caller():
    caller = Caller()
    pages = [
        {"CaptureTime": CAPTURED, "Entries": [package("curl")]},
        {"CaptureTime": CAPTURED, "Entries": [package("jq")]},
    ]
    caller.inventory[LINUX, "AWS:Application"] = pages
    caller.inventory[LINUX, "Custom:Rack"] = [{"CaptureTime": CAPTURED, "Entries": [{"Row": "7"}]}]
    caller.inventory[WINDOWS, "AWS:WindowsUpdate"] = [{"CaptureTime": CAPTURED, "Entries": [{"HotFixId": "KB1"}]}]
    never = datetime(1970, 1, 1, tzinfo=UTC)
    caller.patches[LINUX] = [{"KBId": "openssl.x86_64", "Title": "openssl", "State": "Missing", "InstalledTime": never}]
    caller.patches[WINDOWS] = [{"KBId": "KB2", "Title": "Update", "State": "Missing", "InstalledTime": never}]
    return caller


@pytest.fixture
def facts(store):
    return Facts(store, now=lambda: NOW)


@pytest.fixture
def collection(facts, caller):
    return FactsCollection(lambda: caller, facts.record, now=lambda: NOW)


def names(facts, host_id):
    return {section.name for section in facts.sections(host_id)}


def test_all_that_systems_manager_knows_of_a_node_becomes_sections(collection, facts):
    result = collection.collect()
    assert (result.nodes, result.failures) == (2, {})
    assert names(facts, LINUX) == {"os", "packages.deb", "custom.rack", "patches", "patch_state", "compliance"}
    assert [row["name"] for row in facts.section(LINUX, "packages.deb").rows] == ["curl", "jq"]
    host = facts.host(LINUX)
    assert (host.name, host.platform, host.account_id, host.region) == (
        "web",
        "linux",
        "111111111111",
        "us-east-1",
    ) or (host.platform == "ubuntu")
    observed = {section.name: section.observed_at for section in facts.sections(LINUX)}
    assert observed["packages.deb"] == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (observed["os"], observed["patches"], observed["compliance"]) == (PINGED, SCANNED, NOW)
    (patch,) = facts.section(LINUX, "patches").rows
    assert patch == {"id": "openssl.x86_64", "title": "openssl", "state": "Missing"}
    assert facts.section(LINUX, "patch_state").rows[0]["missing"] == "0"


def test_a_type_that_was_never_gathered_is_unknown(collection, facts):
    collection.collect()
    assert "interfaces" not in names(facts, LINUX)
    assert names(facts, WINDOWS) == {"os", "patches", "patch_state"}
    assert {"web", "files"} == {host.name for host in facts.hosts()}
    assert [host.name for host in facts.hosts_with_unknown_packages()] == ["files"]


def test_windows_has_its_updates_as_patches(collection, facts, caller):
    collection.collect()
    assert [row["id"] for row in facts.section(WINDOWS, "patches").rows] == ["KB1"]
    assert caller.calls["DescribeInstancePatches"] == 1


def test_a_second_collection_changes_nothing(collection):
    collection.collect()
    outcomes = {result.outcome for result in collection.collect().sections}
    assert outcomes <= {Outcome.UNCHANGED, Outcome.OLDER}


def test_a_failed_call_leaves_its_sections_as_they_were_and_the_others_are_read(collection, facts, caller):
    collection.collect()
    caller.refused = {("ListInventoryEntries", "AWS:Application"), "DescribeInstancePatchStates"}
    caller.inventory[LINUX, "Custom:Rack"] = [{"CaptureTime": "2026-11-01T11:00:00Z", "Entries": [{"Row": "8"}]}]
    result = collection.collect()
    assert set(result.failures) == {
        "111111111111 us-east-1 ListInventoryEntries AWS:Application",
        "111111111111 us-east-1 DescribeInstancePatchStates",
    }
    assert facts.section(LINUX, "custom.rack").rows == ({"Row": "8"},)
    assert len(facts.section(LINUX, "packages.deb").rows) == 2
    assert facts.section(LINUX, "patches").count == 1


def test_a_region_that_cannot_be_listed_is_a_failure(collection, facts, caller):
    caller.refused = {"DescribeInstanceInformation"}
    result = collection.collect()
    assert result.nodes == 0
    assert len(result.failures) == 2
    assert facts.hosts() == ()


def test_a_malformed_row_costs_its_own_section_only(collection, facts, caller):
    caller.inventory[LINUX, "AWS:Network"] = [{"CaptureTime": CAPTURED, "Entries": [{"MacAddress": "no name"}]}]
    result = collection.collect()
    assert list(result.failures) == [f"{LINUX} interfaces"]
    assert "packages.deb" in names(facts, LINUX)


def test_accounts_and_regions_narrow_it(collection, caller):
    assert collection.collect(regions=["eu-west-1"]).nodes == 0
    assert collection.collect(accounts=["222222222222"]).nodes == 0
    assert caller.calls["DescribeInstanceInformation"] == 1
    nodes, _ = collection.nodes(regions=["us-east-1"])
    assert [node.host.host_id for node in nodes] == [LINUX, WINDOWS]


def test_the_command_on_the_embedded_aws(tmp_path):
    with LocalServer() as server:
        keys = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "windlass-local"}
        clients = [
            boto3.client(name, endpoint_url=server.url, region_name="us-east-1", **keys) for name in ("ec2", "ssm")
        ]
        ec2, ssm = clients
        instance = ec2.run_instances(ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1)["Instances"][0][
            "InstanceId"
        ]
        content = {
            "AWS:InstanceInformation": [{"ComputerName": "web", "PlatformName": "Ubuntu", "PlatformType": "Linux"}],
            "AWS:Application": [package(f"package-{number}") for number in range(120)],
        }
        items = [
            {"TypeName": name, "SchemaVersion": "1.0", "CaptureTime": CAPTURED, "Content": entries}
            for name, entries in content.items()
        ]
        ssm.put_inventory(InstanceId=instance, Items=items)
        (tmp_path / "windlass.toml").write_text(
            f'[estate]\nendpoint_url = "{server.url}"\nregions = ["us-east-1"]\naccounts = [{{ id = "111111111111" }}]\n'
            f'[store]\nurl = "sqlite:///{tmp_path}/w.db"\n'
        )
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        planned = run_windlass(["facts", "collect", "--dry-run", "-o", "json"], cwd=tmp_path, env=environment)
        assert [row["host_id"] for row in json.loads(planned.stdout)] == [instance]
        done = run_windlass(["facts", "collect", "-q", "-o", "json"], cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        rows = {row["section"]: row for row in json.loads(done.stdout)}
        assert (rows["packages.deb"]["outcome"], rows["packages.deb"]["added"]) == ("changed", 120)
        for client in clients:
            client.close()
