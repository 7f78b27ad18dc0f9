"""The schemas of AWS's inventory types (AWS Systems Manager User Guide, "Metadata collected by inventory")."""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMAS"]

_ATTRIBUTES: tuple[tuple[str, str, str], ...] = (
    ("AWS:AWSComponent", "1.0", "Name ApplicationType Publisher Version InstalledTime Architecture URL"),
    (
        "AWS:Application",
        "1.1",
        "Name ApplicationType Publisher Version Release Epoch InstalledTime Architecture URL Summary PackageId",
    ),
    (
        "AWS:File",
        "1.0",
        "Name Size Description FileVersion InstalledDate ModificationTime LastAccessTime ProductName InstalledDir "
        "ProductLanguage CompanyName ProductVersion",
    ),
    (
        "AWS:InstanceDetailedInformation",
        "1.0",
        "CPUModel CPUCores CPUs CPUSpeedMHz CPUSockets CPUHyperThreadEnabled OSServicePack",
    ),
    (
        "AWS:InstanceInformation",
        "1.0",
        "AgentType AgentVersion ComputerName InstanceId IpAddress PlatformName PlatformType PlatformVersion ResourceType "
        "AgentStatus InstanceStatus",
    ),
    ("AWS:Network", "1.0", "Name SubnetMask Gateway DHCPServer DNSServer MacAddress IPV4 IPV6"),
    (
        "AWS:PatchCompliance",
        "1.0",
        "Title KBId Classification Severity State InstalledTime",
    ),
    (
        "AWS:PatchSummary",
        "1.0",
        "PatchGroup BaselineId SnapshotId OwnerInformation InstalledCount InstalledOtherCount NotApplicableCount "
        "MissingCount FailedCount OperationType OperationStartTime OperationEndTime InstalledPendingRebootCount "
        "InstalledRejectedCount CriticalNonCompliantCount SecurityNonCompliantCount OtherNonCompliantCount",
    ),
    ("AWS:Service", "1.0", "Name DisplayName ServiceType Status DependentServices ServicesDependedOn StartType"),
    ("AWS:WindowsRegistry", "1.0", "KeyPath ValueName ValueType Value"),
    (
        "AWS:WindowsRole",
        "1.0",
        "Name DisplayName Description InstalledState FeatureType DependsOn SubFeatures Parent Path",
    ),
    ("AWS:WindowsUpdate", "1.0", "HotFixId Description InstalledTime InstalledBy"),
)

SCHEMAS: tuple[dict[str, Any], ...] = tuple(
    {
        "TypeName": name,
        "Version": version,
        "Attributes": [{"Name": attribute, "DataType": "string"} for attribute in attributes.split()],
    }
    for name, version, attributes in _ATTRIBUTES
)
