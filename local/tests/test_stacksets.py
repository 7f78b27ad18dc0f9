"""StackSets of the embedded AWS, by boto3: what they were made with is what they say."""

import json

from s3_clients import fresh

TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def test_a_service_managed_set_reports_its_deployment(aws):
    client, name = aws("cloudformation"), fresh("set")
    client.create_stack_set(
        StackSetName=name,
        TemplateBody=TEMPLATE,
        PermissionModel="SERVICE_MANAGED",
        Capabilities=["CAPABILITY_NAMED_IAM"],
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
        Tags=[{"Key": "team", "Value": "web"}],
    )
    stack_set = client.describe_stack_set(StackSetName=name)["StackSet"]
    assert stack_set["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert stack_set["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert not {"AdministrationRoleARN", "ExecutionRoleName"} & stack_set.keys()
    assert stack_set["Tags"] == [{"Key": "team", "Value": "web"}]

    client.update_stack_set(
        StackSetName=name,
        TemplateBody=TEMPLATE,
        AutoDeployment={"Enabled": False, "RetainStacksOnAccountRemoval": True},
    )
    changed = client.describe_stack_set(StackSetName=name)["StackSet"]
    assert changed["AutoDeployment"] == {"Enabled": False, "RetainStacksOnAccountRemoval": True}
    assert changed["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


def test_a_self_managed_set_names_its_roles(aws):
    client, name = aws("cloudformation"), fresh("set")
    client.create_stack_set(StackSetName=name, TemplateBody=TEMPLATE)
    stack_set = client.describe_stack_set(StackSetName=name)["StackSet"]
    assert stack_set["AdministrationRoleARN"].endswith(":role/AWSCloudFormationStackSetAdministrationRole")
    assert stack_set["ExecutionRoleName"] == "AWSCloudFormationStackSetExecutionRole"
    assert "AutoDeployment" not in stack_set
