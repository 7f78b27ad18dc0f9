"""EKS: clusters and what belongs to them."""

from windlass.inventory.resource_type import Detail, EdgeRule, Parent, ResourceType

_CLUSTERS = Parent(operation="ListClusters", items="clusters", params={"clusterName": "@"})
_MEMBER = EdgeRule("member-of", "clusterName", "eks.cluster")

TYPES = (
    ResourceType(
        name="eks.cluster",
        title="EKS cluster",
        service="eks",
        operation="ListClusters",
        items="clusters",
        wrap="name",
        id="name",
        arn="arn:{partition}:eks:{region}:{account}:cluster/{id}",
        label="name",
        tags="tags",
        details=(Detail(operation="DescribeCluster", params={"name": "name"}, result="cluster"),),
        edges=(EdgeRule("in-vpc", "resourcesVpcConfig.vpcId", "ec2.vpc"), EdgeRule("uses-role", "roleArn", "iam.role")),
    ),
    ResourceType(
        name="eks.nodegroup",
        title="EKS node group",
        service="eks",
        operation="ListNodegroups",
        items="nodegroups",
        wrap="nodegroupName",
        id="join('/', [clusterName, nodegroupName])",
        arn="nodegroupArn",
        label="nodegroupName",
        tags="tags",
        parent=_CLUSTERS,
        ordered=("instanceTypes",),
        details=(
            Detail(
                operation="DescribeNodegroup",
                params={"clusterName": "clusterName", "nodegroupName": "nodegroupName"},
                result="nodegroup",
            ),
        ),
        edges=(_MEMBER, EdgeRule("uses-role", "nodeRole", "iam.role")),
    ),
    ResourceType(
        name="eks.addon",
        title="EKS add-on",
        service="eks",
        operation="ListAddons",
        items="addons",
        wrap="addonName",
        id="join('/', [clusterName, addonName])",
        arn="addonArn",
        label="addonName",
        tags="tags",
        parent=_CLUSTERS,
        volatile=("health",),
        measures={"issues": "health.issues"},
        details=(
            Detail(
                operation="DescribeAddon",
                params={"clusterName": "clusterName", "addonName": "addonName"},
                result="addon",
            ),
        ),
        edges=(_MEMBER, EdgeRule("uses-role", "serviceAccountRoleArn", "iam.role")),
    ),
    ResourceType(
        name="eks.access-entry",
        title="EKS access entry",
        service="eks",
        operation="ListAccessEntries",
        items="accessEntries",
        wrap="principalArn",
        id="join('|', [clusterName, principalArn])",
        arn="accessEntryArn",
        label="principalArn",
        tags="tags",
        parent=_CLUSTERS,
        # A cluster that authenticates by its config map has no access entries.
        absent=("InvalidRequestException: authentication mode",),
        details=(
            Detail(
                operation="DescribeAccessEntry",
                params={"clusterName": "clusterName", "principalArn": "principalArn"},
                result="accessEntry",
            ),
            Detail(
                operation="ListAssociatedAccessPolicies",
                params={"clusterName": "clusterName", "principalArn": "principalArn"},
                result="associatedAccessPolicies",
                key="AccessPolicies",
            ),
        ),
        edges=(_MEMBER, EdgeRule("gives-access-to", "principalArn")),
    ),
    ResourceType(
        name="eks.fargate-profile",
        title="EKS Fargate profile",
        service="eks",
        operation="ListFargateProfiles",
        items="fargateProfileNames",
        wrap="fargateProfileName",
        id="join('/', [clusterName, fargateProfileName])",
        arn="fargateProfileArn",
        label="fargateProfileName",
        tags="tags",
        parent=_CLUSTERS,
        details=(
            Detail(
                operation="DescribeFargateProfile",
                params={"clusterName": "clusterName", "fargateProfileName": "fargateProfileName"},
                result="fargateProfile",
            ),
        ),
        edges=(
            _MEMBER,
            EdgeRule("uses-role", "podExecutionRoleArn", "iam.role"),
            EdgeRule("in-subnet", "subnets[]", "ec2.subnet"),
        ),
    ),
    ResourceType(
        name="eks.pod-identity",
        title="EKS pod identity association",
        service="eks",
        operation="ListPodIdentityAssociations",
        items="associations",
        id="associationId",
        arn="associationArn",
        label="serviceAccount",
        tags="tags",
        parent=_CLUSTERS,
        details=(
            Detail(
                operation="DescribePodIdentityAssociation",
                params={"clusterName": "clusterName", "associationId": "associationId"},
                result="association",
            ),
        ),
        edges=(_MEMBER, EdgeRule("uses-role", "roleArn", "iam.role")),
    ),
)
