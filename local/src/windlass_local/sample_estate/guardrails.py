"""What keeps an estate in order and connects it: guardrails of accounts, and one of each further network resource."""

from __future__ import annotations

import json

from windlass_local.sample_estate.central_services import HOMES
from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.identity import role_arn, tag_list
from windlass_local.sample_estate.network import Network

__all__ = ["build_account_guardrails", "build_connections", "build_organization_policy"]

_PLATFORM = {"team": "platform", "managed-by": "terraform"}
_HOME = min(HOMES)


def _policy(effect: str, action: str) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def build_organization_policy(estate_region: EstateRegion) -> None:
    """Attach a service control policy to the root, from the management account."""
    client = estate_region.client("organizations")
    root = client.list_roots()["Roots"][0]["Id"]
    client.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    policy = estate_region.make(
        "organizations.policy",
        client.create_policy,
        Name="no-public-images",
        Description="Images stay in the organization.",
        Type="SERVICE_CONTROL_POLICY",
        Content=_policy("Deny", "ec2:ModifyImageAttribute"),
    )
    client.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=root)


def build_account_guardrails(estate_region: EstateRegion) -> None:
    """Set what an account has once: its password policy and inline policies."""
    iam = estate_region.client("iam")
    estate_region.make("iam.password-policy", iam.update_account_password_policy, MinimumPasswordLength=14)
    iam.put_role_policy(
        RoleName="workflow", PolicyName="start", PolicyDocument=_policy("Allow", "states:StartExecution")
    )
    iam.put_user_policy(
        UserName="data-deploy", PolicyName="deploy", PolicyDocument=_policy("Allow", "glue:StartJobRun")
    )
    iam.put_group_policy(
        GroupName="data", PolicyName="query", PolicyDocument=_policy("Allow", "athena:StartQueryExecution")
    )


def build_connections(estate_region: EstateRegion, network: Network) -> None:
    """Create one of each in the account's and region's network, where the company has its central services."""
    if (estate_region.account_id, estate_region.region) != _HOME:
        return
    _traffic(estate_region, network)
    _databases(estate_region)
    _operations(estate_region, network)


def _traffic(estate_region: EstateRegion, network: Network) -> None:
    ec2, elb = estate_region.client("ec2"), estate_region.client("elbv2")
    estate_region.client("logs").create_log_group(logGroupName="/vpc/flow")
    estate_region.make(
        "ec2.flow-log",
        ec2.create_flow_logs,
        ResourceIds=[network.vpc_id],
        ResourceType="VPC",
        TrafficType="REJECT",
        LogGroupName="/vpc/flow",
        DeliverLogsPermissionArn=role_arn(estate_region.account_id, "trail-delivery"),
    )
    gateway = estate_region.make("ec2.transit-gateway", ec2.create_transit_gateway, Description="harbour")
    estate_region.make(
        "ec2.transit-gateway-attachment",
        ec2.create_transit_gateway_vpc_attachment,
        TransitGatewayId=gateway["TransitGateway"]["TransitGatewayId"],
        VpcId=network.vpc_id,
        SubnetIds=list(network.subnets),
    )
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    estate_region.make("ec2.vpc-peering", ec2.create_vpc_peering_connection, VpcId=network.vpc_id, PeerVpcId=default)
    estate_region.make(
        "ec2.prefix-list",
        ec2.create_managed_prefix_list,
        PrefixListName="offices",
        AddressFamily="IPv4",
        MaxEntries=4,
        Entries=[{"Cidr": "192.0.2.0/26", "Description": "quayside"}],
    )
    balancer = elb.describe_load_balancers(Names=["edge"])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    estate_region.make(
        "elb.listener-rule",
        elb.create_rule,
        ListenerArn=listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": network.target_group_arn}],
    )


def _databases(estate_region: EstateRegion) -> None:
    rds = estate_region.client("rds")
    estate_region.make(
        "rds.parameter-group",
        rds.create_db_parameter_group,
        DBParameterGroupName="ledger-tuned",
        DBParameterGroupFamily="postgres16",
        Description="longer statements",
        Tags=tag_list({"team": "payments"}),
    )
    estate_region.make(
        "rds.cluster-snapshot",
        rds.create_db_cluster_snapshot,
        DBClusterSnapshotIdentifier="settlement-weekly",
        DBClusterIdentifier="settlement",
    )


def _operations(estate_region: EstateRegion, network: Network) -> None:
    content = {
        "schemaVersion": "2.2",
        "description": "Restart the app.",
        "mainSteps": [{"action": "aws:runShellScript", "name": "restart", "inputs": {"runCommand": ["restart"]}}],
    }
    estate_region.make(
        "ssm.document",
        estate_region.client("ssm").create_document,
        Name="restart-app",
        DocumentType="Command",
        Content=json.dumps(content),
    )
    estate_region.make(
        "glue.crawler",
        estate_region.client("glue").create_crawler,
        Name="lake",
        Role=role_arn(estate_region.account_id, "workflow"),
        DatabaseName="lake",
        Targets={"S3Targets": [{"Path": "s3://harbour-prod-lake/2026/"}]},
        Tags=_PLATFORM,
    )
    estate_region.make(
        "logs.metric-filter",
        estate_region.client("logs").put_metric_filter,
        logGroupName="/vpc/flow",
        filterName="rejected",
        filterPattern="REJECT",
        metricTransformations=[{"metricName": "rejected", "metricNamespace": "harbour", "metricValue": "1"}],
    )
    files = estate_region.client("efs").describe_file_systems()["FileSystems"][0]["FileSystemId"]
    estate_region.make(
        "efs.mount-target",
        estate_region.client("efs").create_mount_target,
        FileSystemId=files,
        SubnetId=network.subnets[0],
        SecurityGroups=[network.groups["internal"]],
    )
    network_configuration = {"awsvpcConfiguration": {"subnets": [network.subnets[0]]}}
    estate_region.make(
        "ecs.task",
        estate_region.client("ecs").run_task,
        cluster="apps",
        taskDefinition="storefront",
        launchType="FARGATE",
        networkConfiguration=network_configuration,
    )
