"""Storage Gateway, EFS, FSx: file systems."""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

TYPES = (
    ResourceType(
        name="storagegateway.gateway",
        title="Storage gateway",
        service="storagegateway",
        operation="ListGateways",
        items="Gateways",
        id="GatewayId",
        arn="GatewayARN",
        label="GatewayName",
        details=(
            Detail(
                operation="ListTagsForResource",
                params={"ResourceARN": "GatewayARN"},
                result="Tags",
                key="Tags",
            ),
        ),
        edges=(EdgeRule("runs-on", "Ec2InstanceId", "ec2.instance"),),
    ),
    ResourceType(
        name="storagegateway.file-share",
        title="File share",
        service="storagegateway",
        operation="ListFileShares",
        items="FileShareInfoList",
        id="FileShareId",
        arn="FileShareARN",
        label="FileShareName",
        details=(
            Detail(
                operation="DescribeNFSFileShares",
                params={"FileShareARNList": "[FileShareARN]"},
                result="NFSFileShareInfoList[0]",
                unless=("FileShareType", "SMB"),
                absent=("InvalidGatewayRequestException",),
            ),
            Detail(
                operation="DescribeSMBFileShares",
                params={"FileShareARNList": "[FileShareARN]"},
                result="SMBFileShareInfoList[0]",
                unless=("FileShareType", "NFS"),
                absent=("InvalidGatewayRequestException",),
            ),
        ),
        edges=(
            EdgeRule("of-gateway", "GatewayARN", "storagegateway.gateway"),
            EdgeRule("stored-in", "LocationARN", "s3.bucket"),
            EdgeRule("uses-role", "Role", "iam.role"),
        ),
    ),
    ResourceType(
        name="efs.file-system",
        title="EFS file system",
        service="efs",
        operation="DescribeFileSystems",
        items="FileSystems",
        id="FileSystemId",
        arn="FileSystemArn",
        label="Name",
        volatile=("SizeInBytes", "NumberOfMountTargets"),
        edges=(EdgeRule("encrypted-by", "KmsKeyId", "kms.key"),),
    ),
    ResourceType(
        name="fsx.file-system",
        title="FSx file system",
        service="fsx",
        operation="DescribeFileSystems",
        items="FileSystems",
        id="FileSystemId",
        arn="ResourceARN",
        label="FileSystemId",
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "SubnetIds[]", "ec2.subnet"),
            EdgeRule("encrypted-by", "KmsKeyId", "kms.key"),
        ),
    ),
)
