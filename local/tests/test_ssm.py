"""Managed nodes of the embedded AWS's Systems Manager, by boto3."""

import pytest
from botocore.exceptions import ClientError

CAPTURED = "2026-11-01T10:00:00Z"
NODE = {
    "AgentType": "amazon-ssm-agent",
    "AgentVersion": "3.3.1611.0",
    "ComputerName": "web-1",
    "IpAddress": "10.0.0.5",
    "PlatformName": "Amazon Linux",
    "PlatformType": "Linux",
    "PlatformVersion": "2023",
}
SUMMARY = {
    "BaselineId": "pb-0123456789abcdef0",
    "OperationType": "Scan",
    "OperationStartTime": "2026-11-01T09:00:00Z",
    "OperationEndTime": "2026-11-01T09:05:00Z",
    "InstalledCount": "40",
    "MissingCount": "1",
}
PATCH = {"Title": "openssl", "KBId": "openssl.x86_64", "Classification": "Security", "Severity": "Important"}


def item(type_name, *content, version="1.0"):
    return {"TypeName": type_name, "SchemaVersion": version, "CaptureTime": CAPTURED, "Content": list(content)}


@pytest.fixture
def node(aws):
    ec2, ssm = aws("ec2"), aws("ssm")
    instance = ec2.run_instances(ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ssm.put_inventory(InstanceId=instance, Items=[item("AWS:InstanceInformation", NODE)])
    yield ssm, instance
    ec2.terminate_instances(InstanceIds=[instance])


def information(ssm, instance):
    condition = {"Key": "InstanceIds", "Values": [instance]}
    return ssm.describe_instance_information(Filters=[condition])["InstanceInformationList"]


def test_a_node_is_managed_from_its_agents_first_report_until_it_is_terminated(aws, node):
    ssm, instance = node
    (row,) = information(ssm, instance)
    assert (row["ComputerName"], row["PlatformName"], row["PingStatus"]) == ("web-1", "Amazon Linux", "Online")
    aws("ec2").stop_instances(InstanceIds=[instance])
    assert information(ssm, instance)[0]["PingStatus"] == "ConnectionLost"
    aws("ec2").terminate_instances(InstanceIds=[instance])
    assert information(ssm, instance) == []
    with pytest.raises(ClientError) as refused:
        ssm.put_inventory(InstanceId="i-00000000000000000", Items=[item("AWS:InstanceInformation", NODE)])
    assert refused.value.response["Error"]["Code"] == "InvalidInstanceId"


def test_entries_come_in_pages_and_a_type_is_replaced(node):
    ssm, instance = node
    packages = [{"Name": f"package-{number}", "Version": "1"} for number in range(60)]
    ssm.put_inventory(InstanceId=instance, Items=[item("AWS:Application", *packages, version="1.1")])
    of = {"InstanceId": instance, "TypeName": "AWS:Application"}
    first = ssm.list_inventory_entries(**of)
    assert (len(first["Entries"]), first["CaptureTime"]) == (50, CAPTURED)
    second = ssm.list_inventory_entries(**of, NextToken=first["NextToken"])
    assert first["Entries"] + second["Entries"] == packages
    assert "NextToken" not in second
    ssm.put_inventory(InstanceId=instance, Items=[item("AWS:Application", packages[0], version="1.1")])
    assert ssm.list_inventory_entries(**of)["Entries"] == packages[:1]
    unread = ssm.list_inventory_entries(InstanceId=instance, TypeName="AWS:Network")
    assert (unread["Entries"], "CaptureTime" in unread) == ([], False)


def test_patches_compliance_and_custom_types(node):
    ssm, instance = node
    assert ssm.describe_instance_patch_states(InstanceIds=[instance])["InstancePatchStates"] == []
    items = [
        item("AWS:PatchSummary", SUMMARY),
        item("AWS:PatchCompliance", PATCH | {"State": "Missing"}),
        item("Custom:Rack", {"Row": "7"}),
    ]
    ssm.put_inventory(InstanceId=instance, Items=items)
    (state,) = ssm.describe_instance_patch_states(InstanceIds=[instance])["InstancePatchStates"]
    assert (state["InstalledCount"], state["MissingCount"], state["Operation"]) == (40, 1, "Scan")
    (patch,) = ssm.describe_instance_patches(InstanceId=instance)["Patches"]
    assert (patch["KBId"], patch["State"], patch["InstalledTime"].timestamp()) == ("openssl.x86_64", "Missing", 0)
    assert "Custom:Rack" in {schema["TypeName"] for schema in ssm.get_inventory_schema()["Schemas"]}

    def put(*ids):
        ssm.put_compliance_items(
            ResourceId=instance,
            ResourceType="ManagedInstance",
            ComplianceType="Custom:Hardening",
            ExecutionSummary={"ExecutionTime": 1_700_000_000},
            Items=[{"Id": each, "Title": each, "Severity": "HIGH", "Status": "NON_COMPLIANT"} for each in ids],
        )

    put("a", "b")
    put("c")
    rows = ssm.list_compliance_items(ResourceIds=[instance], ResourceTypes=["ManagedInstance"])["ComplianceItems"]
    assert [(row["Id"], row["ComplianceType"], row["ResourceId"]) for row in rows] == [
        ("c", "Custom:Hardening", instance)
    ]
