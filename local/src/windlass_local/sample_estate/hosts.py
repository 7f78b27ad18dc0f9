"""What the agents of Systems Manager report on some of the machines. The others have no agent, so that nothing is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.host_packages import OUTDATED_RPM, RPM, UBUNTU_22, UBUNTU_24
from windlass_local.sample_estate.plan import TEAMS, Workload

__all__ = ["build_host", "is_managed"]

Entries = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class _System:
    name: str
    version: str
    kernel: str
    packages: str
    publisher: str

    @property
    def is_rpm(self) -> bool:
        return self.publisher == "Amazon Linux"


_DEBIAN = "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"
_AMAZON = _System("Amazon Linux", "2023", "6.1.115-126.197.amzn2023.x86_64", RPM, "Amazon Linux")
_SYSTEMS = {
    "web": _System("Ubuntu", "24.04", "6.8.0-1021-aws", UBUNTU_24, _DEBIAN),
    "data": _System("Ubuntu", "22.04", "6.8.0-1021-aws", UBUNTU_22, _DEBIAN),
    "payments": _AMAZON,
    "platform": _AMAZON,
}
_OUTDATED_KERNEL = "6.1.19-30.43.amzn2023.x86_64"


def is_managed(work: Workload) -> bool:
    """True when the workload's first machine has the agent: one service a team in production, and one machine in development."""
    if work.account_id == "111111111111":
        return work.team in _SYSTEMS and work.service == TEAMS[work.team][0]
    return _is_outdated(work)


def build_host(estate_region: EstateRegion, work: Workload, instance: dict[str, Any]) -> None:
    """Report the inventory, patches and compliance of a workload's machine."""
    ssm, system, now = estate_region.client("ssm"), _SYSTEMS[work.team], datetime.now(UTC)
    packages = list(_packages(system, is_outdated=_is_outdated(work)))
    missing = [package for package in packages if _is_outdated(work) and package["Name"] in OUTDATED_RPM]
    content: dict[str, tuple[str, Entries]] = {
        "AWS:InstanceInformation": ("1.0", [_information(work, system, instance)]),
        "AWS:Application": ("1.1", packages),
        "AWS:AWSComponent": ("1.0", [_component()]),
        "AWS:InstanceDetailedInformation": ("1.0", [_processor()]),
        "AWS:Network": ("1.0", [_network(instance)]),
        "Custom:Kernel": ("1.0", [{"Release": _OUTDATED_KERNEL if _is_outdated(work) else system.kernel}]),
        "AWS:PatchSummary": ("1.0", [_patch_summary(len(packages), len(missing), now)]),
        "AWS:PatchCompliance": ("1.0", [_patch(package, now, is_missing=package in missing) for package in packages]),
    }
    captured_at = _time(now)
    items = [
        {"TypeName": name, "SchemaVersion": version, "CaptureTime": captured_at, "Content": entries}
        for name, (version, entries) in content.items()
    ]
    estate_region.make("ssm.managed-instance", ssm.put_inventory, InstanceId=instance["InstanceId"], Items=items)
    ssm.put_compliance_items(
        ResourceId=instance["InstanceId"],
        ResourceType="ManagedInstance",
        ComplianceType="Patch",
        ExecutionSummary={"ExecutionTime": now, "ExecutionType": "Command"},
        Items=[
            {
                "Id": _patch_id(package),
                "Title": package["Name"],
                "Severity": "HIGH" if package in missing else "UNSPECIFIED",
                "Status": "NON_COMPLIANT" if package in missing else "COMPLIANT",
            }
            for package in packages
        ],
    )


def _is_outdated(work: Workload) -> bool:
    return work.account_id == "333333333333" and work.team == "payments" and work.service == TEAMS["payments"][0]


def _packages(system: _System, *, is_outdated: bool) -> Iterator[dict[str, str]]:
    for line in system.packages.strip().splitlines():
        name, version, *release = line.split()
        if is_outdated and name in OUTDATED_RPM:
            version, release = OUTDATED_RPM[name][0], [OUTDATED_RPM[name][1]]
        package = {"Name": name, "Version": version, "Architecture": "x86_64", "Publisher": system.publisher}
        if system.is_rpm:
            package |= {"Release": release[0], "Epoch": "1" if name.startswith("openssl") else "0"}
        yield package


def _information(work: Workload, system: _System, instance: dict[str, Any]) -> dict[str, str]:
    return {
        "AgentType": "amazon-ssm-agent",
        "AgentVersion": "3.3.1611.0",
        "ComputerName": f"{work.name}-1.{work.region}.harbour.example",
        "InstanceId": instance["InstanceId"],
        "IpAddress": instance["PrivateIpAddress"],
        "PlatformName": system.name,
        "PlatformType": "Linux",
        "PlatformVersion": system.version,
        "ResourceType": "EC2Instance",
    }


def _component() -> dict[str, str]:
    return {"Name": "amazon-ssm-agent", "Version": "3.3.1611.0", "Architecture": "x86_64", "Publisher": "Amazon.com"}


def _processor() -> dict[str, str]:
    return {
        "CPUModel": "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz",
        "CPUs": "2",
        "CPUCores": "1",
        "CPUSockets": "1",
        "CPUHyperThreadEnabled": "true",
    }


def _network(instance: dict[str, Any]) -> dict[str, str]:
    return {"Name": "ens5", "IPV4": instance["PrivateIpAddress"], "SubnetMask": "255.255.255.0"}


def _patch_summary(installed: int, missing: int, now: datetime) -> dict[str, str]:
    return {
        "BaselineId": "pb-0123456789abcdef0",
        "PatchGroup": "production",
        "OperationType": "Scan",
        "OperationStartTime": _time(now - timedelta(minutes=5)),
        "OperationEndTime": _time(now),
        "InstalledCount": str(installed - missing),
        "MissingCount": str(missing),
        "SecurityNonCompliantCount": str(missing),
    }


def _patch(package: dict[str, str], now: datetime, *, is_missing: bool) -> dict[str, str]:
    patch = {
        "Title": package["Name"],
        "KBId": _patch_id(package),
        "Classification": "Security" if is_missing else "",
        "Severity": "Important" if is_missing else "",
        "State": "Missing" if is_missing else "Installed",
    }
    return patch if is_missing else patch | {"InstalledTime": _time(now - timedelta(days=20))}


def _patch_id(package: dict[str, str]) -> str:
    return f"{package['Name']}.{package['Architecture']}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
