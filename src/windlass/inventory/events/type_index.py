"""The types of a service by the names that events use for it: CloudTrail's event source, an ARN, Config's type. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from windlass.core.arns import Arn, parse_arn
from windlass.inventory.automatic.presence import config_type_names
from windlass.inventory.resource_type import ResourceType

__all__ = ["EC2_PREFIXES", "IndexedType", "TypeIndex"]

_SOURCES: Mapping[str, str] = {
    # the prefix of eventSource (and of ARNs) where it is not the name of botocore's service
    "s3control": "s3",
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "apigatewayv2": "apigateway",
    "sso-admin": "sso",
    "opensearch": "es",
    "memorydb": "memory-db",
    "timestream-write": "timestream",
    "neptune": "rds",
    "docdb": "rds",
    "efs": "elasticfilesystem",
    "accessanalyzer": "access-analyzer",
    "emr": "elasticmapreduce",
    "stepfunctions": "states",
    "cloudwatch": "monitoring",
    "bedrock-agent": "bedrock",
    "mq": "amazonmq",
}
_ARN_SERVICES: Mapping[str, str] = {"cloudwatch": "monitoring", "memorydb": "memory-db", "mq": "amazonmq"}
"""The service in an ARN where it is not the prefix of eventSource."""
_NOUNS: Mapping[str, tuple[str, ...]] = {
    # the noun of operations where it is not that of the type
    "ec2.elastic-ip": ("address",),
    "ec2.vpc-peering": ("vpcpeeringconnection",),
    "ec2.prefix-list": ("managedprefixlist",),
    "ec2.dedicated-host": ("host",),
    "apigateway.http-api": ("api",),
    "iam.oidc-provider": ("openidconnectprovider",),
    "route53.zone": ("hostedzone", "resourcerecordset"),
    "elb.listener-rule": ("rule",),
    "elb.classic-load-balancer": ("loadbalancer",),
    "waf.cloudfront-web-acl": ("webacl",),
    "events.bus": ("eventbus",),
    "scheduler.schedule": ("schedule",),
    "config.recorder": ("configurationrecorder",),
    "cloudwatch.composite-alarm": ("compositealarm", "alarm"),
}
EC2_PREFIXES: Mapping[str, str] = {
    "i": "ec2.instance",
    "vpc": "ec2.vpc",
    "subnet": "ec2.subnet",
    "eni": "ec2.network-interface",
    "eipalloc": "ec2.elastic-ip",
    "sg": "ec2.security-group",
    "vol": "ec2.volume",
    "snap": "ec2.snapshot",
    "ami": "ec2.image",
    "nat": "ec2.nat-gateway",
    "rtb": "ec2.route-table",
    "igw": "ec2.internet-gateway",
    "vpce": "ec2.vpc-endpoint",
    "lt": "ec2.launch-template",
    "acl": "ec2.network-acl",
    "key": "ec2.key-pair",
    "cr": "ec2.capacity-reservation",
    "h": "ec2.dedicated-host",
    "fl": "ec2.flow-log",
    "tgw": "ec2.transit-gateway",
    "tgw-attach": "ec2.transit-gateway-attachment",
    "tgw-rtb": "ec2.transit-gateway-route-table",
    "pcx": "ec2.vpc-peering",
    "pl": "ec2.prefix-list",
    "vpn": "ec2.vpn-connection",
    "vgw": "ec2.vpn-gateway",
    "cgw": "ec2.customer-gateway",
    "dopt": "ec2.dhcp-options",
    "eigw": "ec2.egress-only-internet-gateway",
    "vpce-svc": "ec2.vpc-endpoint-service",
}
"""The types of EC2's ids by their prefix. Source: EC2 User Guide, "Longer resource IDs"."""
_GENERIC = frozenset({"name", "id", "arn", "identifier", "description", "alias", "key"})


@dataclass(frozen=True)
class IndexedType:
    """A type with its names in events."""

    kind: ResourceType

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """Its noun in the names of operations, in lower case: `securitygroup`."""
        return (self.kind.name.partition(".")[2].replace("-", ""), *_NOUNS.get(self.kind.name, ()))

    @cached_property
    def keys(self) -> frozenset[str]:
        """The members, in lower case, of parameters and responses that name a resource of this type and no other."""
        kind = self.kind
        members = {_last(path) for path in (kind.id, kind.label, kind.arn if "{" not in kind.arn else "")}
        derived = {noun + ending for noun in self.nouns for ending in ("name", "id", "arn", "identifier", "url", "")}
        lists = {key + "s" for key in members | derived if key}
        return frozenset((members | derived | lists) - _GENERIC - {""})

    @cached_property
    def arn_pattern(self) -> re.Pattern[str] | None:
        """The form of its ARN; None when only AWS knows it."""
        if "{" not in self.kind.arn:
            return None
        pattern = re.escape(self.kind.arn)
        for name in ("partition", "region", "account"):
            pattern = pattern.replace(re.escape(f"{{{name}}}"), "[^:]*")
        return re.compile(pattern.replace(re.escape("{id}"), "(.+)"))


def _last(path: str) -> str:
    return path.lower() if path.isidentifier() else ""


@dataclass(frozen=True)
class TypeIndex:
    """The collected types, by which the type in an event is found."""

    kinds: tuple[ResourceType, ...]
    by_source: Mapping[str, tuple[IndexedType, ...]] = field(default_factory=dict)
    by_name: Mapping[str, IndexedType] = field(default_factory=dict)
    by_config_name: Mapping[str, ResourceType] = field(default_factory=dict)

    @classmethod
    def of(cls, kinds: Iterable[ResourceType]) -> TypeIndex:
        """Index the types with a declaration; only scans read derived types."""
        curated = tuple(kind for kind in kinds if not kind.automatic)
        indexed = {kind.name: IndexedType(kind) for kind in curated}
        sources: defaultdict[str, list[IndexedType]] = defaultdict(list)
        for entry in indexed.values():
            sources[_SOURCES.get(entry.kind.service, entry.kind.service)].append(entry)
        return cls(
            curated,
            {source: tuple(types) for source, types in sources.items()},
            indexed,
            config_type_names(curated)
            | {name: indexed[to].kind for name, to in _CONFIG_NAMES.items() if to in indexed},
        )

    def of_source(self, event_source: str) -> tuple[IndexedType, ...]:
        """Return the types of CloudTrail's event source: `s3.amazonaws.com`."""
        return self.by_source.get(event_source.partition(".amazonaws.")[0], ())

    def of_arn(self, text: str) -> tuple[IndexedType, ...]:
        """Return the types that an ARN may be of: by its declared form, else by its resource type."""
        arn = parse_arn(text)
        if arn is None:
            return ()
        types = self.by_source.get(_ARN_SERVICES.get(arn.service, arn.service), ())
        matching = tuple(entry for entry in types if entry.arn_pattern and entry.arn_pattern.fullmatch(text))
        return matching or tuple(entry for entry in types if entry.arn_pattern is None and _is_of(entry, arn))


_CONFIG_NAMES: Mapping[str, str] = {
    # Config's names that do not follow from ours. Source: AWS Config Developer Guide, "Supported Resource Types"
    "aws::ec2::eip": "ec2.elastic-ip",
    "aws::ec2::networkinterface": "ec2.network-interface",
    "aws::ec2::vpcpeeringconnection": "ec2.vpc-peering",
    "aws::ec2::host": "ec2.dedicated-host",
    "aws::rds::dbinstance": "rds.instance",
    "aws::rds::dbcluster": "rds.cluster",
    "aws::rds::dbsnapshot": "rds.snapshot",
    "aws::rds::dbclustersnapshot": "rds.cluster-snapshot",
    "aws::rds::dbsubnetgroup": "rds.subnet-group",
    "aws::events::eventbus": "events.bus",
    "aws::route53::hostedzone": "route53.zone",
    "aws::logs::loggroup": "logs.group",
    "aws::autoscaling::autoscalinggroup": "autoscaling.group",
    "aws::elasticloadbalancing::loadbalancer": "elb.classic-load-balancer",
    "aws::elasticloadbalancingv2::loadbalancer": "elb.load-balancer",
    "aws::iam::group": "iam.group",
    "aws::wafv2::webacl": "waf.web-acl",
}


def _is_of(each: IndexedType, arn: Arn) -> bool:
    resource_type = arn.resource_type.replace("-", "").replace("_", "").lower()
    return resource_type in each.nouns if resource_type else not each.kind.parent
