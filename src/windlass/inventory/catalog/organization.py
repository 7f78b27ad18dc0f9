"""Organizations and IAM Identity Center: accounts, their tree, and who may do what in them."""

from windlass.inventory.organizational_units import list_units
from windlass.inventory.resource_type import Detail, EdgeRule, Parent, ResourceType

_ROOTS = Parent(operation="ListRoots", items="Roots", params={"ParentId": "Id"})
_OWN_INSTANCES = Parent(
    operation="ListInstances",
    items="Instances[?OwnerAccountId == '{account}']",  # a member account sees the organization's, and may not read it
    params={"InstanceArn": "InstanceArn"},
)
_SET = {"InstanceArn": "InstanceArn", "PermissionSetArn": "PermissionSetArn"}


def _tags(resource_id: str) -> Detail:
    return Detail(operation="ListTagsForResource", params={"ResourceId": resource_id}, result="Tags", key="Tags")


TYPES = (
    ResourceType(
        name="organizations.account",
        title="Account of the organization",
        service="organizations",
        operation="ListAccounts",
        items="Accounts",
        id="Id",
        arn="Arn",
        label="Name",
        once_per_account=True,
        details=(
            _tags("Id"),
            Detail(operation="ListParents", params={"ChildId": "Id"}, result="Parents", key="Parents"),
        ),
        edges=(EdgeRule("member-of", "Parents[].Id"),),
    ),
    ResourceType(
        name="organizations.organization",
        title="Organization",
        service="organizations",
        operation="DescribeOrganization",
        items="Organization && [Organization]",
        id="Id",
        arn="Arn",
        once_per_account=True,
        edges=(EdgeRule("managed-by", "MasterAccountArn", "organizations.account"),),
    ),
    ResourceType(
        name="organizations.root",
        title="Root of the organization",
        service="organizations",
        operation="ListRoots",
        items="Roots",
        id="Id",
        arn="Arn",
        label="Name",
        once_per_account=True,
        details=(_tags("Id"),),
    ),
    ResourceType(
        name="organizations.unit",
        title="Organizational unit",
        service="organizations",
        operation="ListOrganizationalUnitsForParent",
        items="OrganizationalUnits",
        id="Id",
        arn="Arn",
        label="Name",
        once_per_account=True,
        parent=_ROOTS,
        lister=list_units,  # units have units below them
        details=(_tags("Id"),),
        edges=(EdgeRule("member-of", "ParentId"),),
    ),
    ResourceType(
        name="organizations.policy",
        title="Policy of the organization",
        service="organizations",
        operation="ListPolicies",
        items="Policies",
        id="Id",
        arn="Arn",
        label="Name",
        once_per_account=True,
        # Only a type of policy that is enabled can be listed.
        parent=Parent(
            operation="ListRoots",
            items="Roots[].PolicyTypes[?Status == 'ENABLED'][]",
            params={"Filter": "Type"},
        ),
        keep="AwsManaged != `true`",
        details=(
            Detail(
                operation="DescribePolicy", params={"PolicyId": "Id"}, result="Policy.Content", key="PolicyDocument"
            ),
            Detail(operation="ListTargetsForPolicy", params={"PolicyId": "Id"}, result="Targets", key="Targets"),
            _tags("Id"),
        ),
        edges=(EdgeRule("applies-to", "Targets[].TargetId"),),
    ),
    ResourceType(
        name="organizations.delegated-administrator",
        title="Delegated administrator",
        service="organizations",
        operation="ListDelegatedAdministrators",
        items="DelegatedAdministrators",
        id="Id",
        label="Name",
        once_per_account=True,
        details=(
            Detail(
                operation="ListDelegatedServicesForAccount",
                params={"AccountId": "Id"},
                result="DelegatedServices[].ServicePrincipal",
                key="Services",
            ),
        ),
        edges=(EdgeRule("administered-by", "Arn", "organizations.account"),),
    ),
    ResourceType(
        name="sso.instance",
        title="Identity Center instance",
        service="sso-admin",
        operation="ListInstances",
        items="Instances",
        id="InstanceArn",
        arn="InstanceArn",
        label="Name",
    ),
    ResourceType(
        name="sso.permission-set",
        title="Permission set",
        service="sso-admin",
        operation="ListPermissionSets",
        items="PermissionSets",
        wrap="PermissionSetArn",
        id="PermissionSetArn",
        arn="PermissionSetArn",
        label="Name",
        parent=_OWN_INSTANCES,
        details=(
            Detail(operation="DescribePermissionSet", params=_SET, result="PermissionSet"),
            Detail(
                operation="ListManagedPoliciesInPermissionSet",
                params=_SET,
                result="AttachedManagedPolicies",
                key="AttachedPolicies",
            ),
            Detail(
                operation="ListCustomerManagedPolicyReferencesInPermissionSet",
                params=_SET,
                result="CustomerManagedPolicyReferences",
                key="CustomerPolicies",
            ),
            Detail(
                operation="GetInlinePolicyForPermissionSet", params=_SET, result="InlinePolicy", key="PolicyDocument"
            ),
            Detail(
                operation="GetPermissionsBoundaryForPermissionSet",
                params=_SET,
                result="PermissionsBoundary",
                key="PermissionsBoundary",
                absent=("ResourceNotFoundException",),
            ),
            Detail(
                operation="ListAccountsForProvisionedPermissionSet",
                params=_SET,
                result="AccountIds",
                key="ProvisionedIn",
            ),
            Detail(
                operation="ListTagsForResource",
                params={"InstanceArn": "InstanceArn", "ResourceArn": "PermissionSetArn"},
                result="Tags",
                key="Tags",
            ),
        ),
        edges=(
            EdgeRule("of-instance", "InstanceArn", "sso.instance"),
            EdgeRule("has-policy", "AttachedPolicies[].Arn"),
            EdgeRule("applies-to", "ProvisionedIn[]", "organizations.account"),
        ),
    ),
    ResourceType(
        name="sso.application",
        title="Identity Center application",
        service="sso-admin",
        operation="ListApplications",
        items="Applications",
        id="ApplicationArn",
        arn="ApplicationArn",
        label="Name",
        parent=_OWN_INSTANCES,
        owner="ApplicationAccount",
        edges=(EdgeRule("of-instance", "InstanceArn", "sso.instance"),),
    ),
)
