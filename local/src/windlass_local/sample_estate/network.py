"""A VPC per account and region: subnets, gateways, routes, security groups, certificates, a load balancer."""

from __future__ import annotations

from dataclasses import dataclass

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.identity import tag_list
from windlass_local.sample_estate.plan import ACCOUNTS, REGIONS

__all__ = ["Network", "build_network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The network of a region."""

    vpc_id: str
    cidr: str
    subnets: tuple[str, ...]
    groups: dict[str, str]
    key_arn: str  # empty where the company has no key
    target_group_arn: str


_KEYS_IN = ("us-east-1", "eu-west-1")  # a key or a certificate costs the embedded AWS a real RSA key pair


def _name_tags(name: str) -> dict[str, str]:
    return {"Name": name, "team": "platform", "managed-by": "terraform"}


def build_network(estate_region: EstateRegion) -> Network:
    """Create the network of a region."""
    ec2 = estate_region.client("ec2")
    number = list(ACCOUNTS).index(estate_region.account_id) * len(REGIONS) + REGIONS.index(estate_region.region)
    cidr = f"10.{20 + number}"
    vpc = estate_region.make("ec2.vpc", ec2.create_vpc, CidrBlock=f"{cidr}.0.0/16")["Vpc"]["VpcId"]
    subnets = []
    for at, zone in enumerate("ab"):
        created = estate_region.make(
            "ec2.subnet",
            ec2.create_subnet,
            VpcId=vpc,
            CidrBlock=f"{cidr}.{at}.0/24",
            AvailabilityZone=f"{estate_region.region}{zone}",
        )
        subnets.append(created["Subnet"]["SubnetId"])
    gateway = estate_region.make("ec2.internet-gateway", ec2.create_internet_gateway)["InternetGateway"][
        "InternetGatewayId"
    ]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = estate_region.make("ec2.elastic-ip", ec2.allocate_address, Domain="vpc")["AllocationId"]
    nat = estate_region.make("ec2.nat-gateway", ec2.create_nat_gateway, SubnetId=subnets[0], AllocationId=address)
    table = estate_region.make("ec2.route-table", ec2.create_route_table, VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(
        RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGateway"]["NatGatewayId"]
    )
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[1])
    groups = {
        name: _group(estate_region, vpc, name, sources)
        for name, sources in (("web", "0.0.0.0/0"), ("internal", "10.0.0.0/8"))
    }
    estate_region.make(
        "ec2.vpc-endpoint",
        ec2.create_vpc_endpoint,
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{estate_region.region}.s3",
        RouteTableIds=[table],
    )
    estate_region.make(
        "ec2.network-interface",
        ec2.create_network_interface,
        SubnetId=subnets[0],
        Description="spare, kept for failover",
        PrivateIpAddress=f"{cidr}.0.250",
        Groups=[groups["internal"]],
    )
    ec2.create_tags(Resources=[vpc], Tags=tag_list(_name_tags("main")))
    ec2.create_tags(Resources=subnets, Tags=tag_list(_name_tags("main-private")))
    ec2.create_tags(Resources=[table, gateway], Tags=tag_list(_name_tags("main")))
    return Network(
        vpc_id=vpc,
        cidr=cidr,
        subnets=tuple(subnets),
        groups=groups,
        key_arn=_key(estate_region),
        target_group_arn=_balancer(estate_region, vpc, subnets, groups["web"]),
    )


def _group(estate_region: EstateRegion, vpc: str, name: str, source: str) -> str:
    ec2 = estate_region.client("ec2")
    created = estate_region.make(
        "ec2.security-group", ec2.create_security_group, GroupName=name, Description=f"{name} traffic", VpcId=vpc
    )
    ports = (443, 22) if name == "web" and estate_region.account_id == "333333333333" else (443,)
    ec2.authorize_security_group_ingress(
        GroupId=created["GroupId"],
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": source}]} for port in ports
        ],
    )
    return str(created["GroupId"])


def _key(estate_region: EstateRegion) -> str:
    if estate_region.region not in _KEYS_IN:
        return ""
    kms = estate_region.client("kms")
    key = estate_region.make(
        "kms.key", kms.create_key, Description="data at rest", Tags=[{"TagKey": "team", "TagValue": "platform"}]
    )
    kms.create_alias(AliasName="alias/data", TargetKeyId=key["KeyMetadata"]["KeyId"])
    if estate_region.account_id == "111111111111":
        kms.enable_key_rotation(KeyId=key["KeyMetadata"]["KeyId"])
    return str(key["KeyMetadata"]["Arn"])


def _balancer(estate_region: EstateRegion, vpc: str, subnets: list[str], group: str) -> str:
    elb = estate_region.client("elbv2")
    tags = tag_list({"team": "web", "env": "prod" if estate_region.account_id != "333333333333" else "dev"})
    balancer = estate_region.make(
        "elb.load-balancer", elb.create_load_balancer, Name="edge", Subnets=subnets, SecurityGroups=[group], Tags=tags
    )
    target = estate_region.make(
        "elb.target-group", elb.create_target_group, Name="storefront", Protocol="HTTP", Port=8080, VpcId=vpc
    )
    arn = target["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    if estate_region.region in _KEYS_IN:
        acm = estate_region.client("acm")
        estate_region.make(
            "acm.certificate", acm.request_certificate, DomainName=f"{estate_region.region}.harbour.example"
        )
    return str(arn)
