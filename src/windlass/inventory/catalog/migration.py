"""Database Migration Service: instances, endpoints and tasks that move data."""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_KEY = EdgeRule("encrypted-by", "KmsKeyId", "kms.key")


def _tags(arn: str) -> Detail:
    return Detail(operation="ListTagsForResource", params={"ResourceArn": arn}, result="TagList", key="Tags")


TYPES = (
    ResourceType(
        name="dms.replication-instance",
        title="DMS replication instance",
        service="dms",
        operation="DescribeReplicationInstances",
        items="ReplicationInstances",
        id="ReplicationInstanceIdentifier",
        arn="ReplicationInstanceArn",
        label="ReplicationInstanceIdentifier",
        details=(_tags("ReplicationInstanceArn"),),
        addresses=(
            "ReplicationInstancePrivateIpAddresses[]",
            "ReplicationInstancePublicIpAddresses[]",
            "ReplicationInstanceIpv6Addresses[]",
        ),
        edges=(
            _KEY,
            EdgeRule("in-security-group", "VpcSecurityGroups[].VpcSecurityGroupId", "ec2.security-group"),
            EdgeRule("in-vpc", "ReplicationSubnetGroup.VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "ReplicationSubnetGroup.Subnets[].SubnetIdentifier", "ec2.subnet"),
        ),
    ),
    ResourceType(
        name="dms.endpoint",
        title="DMS endpoint",
        service="dms",
        operation="DescribeEndpoints",
        items="Endpoints",
        id="EndpointIdentifier",
        arn="EndpointArn",
        label="EndpointIdentifier",
        details=(_tags("EndpointArn"),),
        edges=(
            _KEY,
            EdgeRule("uses-role", "ServiceAccessRoleArn", "iam.role"),
            EdgeRule("stored-in", "S3Settings.BucketName", "s3.bucket"),
            EdgeRule("writes-to", "KinesisSettings.StreamArn", "kinesis.stream"),
        ),
    ),
    ResourceType(
        name="dms.replication-task",
        title="DMS replication task",
        service="dms",
        operation="DescribeReplicationTasks",
        items="ReplicationTasks",
        id="ReplicationTaskIdentifier",
        arn="ReplicationTaskArn",
        label="ReplicationTaskIdentifier",
        volatile=("ReplicationTaskStats", "RecoveryCheckpoint", "CdcStartPosition"),
        details=(_tags("ReplicationTaskArn"),),
        edges=(
            EdgeRule("copies-from", "SourceEndpointArn", "dms.endpoint"),
            EdgeRule("copies-to", "TargetEndpointArn", "dms.endpoint"),
            EdgeRule("runs-on", "ReplicationInstanceArn", "dms.replication-instance"),
        ),
    ),
)
