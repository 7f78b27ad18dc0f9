"""The parameter by which a type's list operation filters by id: one resource is then read in the same shape as in a scan.

`tests/inventory/events/test_id_parameters.py` derives the table from the catalogue and AWS's models: the string member of the
listing's input, or the list of strings, that is named as the type's id. Types without one are listed, and only the
details of the touched resources are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windlass.inventory.selection import Selection

__all__ = ["ID_PARAMETERS", "selection_of"]

ID_PARAMETERS: Mapping[str, str] = {
    # `[]`: it takes a list
    "autoscaling.group": "AutoScalingGroupNames[]",
    "autoscaling.launch-configuration": "LaunchConfigurationNames[]",
    "cloudformation.stack": "StackName",
    "cloudwatch.alarm": "AlarmNames[]",
    "cloudwatch.composite-alarm": "AlarmNames[]",
    "config.aggregator": "ConfigurationAggregatorNames[]",
    "config.conformance-pack": "ConformancePackNames[]",
    "config.rule": "ConfigRuleNames[]",
    "dax.cluster": "ClusterNames[]",
    "directconnect.connection": "connectionId",
    "directconnect.gateway": "directConnectGatewayId",
    "directconnect.lag": "lagId",
    "directconnect.virtual-interface": "virtualInterfaceId",
    "docdb.cluster": "DBClusterIdentifier",
    "docdb.instance": "DBInstanceIdentifier",
    "ec2.capacity-reservation": "CapacityReservationIds[]",
    "ec2.client-vpn-endpoint": "ClientVpnEndpointIds[]",
    "ec2.customer-gateway": "CustomerGatewayIds[]",
    "ec2.dedicated-host": "HostIds[]",
    "ec2.dhcp-options": "DhcpOptionsIds[]",
    "ec2.egress-only-internet-gateway": "EgressOnlyInternetGatewayIds[]",
    "ec2.flow-log": "FlowLogIds[]",
    "ec2.image": "ImageIds[]",
    "ec2.instance": "InstanceIds[]",
    "ec2.internet-gateway": "InternetGatewayIds[]",
    "ec2.key-pair": "KeyPairIds[]",
    "ec2.launch-template": "LaunchTemplateIds[]",
    "ec2.nat-gateway": "NatGatewayIds[]",
    "ec2.network-acl": "NetworkAclIds[]",
    "ec2.network-interface": "NetworkInterfaceIds[]",
    "ec2.placement-group": "GroupNames[]",
    "ec2.prefix-list": "PrefixListIds[]",
    "ec2.route-table": "RouteTableIds[]",
    "ec2.security-group": "GroupIds[]",
    "ec2.snapshot": "SnapshotIds[]",
    "ec2.subnet": "SubnetIds[]",
    "ec2.transit-gateway": "TransitGatewayIds[]",
    "ec2.transit-gateway-attachment": "TransitGatewayAttachmentIds[]",
    "ec2.transit-gateway-route-table": "TransitGatewayRouteTableIds[]",
    "ec2.volume": "VolumeIds[]",
    "ec2.vpc": "VpcIds[]",
    "ec2.vpc-endpoint": "VpcEndpointIds[]",
    "ec2.vpc-endpoint-service": "ServiceIds[]",
    "ec2.vpc-peering": "VpcPeeringConnectionIds[]",
    "ec2.vpn-connection": "VpnConnectionIds[]",
    "ec2.vpn-gateway": "VpnGatewayIds[]",
    "ecr.repository": "repositoryNames[]",
    "efs.access-point": "AccessPointId",
    "efs.file-system": "FileSystemId",
    "elasticache.cluster": "CacheClusterId",
    "elasticache.parameter-group": "CacheParameterGroupName",
    "elasticache.replication-group": "ReplicationGroupId",
    "elasticache.serverless-cache": "ServerlessCacheName",
    "elasticache.subnet-group": "CacheSubnetGroupName",
    "elasticache.user": "UserId",
    "elb.classic-load-balancer": "LoadBalancerNames[]",
    "fsx.file-system": "FileSystemIds[]",
    "fsx.volume": "VolumeIds[]",
    "inspector.account": "accountIds[]",
    "inspector.filter": "arns[]",
    "neptune.cluster": "DBClusterIdentifier",
    "neptune.instance": "DBInstanceIdentifier",
    "rds.cluster": "DBClusterIdentifier",
    "rds.cluster-parameter-group": "DBClusterParameterGroupName",
    "rds.cluster-snapshot": "DBClusterSnapshotIdentifier",
    "rds.global-cluster": "GlobalClusterIdentifier",
    "rds.instance": "DBInstanceIdentifier",
    "rds.option-group": "OptionGroupName",
    "rds.parameter-group": "DBParameterGroupName",
    "rds.proxy": "DBProxyName",
    "rds.snapshot": "DBSnapshotIdentifier",
    "rds.subnet-group": "DBSubnetGroupName",
    "redshift.cluster": "ClusterIdentifier",
    "redshift.subnet-group": "ClusterSubnetGroupName",
    "securityhub.hub": "HubArn",
    "securityhub.standard": "StandardsSubscriptionArns[]",
}


def selection_of(type_name: str, names: Iterable[str]) -> Selection:
    """Return the selection of the resources with these names in a scope of the type."""
    parameter = ID_PARAMETERS.get(type_name, "")
    return Selection(frozenset(names), parameter.removesuffix("[]"), parameter.endswith("[]"))
