"""EC2: instances, volumes, images and networks."""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_VPC = EdgeRule("in-vpc", "VpcId", "ec2.vpc")
_SUBNET = EdgeRule("in-subnet", "SubnetId", "ec2.subnet")
_KEY = EdgeRule("encrypted-by", "KmsKeyId", "kms.key")
_OWN = {"Owners": ["self"]}


def _arn(kind: str) -> str:
    return "arn:{partition}:ec2:{region}:{account}:" + kind + "/{id}"


def _public_arn(kind: str) -> str:
    """Return the ARN of a resource that can be public: it has no account."""
    return "arn:{partition}:ec2:{region}::" + kind + "/{id}"


INSTANCE = ResourceType(
    name="ec2.instance",
    title="EC2 instance",
    service="ec2",
    operation="DescribeInstances",
    items="Reservations[].Instances[]",
    id="InstanceId",
    arn=_arn("instance"),
    keep="State.Name != 'terminated'",
    volatile=("UsageOperationUpdateTime", "NetworkInterfaces.*.Attachment.AttachTime"),
    addresses=(
        "NetworkInterfaces[].PrivateIpAddresses[].PrivateIpAddress",
        "NetworkInterfaces[].Ipv6Addresses[].Ipv6Address",
        "PrivateIpAddress",
        "PublicIpAddress",
    ),
    details=(
        Detail(
            operation="DescribeInstanceAttribute",
            params={"InstanceId": "InstanceId", "Attribute": "'userData'"},
            result="UserData.Value",
            key="UserData",
        ),
    ),
    redact=("UserData",),
    edges=(
        _VPC,
        _SUBNET,
        EdgeRule("uses-image", "ImageId", "ec2.image"),
        EdgeRule("in-security-group", "SecurityGroups[].GroupId", "ec2.security-group"),
        EdgeRule("has-volume", "BlockDeviceMappings[].Ebs.VolumeId", "ec2.volume"),
        EdgeRule("has-interface", "NetworkInterfaces[].NetworkInterfaceId", "ec2.network-interface"),
        EdgeRule("runs-as", "IamInstanceProfile.Arn", "iam.instance-profile"),
    ),
)

TYPES = (
    INSTANCE,
    ResourceType(
        name="ec2.vpc", title="VPC", service="ec2", operation="DescribeVpcs", items="Vpcs", id="VpcId", arn=_arn("vpc")
    ),
    ResourceType(
        name="ec2.subnet",
        title="Subnet",
        service="ec2",
        operation="DescribeSubnets",
        items="Subnets",
        id="SubnetId",
        arn=_arn("subnet"),
        volatile=("AvailableIpAddressCount",),
        edges=(_VPC,),
    ),
    ResourceType(
        name="ec2.network-interface",
        title="Network interface",
        service="ec2",
        operation="DescribeNetworkInterfaces",
        items="NetworkInterfaces",
        id="NetworkInterfaceId",
        arn=_arn("network-interface"),
        tags="TagSet",
        label="Description",
        addresses=(
            "PrivateIpAddresses[].PrivateIpAddress",
            "Association.PublicIp",
            "Ipv6Addresses[].Ipv6Address",
            "PrivateIpAddress",
        ),
        edges=(
            _VPC,
            _SUBNET,
            EdgeRule("attached-to", "Attachment.InstanceId", "ec2.instance"),
            EdgeRule("in-security-group", "Groups[].GroupId", "ec2.security-group"),
        ),
    ),
    ResourceType(
        name="ec2.elastic-ip",
        title="Elastic IP",
        service="ec2",
        operation="DescribeAddresses",
        items="Addresses",
        id="AllocationId || PublicIp",
        arn=_arn("elastic-ip"),
        label="PublicIp",
        addresses=("PublicIp", "PrivateIpAddress"),
        edges=(
            EdgeRule("attached-to", "InstanceId", "ec2.instance"),
            EdgeRule("attached-to", "NetworkInterfaceId", "ec2.network-interface"),
        ),
    ),
    ResourceType(
        name="ec2.security-group",
        title="Security group",
        service="ec2",
        operation="DescribeSecurityGroups",
        items="SecurityGroups",
        id="GroupId",
        arn=_arn("security-group"),
        label="GroupName",
        edges=(
            _VPC,
            EdgeRule("allows-from", "IpPermissions[].UserIdGroupPairs[].GroupId", "ec2.security-group"),
        ),
    ),
    ResourceType(
        name="ec2.volume",
        title="EBS volume",
        service="ec2",
        operation="DescribeVolumes",
        items="Volumes",
        id="VolumeId",
        arn=_arn("volume"),
        edges=(
            EdgeRule("attached-to", "Attachments[].InstanceId", "ec2.instance"),
            EdgeRule("made-from", "SnapshotId", "ec2.snapshot"),
            _KEY,
        ),
    ),
    ResourceType(
        name="ec2.snapshot",
        title="EBS snapshot",
        service="ec2",
        operation="DescribeSnapshots",
        request={"OwnerIds": ["self"]},
        items="Snapshots",
        id="SnapshotId",
        arn=_public_arn("snapshot"),
        label="Description",
        volatile=("Progress",),
        edges=(EdgeRule("snapshot-of", "VolumeId", "ec2.volume"), _KEY),
    ),
    ResourceType(
        name="ec2.image",
        title="Machine image (AMI)",
        service="ec2",
        operation="DescribeImages",
        request=_OWN,
        items="Images",
        id="ImageId",
        arn=_public_arn("image"),
        label="Name",
        edges=(EdgeRule("made-from", "BlockDeviceMappings[].Ebs.SnapshotId", "ec2.snapshot"),),
    ),
    ResourceType(
        name="ec2.nat-gateway",
        title="NAT gateway",
        service="ec2",
        operation="DescribeNatGateways",
        items="NatGateways",
        id="NatGatewayId",
        arn=_arn("natgateway"),
        keep="State != 'deleted'",
        addresses=("NatGatewayAddresses[].PublicIp", "NatGatewayAddresses[].PrivateIp"),
        edges=(
            _VPC,
            _SUBNET,
            EdgeRule("has-interface", "NatGatewayAddresses[].NetworkInterfaceId", "ec2.network-interface"),
        ),
    ),
    ResourceType(
        name="ec2.route-table",
        title="Route table",
        service="ec2",
        operation="DescribeRouteTables",
        items="RouteTables",
        id="RouteTableId",
        arn=_arn("route-table"),
        edges=(
            _VPC,
            EdgeRule("routes", "Associations[].SubnetId", "ec2.subnet"),
            EdgeRule("routes-through", "Routes[].NatGatewayId", "ec2.nat-gateway"),
            EdgeRule("routes-through", "Routes[].GatewayId", "ec2.internet-gateway"),
        ),
    ),
    ResourceType(
        name="ec2.internet-gateway",
        title="Internet gateway",
        service="ec2",
        operation="DescribeInternetGateways",
        items="InternetGateways",
        id="InternetGatewayId",
        arn=_arn("internet-gateway"),
        edges=(EdgeRule("in-vpc", "Attachments[].VpcId", "ec2.vpc"),),
    ),
    ResourceType(
        name="ec2.vpc-endpoint",
        title="VPC endpoint",
        service="ec2",
        operation="DescribeVpcEndpoints",
        items="VpcEndpoints",
        id="VpcEndpointId",
        arn=_arn("vpc-endpoint"),
        label="ServiceName",
        edges=(_VPC, EdgeRule("has-interface", "NetworkInterfaceIds[]", "ec2.network-interface")),
    ),
    ResourceType(
        name="ec2.launch-template",
        title="Launch template",
        service="ec2",
        operation="DescribeLaunchTemplates",
        items="LaunchTemplates",
        id="LaunchTemplateId",
        arn=_arn("launch-template"),
        label="LaunchTemplateName",
    ),
    ResourceType(
        name="ec2.network-acl",
        title="Network ACL",
        service="ec2",
        operation="DescribeNetworkAcls",
        items="NetworkAcls",
        id="NetworkAclId",
        arn=_arn("network-acl"),
        edges=(_VPC, EdgeRule("guards", "Associations[].SubnetId", "ec2.subnet")),
    ),
    ResourceType(
        name="ec2.key-pair",
        title="Key pair",
        service="ec2",
        operation="DescribeKeyPairs",
        items="KeyPairs",
        id="KeyPairId",
        arn=_arn("key-pair"),
        label="KeyName",
    ),
)
