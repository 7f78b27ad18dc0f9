"""IAM: identities and permissions, once per account."""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_POLICIES = EdgeRule("has-policy", "AttachedPolicies[].PolicyArn", "iam.policy")

TYPES = (
    ResourceType(
        name="iam.role",
        title="IAM role",
        service="iam",
        operation="ListRoles",
        items="Roles",
        id="RoleName",
        arn="Arn",
        label="RoleName",
        once_per_account=True,
        volatile=("RoleLastUsed",),
        details=(
            Detail(operation="ListRoleTags", params={"RoleName": "RoleName"}, result="Tags", key="Tags"),
            Detail(
                operation="ListAttachedRolePolicies",
                params={"RoleName": "RoleName"},
                result="AttachedPolicies",
                key="AttachedPolicies",
            ),
            Detail(
                operation="ListRolePolicies",
                params={"RoleName": "RoleName"},
                result="PolicyNames",
                key="InlinePolicies",
            ),
        ),
        edges=(_POLICIES,),
    ),
    ResourceType(
        name="iam.user",
        title="IAM user",
        service="iam",
        operation="ListUsers",
        items="Users",
        id="UserName",
        arn="Arn",
        label="UserName",
        once_per_account=True,
        volatile=("PasswordLastUsed",),
        details=(
            Detail(operation="ListUserTags", params={"UserName": "UserName"}, result="Tags", key="Tags"),
            Detail(
                operation="ListAttachedUserPolicies",
                params={"UserName": "UserName"},
                result="AttachedPolicies",
                key="AttachedPolicies",
            ),
            Detail(
                operation="ListGroupsForUser",
                params={"UserName": "UserName"},
                result="Groups[].GroupName",
                key="Groups",
            ),
            Detail(
                operation="ListAccessKeys",
                params={"UserName": "UserName"},
                result="AccessKeyMetadata",
                key="AccessKeys",
            ),
            Detail(
                operation="ListMFADevices",
                params={"UserName": "UserName"},
                result="MFADevices",
                key="MfaDevices",
            ),
        ),
        edges=(_POLICIES, EdgeRule("member-of", "Groups[]", "iam.group")),
    ),
    ResourceType(
        name="iam.group",
        title="IAM group",
        service="iam",
        operation="ListGroups",
        items="Groups",
        id="GroupName",
        arn="Arn",
        label="GroupName",
        once_per_account=True,
        details=(
            Detail(
                operation="ListAttachedGroupPolicies",
                params={"GroupName": "GroupName"},
                result="AttachedPolicies",
                key="AttachedPolicies",
            ),
        ),
        edges=(_POLICIES,),
    ),
    ResourceType(
        name="iam.policy",
        title="IAM policy",
        service="iam",
        operation="ListPolicies",
        request={"Scope": "Local"},
        items="Policies",
        id="PolicyName",
        arn="Arn",
        label="PolicyName",
        once_per_account=True,
        details=(
            Detail(
                operation="GetPolicyVersion",
                params={"PolicyArn": "Arn", "VersionId": "DefaultVersionId"},
                result="PolicyVersion.Document",
                key="PolicyDocument",
            ),
            Detail(operation="ListPolicyTags", params={"PolicyArn": "Arn"}, result="Tags", key="Tags"),
        ),
    ),
    ResourceType(
        name="iam.instance-profile",
        title="Instance profile",
        service="iam",
        operation="ListInstanceProfiles",
        items="InstanceProfiles",
        id="InstanceProfileName",
        arn="Arn",
        label="InstanceProfileName",
        once_per_account=True,
        volatile=("Roles.*.RoleLastUsed",),
        details=(
            Detail(
                operation="ListInstanceProfileTags",
                params={"InstanceProfileName": "InstanceProfileName"},
                result="Tags",
                key="Tags",
            ),
        ),
        edges=(EdgeRule("uses-role", "Roles[].Arn", "iam.role"),),
    ),
)
