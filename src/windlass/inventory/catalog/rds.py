"""RDS, Neptune and DocumentDB: databases that RDS's API describes.

RDS lists the clusters and instances of all three, with `arn:aws:rds` ARNs. Each is collected as its own engine's type.
"""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_SECURITY = EdgeRule("in-security-group", "VpcSecurityGroups[].VpcSecurityGroupId", "ec2.security-group")
_KEY = EdgeRule("encrypted-by", "KmsKeyId", "kms.key")
_ROLES = EdgeRule("uses-role", "AssociatedRoles[].RoleArn", "iam.role")
_OWN_ENGINE = "Engine != 'neptune' && Engine != 'docdb'"
_CLUSTER_TIMES = ("LatestRestorableTime", "EarliestRestorableTime", "PercentProgress")


def _tags(arn: str) -> Detail:
    return Detail(operation="ListTagsForResource", params={"ResourceName": arn}, result="TagList", key="Tags")


def _engine(name: str) -> dict[str, list[dict[str, object]]]:
    return {"Filters": [{"Name": "engine", "Values": [name]}]}


def _family(service: str, title: str) -> tuple[ResourceType, ResourceType]:
    """Return the types of the clusters and instances of an engine that has its own service."""
    cluster = ResourceType(
        name=f"{service}.cluster",
        title=f"{title} cluster",
        service=service,
        iam_prefix="rds",
        operation="DescribeDBClusters",
        request=_engine(service),
        items="DBClusters",
        id="DBClusterIdentifier",
        arn="DBClusterArn",
        label="DBClusterIdentifier",
        volatile=_CLUSTER_TIMES,
        details=(_tags("DBClusterArn"),),
        edges=(
            _SECURITY,
            _KEY,
            _ROLES,
            EdgeRule("in-subnet-group", "DBSubnetGroup", "rds.subnet-group"),
            EdgeRule("uses-parameters", "DBClusterParameterGroup", "rds.cluster-parameter-group"),
        ),
    )
    instance = ResourceType(
        name=f"{service}.instance",
        title=f"{title} instance",
        service=service,
        iam_prefix="rds",
        operation="DescribeDBInstances",
        request=_engine(service),
        items="DBInstances",
        id="DBInstanceIdentifier",
        arn="DBInstanceArn",
        label="DBInstanceIdentifier",
        volatile=("LatestRestorableTime",),
        details=(_tags("DBInstanceArn"),),
        edges=(
            _SECURITY,
            _KEY,
            EdgeRule("in-vpc", "DBSubnetGroup.VpcId", "ec2.vpc"),
            EdgeRule("member-of", "DBClusterIdentifier", f"{service}.cluster"),
        ),
    )
    return cluster, instance


TYPES = (
    ResourceType(
        name="rds.instance",
        title="RDS instance",
        service="rds",
        operation="DescribeDBInstances",
        items="DBInstances",
        id="DBInstanceIdentifier",
        arn="DBInstanceArn",
        label="DBInstanceIdentifier",
        tags="TagList",
        keep=_OWN_ENGINE,
        volatile=("LatestRestorableTime",),
        edges=(
            _SECURITY,
            _KEY,
            EdgeRule("in-vpc", "DBSubnetGroup.VpcId", "ec2.vpc"),
            EdgeRule("member-of", "DBClusterIdentifier", "rds.cluster"),
            EdgeRule("in-subnet-group", "DBSubnetGroup.DBSubnetGroupName", "rds.subnet-group"),
            EdgeRule("uses-parameters", "DBParameterGroups[].DBParameterGroupName", "rds.parameter-group"),
            EdgeRule("uses-options", "OptionGroupMemberships[].OptionGroupName", "rds.option-group"),
            EdgeRule("uses-role", "MonitoringRoleArn", "iam.role"),
            EdgeRule("uses-secret", "MasterUserSecret.SecretArn", "secretsmanager.secret"),
            _ROLES,
        ),
    ),
    ResourceType(
        name="rds.cluster",
        title="RDS cluster",
        service="rds",
        operation="DescribeDBClusters",
        items="DBClusters",
        id="DBClusterIdentifier",
        arn="DBClusterArn",
        label="DBClusterIdentifier",
        tags="TagList",
        keep=_OWN_ENGINE,
        volatile=_CLUSTER_TIMES,
        edges=(
            _SECURITY,
            _KEY,
            _ROLES,
            EdgeRule("in-subnet-group", "DBSubnetGroup", "rds.subnet-group"),
            EdgeRule("uses-parameters", "DBClusterParameterGroup", "rds.cluster-parameter-group"),
            EdgeRule("uses-secret", "MasterUserSecret.SecretArn", "secretsmanager.secret"),
        ),
    ),
    ResourceType(
        name="rds.snapshot",
        title="RDS snapshot",
        service="rds",
        operation="DescribeDBSnapshots",
        items="DBSnapshots",
        id="DBSnapshotIdentifier",
        arn="DBSnapshotArn",
        label="DBSnapshotIdentifier",
        tags="TagList",
        volatile=("PercentProgress",),
        edges=(EdgeRule("snapshot-of", "DBInstanceIdentifier", "rds.instance"), _KEY),
    ),
    ResourceType(
        name="rds.cluster-snapshot",
        title="RDS cluster snapshot",
        service="rds",
        operation="DescribeDBClusterSnapshots",
        items="DBClusterSnapshots",
        id="DBClusterSnapshotIdentifier",
        arn="DBClusterSnapshotArn",
        label="DBClusterSnapshotIdentifier",
        tags="TagList",
        volatile=("PercentProgress",),
        edges=(
            EdgeRule("snapshot-of", "DBClusterIdentifier", "rds.cluster"),
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            _KEY,
        ),
    ),
    ResourceType(
        name="rds.subnet-group",
        title="RDS subnet group",
        service="rds",
        operation="DescribeDBSubnetGroups",
        items="DBSubnetGroups",
        id="DBSubnetGroupName",
        arn="DBSubnetGroupArn",
        label="DBSubnetGroupName",
        details=(_tags("DBSubnetGroupArn"),),
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "Subnets[].SubnetIdentifier", "ec2.subnet"),
        ),
    ),
    ResourceType(
        name="rds.parameter-group",
        title="RDS parameter group",
        service="rds",
        operation="DescribeDBParameterGroups",
        items="DBParameterGroups",
        id="DBParameterGroupName",
        arn="DBParameterGroupArn",
        label="DBParameterGroupName",
        keep="!starts_with(DBParameterGroupName, 'default.')",
        details=(
            Detail(
                operation="DescribeDBParameters",
                params={"DBParameterGroupName": "DBParameterGroupName", "Source": "'user'"},
                result="Parameters",
                key="Parameters",
            ),
            _tags("DBParameterGroupArn"),
        ),
    ),
    ResourceType(
        name="rds.cluster-parameter-group",
        title="RDS cluster parameter group",
        service="rds",
        operation="DescribeDBClusterParameterGroups",
        items="DBClusterParameterGroups",
        id="DBClusterParameterGroupName",
        arn="DBClusterParameterGroupArn",
        label="DBClusterParameterGroupName",
        keep="!starts_with(DBClusterParameterGroupName, 'default.')",
        details=(
            Detail(
                operation="DescribeDBClusterParameters",
                params={"DBClusterParameterGroupName": "DBClusterParameterGroupName", "Source": "'user'"},
                result="Parameters",
                key="Parameters",
            ),
            _tags("DBClusterParameterGroupArn"),
        ),
    ),
    ResourceType(
        name="rds.option-group",
        title="RDS option group",
        service="rds",
        operation="DescribeOptionGroups",
        items="OptionGroupsList",
        id="OptionGroupName",
        arn="OptionGroupArn",
        label="OptionGroupName",
        keep="!starts_with(OptionGroupName, 'default:')",
        details=(_tags("OptionGroupArn"),),
        edges=(EdgeRule("in-vpc", "VpcId", "ec2.vpc"),),
    ),
    ResourceType(
        name="rds.proxy",
        title="RDS proxy",
        service="rds",
        operation="DescribeDBProxies",
        items="DBProxies",
        id="DBProxyName",
        arn="DBProxyArn",
        label="DBProxyName",
        details=(
            Detail(
                operation="DescribeDBProxyTargets",
                params={"DBProxyName": "DBProxyName"},
                result="Targets",
                key="Targets",
            ),
            _tags("DBProxyArn"),
        ),
        volatile=("Targets.*.TargetHealth",),
        measures={"target_states": "Targets[].TargetHealth.State"},
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "VpcSubnetIds[]", "ec2.subnet"),
            EdgeRule("in-security-group", "VpcSecurityGroupIds[]", "ec2.security-group"),
            EdgeRule("uses-role", "RoleArn", "iam.role"),
            EdgeRule("uses-secret", "Auth[].SecretArn", "secretsmanager.secret"),
            EdgeRule("forwards-to", "Targets[].TargetArn"),
        ),
    ),
    ResourceType(
        name="rds.global-cluster",
        title="RDS global cluster",
        service="rds",
        operation="DescribeGlobalClusters",
        items="GlobalClusters",
        id="GlobalClusterIdentifier",
        arn="GlobalClusterArn",
        label="GlobalClusterIdentifier",
        tags="TagList",
        once_per_account=True,  # every region lists the same ones
        edges=(
            EdgeRule("has-member", "GlobalClusterMembers[].DBClusterArn"),
            EdgeRule("has-member", "GlobalClusterMembers[].Readers[]"),
        ),
    ),
    ResourceType(
        name="rds.event-subscription",
        title="RDS event subscription",
        service="rds",
        operation="DescribeEventSubscriptions",
        items="EventSubscriptionsList",
        id="CustSubscriptionId",
        arn="EventSubscriptionArn",
        label="CustSubscriptionId",
        details=(_tags("EventSubscriptionArn"),),
        edges=(EdgeRule("notifies", "SnsTopicArn", "sns.topic"),),
    ),
    *_family("neptune", "Neptune"),
    *_family("docdb", "DocumentDB"),
)
