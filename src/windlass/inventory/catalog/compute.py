"""EC2: capacity, placement and the versions of launch templates."""

from windlass.inventory.resource_type import EdgeRule, Parent, ResourceType


def _arn(kind: str) -> str:
    return "arn:{partition}:ec2:{region}:{account}:" + kind + "/{id}"


TYPES = (
    ResourceType(
        name="ec2.launch-template-version",
        title="Launch template version",
        service="ec2",
        operation="DescribeLaunchTemplateVersions",
        items="LaunchTemplateVersions",
        id="join(':', [LaunchTemplateId, to_string(VersionNumber)])",
        label="LaunchTemplateName",
        parent=Parent(
            operation="DescribeLaunchTemplates",
            items="LaunchTemplates",
            params={"LaunchTemplateId": "LaunchTemplateId"},
        ),
        redact=("LaunchTemplateData.UserData",),
        edges=(
            EdgeRule("version-of", "LaunchTemplateId", "ec2.launch-template"),
            EdgeRule("uses-image", "LaunchTemplateData.ImageId", "ec2.image"),
            EdgeRule("in-security-group", "LaunchTemplateData.SecurityGroupIds[]", "ec2.security-group"),
            EdgeRule("in-security-group", "LaunchTemplateData.NetworkInterfaces[].Groups[]", "ec2.security-group"),
            EdgeRule("runs-as", "LaunchTemplateData.IamInstanceProfile.Arn", "iam.instance-profile"),
            EdgeRule("uses-key", "LaunchTemplateData.KeyName", "ec2.key-pair"),
        ),
    ),
    ResourceType(
        name="ec2.capacity-reservation",
        title="Capacity reservation",
        service="ec2",
        operation="DescribeCapacityReservations",
        items="CapacityReservations",
        id="CapacityReservationId",
        arn=_arn("capacity-reservation"),
        keep="State != 'cancelled' && State != 'expired'",
        volatile=("AvailableInstanceCount", "CapacityAllocations"),
        measures={"available": "AvailableInstanceCount"},
        edges=(EdgeRule("in-placement-group", "PlacementGroupArn", "ec2.placement-group"),),
    ),
    ResourceType(
        name="ec2.placement-group",
        title="Placement group",
        service="ec2",
        operation="DescribePlacementGroups",
        items="PlacementGroups",
        id="GroupName",
        arn=_arn("placement-group"),
        label="GroupName",
        keep="State != 'deleted'",
    ),
    ResourceType(
        name="ec2.dedicated-host",
        title="Dedicated host",
        service="ec2",
        operation="DescribeHosts",
        items="Hosts",
        id="HostId",
        arn=_arn("dedicated-host"),
        keep="State != 'released' && State != 'released-permanent-failure'",
        volatile=("AvailableCapacity",),
        measures={"available": "AvailableCapacity.AvailableVCpus"},
        edges=(EdgeRule("has-instance", "Instances[].InstanceId", "ec2.instance"),),
    ),
    ResourceType(
        name="autoscaling.launch-configuration",
        title="Launch configuration",
        service="autoscaling",
        operation="DescribeLaunchConfigurations",
        items="LaunchConfigurations",
        id="LaunchConfigurationName",
        arn="LaunchConfigurationARN",
        label="LaunchConfigurationName",
        redact=("UserData",),
        edges=(
            EdgeRule("uses-image", "ImageId", "ec2.image"),
            EdgeRule("in-security-group", "SecurityGroups[]", "ec2.security-group"),
            EdgeRule("runs-as", "IamInstanceProfile", "iam.instance-profile"),
        ),
    ),
)
