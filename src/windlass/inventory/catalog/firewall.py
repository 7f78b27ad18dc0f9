"""WAF and Network Firewall: filters of traffic."""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_RULE_GROUPS = EdgeRule("uses-rules", "Rules[].Statement.RuleGroupReferenceStatement.ARN", "waf.rule-group")
_IP_SETS = EdgeRule("uses-addresses", "Rules[].Statement.IPSetReferenceStatement.ARN", "waf.ip-set")
_LOGS = EdgeRule("logs-to", "LogDestinations[]")
_GUARDED = (
    '`["APPLICATION_LOAD_BALANCER", "API_GATEWAY", "APPSYNC", "COGNITO_USER_POOL", "APP_RUNNER_SERVICE", '
    '"VERIFIED_ACCESS_INSTANCE"]`'
)
_TAGS = Detail(
    operation="ListTagsForResource", params={"ResourceARN": "ARN"}, result="TagInfoForResource.TagList", key="Tags"
)
_LOGGING = Detail(
    operation="GetLoggingConfiguration",
    params={"ResourceArn": "ARN"},
    result="LoggingConfiguration.LogDestinationConfigs",
    key="LogDestinations",
    absent=("WAFNonexistentItemException",),
)


def _read(operation: str, result: str, scope: str) -> Detail:
    return Detail(operation=operation, params={"Name": "Name", "Scope": f"'{scope}'", "Id": "Id"}, result=result)


TYPES = (
    ResourceType(
        name="waf.web-acl",
        title="WAF web ACL",
        service="wafv2",
        operation="ListWebACLs",
        request={"Scope": "REGIONAL"},
        items="WebACLs",
        id="Id",
        arn="ARN",
        label="Name",
        volatile=("LockToken",),
        details=(
            _read("GetWebACL", "WebACL", "REGIONAL"),
            _TAGS,
            _LOGGING,
            Detail(
                operation="ListResourcesForWebACL",
                params={"WebACLArn": "ARN", "ResourceType": "each"},
                result="ResourceArns",
                key="Guarded",
                each=_GUARDED,
            ),
        ),
        edges=(EdgeRule("guards", "Guarded.*[]"), _RULE_GROUPS, _IP_SETS, _LOGS),
    ),
    ResourceType(
        name="waf.cloudfront-web-acl",
        title="WAF web ACL of CloudFront",
        service="wafv2",
        operation="ListWebACLs",
        request={"Scope": "CLOUDFRONT"},
        items="WebACLs",
        id="Id",
        arn="ARN",
        label="Name",
        once_per_account=True,
        volatile=("LockToken",),
        details=(_read("GetWebACL", "WebACL", "CLOUDFRONT"), _TAGS, _LOGGING),
        edges=(_RULE_GROUPS, _IP_SETS, _LOGS),
    ),
    ResourceType(
        name="waf.ip-set",
        title="WAF IP set",
        service="wafv2",
        operation="ListIPSets",
        request={"Scope": "REGIONAL"},
        items="IPSets",
        id="Id",
        arn="ARN",
        label="Name",
        volatile=("LockToken",),
        details=(_read("GetIPSet", "IPSet", "REGIONAL"), _TAGS),
    ),
    ResourceType(
        name="waf.rule-group",
        title="WAF rule group",
        service="wafv2",
        operation="ListRuleGroups",
        request={"Scope": "REGIONAL"},
        items="RuleGroups",
        id="Id",
        arn="ARN",
        label="Name",
        volatile=("LockToken",),
        details=(_read("GetRuleGroup", "RuleGroup", "REGIONAL"), _TAGS),
        edges=(_IP_SETS,),
    ),
    ResourceType(
        name="network-firewall.firewall",
        title="Network Firewall",
        service="network-firewall",
        operation="ListFirewalls",
        items="Firewalls",
        id="FirewallName",
        arn="FirewallArn",
        label="FirewallName",
        details=(
            Detail(operation="DescribeFirewall", params={"FirewallArn": "FirewallArn"}, result="Firewall"),
            Detail(
                operation="DescribeLoggingConfiguration",
                params={"FirewallArn": "FirewallArn"},
                result="LoggingConfiguration.LogDestinationConfigs",
                key="Logging",
            ),
        ),
        volatile=("NumberOfAssociations",),
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "SubnetMappings[].SubnetId", "ec2.subnet"),
            EdgeRule("uses-policy", "FirewallPolicyArn", "network-firewall.policy"),
            EdgeRule("attached-to", "TransitGatewayId", "ec2.transit-gateway"),
            EdgeRule("encrypted-by", "EncryptionConfiguration.KeyId", "kms.key"),
        ),
    ),
    ResourceType(
        name="network-firewall.policy",
        title="Network Firewall policy",
        service="network-firewall",
        operation="ListFirewallPolicies",
        items="FirewallPolicies",
        id="Name",
        arn="Arn",
        label="Name",
        details=(
            Detail(
                operation="DescribeFirewallPolicy",
                params={"FirewallPolicyArn": "Arn"},
                result="FirewallPolicyResponse && merge(FirewallPolicyResponse, {Policy: FirewallPolicy})",
            ),
        ),
        volatile=(
            "NumberOfAssociations",
            "ConsumedStatelessRuleCapacity",
            "ConsumedStatefulRuleCapacity",
            "ConsumedStatefulDomainCapacity",
        ),
        edges=(
            EdgeRule("uses-rules", "Policy.StatefulRuleGroupReferences[].ResourceArn", "network-firewall.rule-group"),
            EdgeRule("uses-rules", "Policy.StatelessRuleGroupReferences[].ResourceArn", "network-firewall.rule-group"),
            EdgeRule("encrypted-by", "EncryptionConfiguration.KeyId", "kms.key"),
        ),
    ),
    ResourceType(
        name="network-firewall.rule-group",
        title="Network Firewall rule group",
        service="network-firewall",
        operation="ListRuleGroups",
        items="RuleGroups",
        id="Name",
        arn="Arn",
        label="Name",
        details=(
            Detail(
                operation="DescribeRuleGroup",
                params={"RuleGroupArn": "Arn"},
                result="RuleGroupResponse && merge(RuleGroupResponse, {Rules: RuleGroup})",
            ),
        ),
        volatile=("NumberOfAssociations", "ConsumedCapacity"),
        ordered=("Rules.RulesSource.StatefulRules", "Rules.RulesSource.StatelessRulesAndCustomActions.StatelessRules"),
        edges=(
            EdgeRule("notifies", "SnsTopic", "sns.topic"),
            EdgeRule("encrypted-by", "EncryptionConfiguration.KeyId", "kms.key"),
        ),
    ),
)
