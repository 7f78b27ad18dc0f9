"""Files of other programs become reports: Ansible, osquery, Systems Manager. The payloads have the shapes of their documentation."""

import json
from datetime import UTC, datetime

import pytest

from windlass.core.errors import NotFound, UsageError
from windlass.facts.files import read_files
from windlass.facts.model import Outcome, Section, SectionDelta
from windlass.facts.service import Facts
from windlass.facts.sources import ansible, osquery, ssm_files
from windlass.facts.sources.ssm_types import INVENTORY_TYPES, section_of

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
NODE = {
    "AgentType": "amazon-ssm-agent",
    "AgentVersion": "3.2.1478.0",
    "ComputerName": "ip-10-0-0-1.eu-west-1.compute.internal",
    "InstanceId": "i-0123456789abcdef0",
    "PlatformName": "Amazon Linux",
    "PlatformType": "Linux",
    "PlatformVersion": "2023",
}
OPENSSL = {
    "Name": "openssl",
    "ApplicationType": "Unspecified",
    "Publisher": "Amazon Linux",
    "Version": "3.0.8",
    "Release": "1.amzn2023.0.20",
    "Epoch": "1",
    "Architecture": "x86_64",
    "PackageId": "openssl-3.0.8-1.amzn2023.0.20.src.rpm",
}
CURL_DEB = {"Name": "curl", "Publisher": "Ubuntu Developers", "Version": "8.5.0-2ubuntu10", "Architecture": "x86_64"}


def sections(reports):
    return {section.name: section for report in reports for section in report.sections}


def test_every_section_of_the_declared_types_exists_and_has_its_columns():
    from windlass.facts.sections import shape_of

    for declared in INVENTORY_TYPES.values():
        shape = shape_of(declared.section)
        assert set(declared.columns) <= set(shape.columns), declared.name
        assert shape.label in declared.columns
    for table in osquery.TABLES.values():
        shape = shape_of(table.section)
        assert set(table.columns) <= set(shape.columns), table.name
        assert shape.label in table.columns


def test_get_inventory(store):
    item = {"CaptureTime": "2026-11-01T10:00:00Z", "SchemaVersion": "1.0"}
    entity = {
        "Id": "i-0123456789abcdef0",
        "Data": {
            "AWS:InstanceInformation": item | {"Content": [NODE]},
            "AWS:Application": item | {"Content": [OPENSSL]},
            "Custom:RackInfo": item | {"Content": [{"Rack": "7"}]},
            "AWS:BillingInfo": item | {"Content": [{"BillingProducts": "x"}]},
        },
    }
    facts = Facts(store, now=lambda: AT)
    facts.record(ssm_files.read("i.json", json.dumps({"Entities": [entity]}), AT))
    (host,) = facts.hosts()
    assert (host.name, host.platform) == (NODE["ComputerName"], "linux")
    assert [section.name for section in facts.sections(host.host_id)] == ["custom.rackinfo", "os", "packages.rpm"]
    assert facts.section(host.host_id, "packages.rpm").rows[0]["version"] == "1:3.0.8-1.amzn2023.0.20"
    assert facts.section(host.host_id, "os").observed_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_list_inventory_entries_and_a_file_of_a_resource_data_sync():
    answer = {
        "TypeName": "AWS:Application",
        "InstanceId": "i-0123456789abcdef0",
        "SchemaVersion": "1.1",
        "CaptureTime": "2026-11-01T10:00:00Z",
        "Entries": [CURL_DEB],
    }
    (report,) = ssm_files.read("x.json", json.dumps(answer), AT)
    assert report.sections[0].name == "packages.deb"
    key = "sync/AWS:Network/accountid=111122223333/region=eu-west-1/resourcetype=ManagedInstanceInventory/i-0123456789abcdef0.json"
    line = {
        "Name": "ens5",
        "MacAddress": "02:00",
        "IPV4": "10.0.0.1",
        "resourceId": "i-0123456789abcdef0",
        "captureTime": "2026-11-01T11:00:00Z",
    }
    (report,) = ssm_files.read(key, json.dumps(line) + "\n" + json.dumps(line | {"Name": "lo"}) + "\n", AT)
    assert (report.host.account_id, report.host.region) == ("111122223333", "eu-west-1")
    assert [row["name"] for row in report.sections[0].rows] == ["ens5", "lo"]
    assert report.observed_at == datetime(2026, 11, 1, 11, tzinfo=UTC)
    (report,) = ssm_files.read(key, "", AT)  # nothing is installed: that was read
    assert report.sections == (Section("interfaces", ()),)


@pytest.mark.parametrize(
    ("entries", "platform", "section"),
    [
        ([OPENSSL], "", "packages.rpm"),
        ([CURL_DEB], "", "packages.deb"),
        ([CURL_DEB], "Microsoft Windows Server 2022 Datacenter", "applications"),
        ([{"Name": "x", "Version": "1"}], "Ubuntu", "packages.deb"),
        ([{"Name": "x", "Version": "1"}], "", "applications"),
    ],
)
def test_the_platform_says_which_package_manager_it_is(entries, platform, section):
    assert section_of("AWS:Application", entries, platform=platform).name == section


def test_ansible():
    facts = {
        "ansible_hostname": "db-1",
        "ansible_fqdn": "db-1.example.com",
        "ansible_ec2_instance_id": "i-0123456789abcdef0",
        "ansible_ec2_placement_region": "eu-west-1",
        "ansible_system": "Linux",
        "ansible_kernel": "5.14.0",
        "ansible_architecture": "x86_64",
        "ansible_distribution": "CentOS",
        "ansible_distribution_version": "9",
        "ansible_date_time": {"epoch": "1793534400"},
        "ansible_processor": ["0", "GenuineIntel", "Intel(R) Xeon(R)"],
        "ansible_processor_vcpus": 2,
        "ansible_memtotal_mb": 1024,
        "ansible_mounts": [
            {"mount": "/", "device": "/dev/nvme0n1p1", "fstype": "xfs", "size_total": 8589934592, "size_available": 5}
        ],
        "ansible_interfaces": ["lo", "eth0"],
        "ansible_eth0": {
            "macaddress": "02:00",
            "mtu": 9001,
            "ipv4": {"address": "10.0.0.2", "netmask": "255.255.255.0"},
        },
        "packages": {
            "openssl": [
                {
                    "name": "openssl",
                    "version": "3.0.7",
                    "release": "27.el9",
                    "epoch": 1,
                    "arch": "x86_64",
                    "source": "rpm",
                }
            ]
        },
        "services": {
            "sshd.service": {"name": "sshd.service", "state": "running", "status": "enabled", "source": "systemd"}
        },
        "getent_passwd": {"root": ["x", "0", "0", "root", "/root", "/bin/bash"]},
    }
    (report,) = ansible.read("db-1", json.dumps({"ansible_facts": facts, "changed": False}), AT)
    read = sections([report])
    assert report.observed_at == datetime.fromtimestamp(1793534400, UTC)
    assert (report.host.host_id, report.host.name, report.host.region) == (
        "i-0123456789abcdef0",
        "db-1.example.com",
        "eu-west-1",
    )
    assert read["packages.rpm"].rows == ({"name": "openssl", "version": "1:3.0.7-27.el9", "arch": "x86_64"},)
    assert read["cpu"].rows[0]["brand"] == "Intel(R) Xeon(R)"
    assert read["users"].rows[0] == {
        "name": "root",
        "uid": "0",
        "gid": "0",
        "description": "root",
        "home": "/root",
        "shell": "/bin/bash",
    }
    assert "size_available" not in read["mounts"].rows[0]
    assert "packages.deb" not in read
    (bare,) = ansible.read("x", json.dumps({"ansible_hostname": "x", "ansible_kernel": "6"}), AT)
    assert set(sections([bare])) == {"kernel"}  # what was not gathered stays unknown


def test_osquery_snapshots_and_differences(store):
    common = {"hostIdentifier": "HOST-1", "calendarTime": "…", "epoch": 0, "decorations": {"hostname": "laptop"}}
    package = {"name": "openssl", "version": "3.0.13", "arch": "amd64"}
    lines = [
        common
        | {"name": "pack_it_deb_packages", "unixTime": 1793534400, "counter": 0, "action": "added", "columns": package},
        common
        | {
            "name": "pack_it_deb_packages",
            "unixTime": 1793534400,
            "counter": 0,
            "action": "added",
            "columns": package | {"name": "curl"},
        },
        common
        | {
            "name": "pack_it_deb_packages",
            "unixTime": 1793538000,
            "counter": 1,
            "diffResults": {"added": [package | {"version": "3.0.14"}], "removed": [package]},
        },
        common
        | {
            "name": "windlass_listening_ports",
            "unixTime": 1793538000,
            "snapshot": [{"port": "22", "protocol": "tcp"}],
            "action": "snapshot",
        },
        common
        | {"name": "somebody_elses_query", "unixTime": 1793538000, "snapshot": [{"a": "b"}], "action": "snapshot"},
    ]
    reports = list(osquery.read("log", "\n".join(map(json.dumps, lines)), AT))
    assert [type(report.sections[0]) for report in reports] == [Section, SectionDelta, Section]
    facts = Facts(store, now=lambda: datetime(2027, 1, 1, tzinfo=UTC))
    assert {result.outcome for result in facts.record(reports)} == {Outcome.CHANGED}
    rows = facts.section("host-1", "packages.deb").rows
    assert {row["name"]: row["version"] for row in rows} == {"openssl": "3.0.14", "curl": "3.0.13"}
    assert facts.section("laptop", "listening_ports").rows == ({"port": "22", "protocol": "tcp"},)


def test_files_that_are_wrong_are_named(tmp_path):
    (tmp_path / "cut.json").write_text('{"a": 1}\n{"b"')
    (tmp_path / "other.json").write_text('{"a": 1}')
    for source, name, message in (
        ("osquery", "cut.json", "line 2 is not JSON"),
        ("osquery", "other.json", "no results log"),
        ("ssm", "other.json", "no inventory"),
        ("ansible", "other.json", "no facts of Ansible"),
        ("ansibel", "other.json", "'ansibel'"),
    ):
        with pytest.raises(UsageError, match=message):
            read_files(source, [tmp_path / name])
    with pytest.raises(NotFound):
        read_files("ssm", [tmp_path / "missing"])
