"""The organization, roles, users and policies: once per account."""

from __future__ import annotations

import json

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.plan import ACCOUNTS, TEAMS

__all__ = ["build_identity", "build_organization", "role_arn", "tag_list", "trust"]


def trust(service: str) -> str:
    """Return the trust policy of a service's role."""
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as Key and Value pairs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def role_arn(account_id: str, name: str) -> str:
    """Return a role's ARN."""
    return f"arn:aws:iam::{account_id}:role/{name}"


def build_organization(estate_region: EstateRegion) -> None:
    """Create the organization with exactly our accounts, from its management account."""
    client = estate_region.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    units = {
        name: client.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
        for name in ("Workloads", "Sandbox")
    }
    for account_id, alias in list(ACCOUNTS.items())[1:]:
        created = client.create_account(Email=f"{account_id}@harbour.example", AccountName=alias)["CreateAccountStatus"]
        unit = units["Sandbox" if "dev" in alias else "Workloads"]
        client.move_account(AccountId=created["AccountId"], SourceParentId=root, DestinationParentId=unit)


def build_identity(estate_region: EstateRegion) -> None:
    """Create roles for people and services, and a user and a policy for each team."""
    iam, account = estate_region.client("iam"), estate_region.account_id
    anyone = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    estate_region.make("iam.role", iam.create_role, RoleName="WindlassReader", AssumeRolePolicyDocument=anyone)
    for name, service in (
        ("replication", "s3"),
        ("pipeline-runner", "lambda"),
        ("instance-base", "ec2"),
        ("task-runner", "ecs-tasks"),
        ("cluster", "eks"),
        ("trail-delivery", "cloudtrail"),
        ("stream-delivery", "firehose"),
        ("gateway-access", "storagegateway"),
        ("workflow", "states"),
    ):
        tags = tag_list({"team": "platform", "managed-by": "terraform"})
        estate_region.make(
            "iam.role", iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust(service), Tags=tags
        )
    for team in TEAMS:
        statement = {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": f"arn:aws:s3:::*-{team}-*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        policy = estate_region.make("iam.policy", iam.create_policy, PolicyName=f"{team}-read", PolicyDocument=document)
        estate_region.make("iam.group", iam.create_group, GroupName=team)
        iam.attach_group_policy(GroupName=team, PolicyArn=policy["Policy"]["Arn"])
        estate_region.make("iam.user", iam.create_user, UserName=f"{team}-deploy", Tags=tag_list({"team": team}))
        iam.add_user_to_group(GroupName=team, UserName=f"{team}-deploy")
    iam.create_access_key(UserName="data-deploy")
    estate_region.make("iam.instance-profile", iam.create_instance_profile, InstanceProfileName="instance-base")
    iam.add_role_to_instance_profile(InstanceProfileName="instance-base", RoleName="instance-base")
    iam.attach_role_policy(RoleName="pipeline-runner", PolicyArn=f"arn:aws:iam::{account}:policy/data-read")
