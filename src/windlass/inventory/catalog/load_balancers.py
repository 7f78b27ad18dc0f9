"""Elastic Load Balancing: load balancers of both generations, listeners, rules, targets."""

from windlass.inventory.resource_type import Detail, EdgeRule, Parent, ResourceType

_LOAD_BALANCERS = Parent(
    operation="DescribeLoadBalancers", items="LoadBalancers", params={"LoadBalancerArn": "LoadBalancerArn"}
)
_LISTENERS = Parent(
    operation="DescribeListeners",
    items="Listeners",
    params={"ListenerArn": "ListenerArn"},
    parent=_LOAD_BALANCERS,
)


def _tags(arn: str) -> Detail:
    return Detail(
        operation="DescribeTags",
        params={"ResourceArns": f"[{arn}]"},
        result="TagDescriptions[0].Tags",
        key="Tags",
    )


TYPES = (
    ResourceType(
        name="elb.load-balancer",
        title="Load balancer",
        service="elbv2",
        operation="DescribeLoadBalancers",
        items="LoadBalancers",
        id="LoadBalancerName",
        arn="LoadBalancerArn",
        label="LoadBalancerName",
        details=(
            _tags("LoadBalancerArn"),
            Detail(
                operation="DescribeListeners",
                params={"LoadBalancerArn": "LoadBalancerArn"},
                result="Listeners",
                key="Listeners",
            ),
            Detail(
                operation="DescribeLoadBalancerAttributes",
                params={"LoadBalancerArn": "LoadBalancerArn"},
                result="Attributes",
                key="Attributes",
            ),
        ),
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "AvailabilityZones[].SubnetId", "ec2.subnet"),
            EdgeRule("in-security-group", "SecurityGroups[]", "ec2.security-group"),
            EdgeRule("forwards-to", "Listeners[].DefaultActions[].TargetGroupArn", "elb.target-group"),
            EdgeRule("uses-certificate", "Listeners[].Certificates[].CertificateArn", "acm.certificate"),
            EdgeRule("logs-to", "Attributes[?Key == 'access_logs.s3.bucket'].Value", "s3.bucket"),
        ),
    ),
    ResourceType(
        name="elb.classic-load-balancer",
        title="Classic load balancer",
        service="elb",
        operation="DescribeLoadBalancers",
        items="LoadBalancerDescriptions",
        id="LoadBalancerName",
        arn="arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{id}",
        label="LoadBalancerName",
        details=(
            Detail(
                operation="DescribeTags",
                params={"LoadBalancerNames": "[LoadBalancerName]"},
                result="TagDescriptions[0].Tags",
                key="Tags",
            ),
            Detail(
                operation="DescribeLoadBalancerAttributes",
                params={"LoadBalancerName": "LoadBalancerName"},
                result="LoadBalancerAttributes",
                key="Attributes",
            ),
        ),
        edges=(
            EdgeRule("in-vpc", "VPCId", "ec2.vpc"),
            EdgeRule("in-subnet", "Subnets[]", "ec2.subnet"),
            EdgeRule("in-security-group", "SecurityGroups[]", "ec2.security-group"),
            EdgeRule("forwards-to", "Instances[].InstanceId", "ec2.instance"),
            EdgeRule("uses-certificate", "ListenerDescriptions[].Listener.SSLCertificateId"),
            EdgeRule("logs-to", "Attributes.AccessLog.S3BucketName", "s3.bucket"),
        ),
    ),
    ResourceType(
        name="elb.listener",
        title="Listener",
        service="elbv2",
        operation="DescribeListeners",
        items="Listeners",
        id="ListenerArn",
        arn="ListenerArn",
        parent=_LOAD_BALANCERS,
        details=(_tags("ListenerArn"),),
        ordered=("AlpnPolicy",),
        edges=(
            EdgeRule("of-load-balancer", "LoadBalancerArn", "elb.load-balancer"),
            EdgeRule("forwards-to", "DefaultActions[].TargetGroupArn", "elb.target-group"),
            EdgeRule("forwards-to", "DefaultActions[].ForwardConfig.TargetGroups[].TargetGroupArn", "elb.target-group"),
            EdgeRule("uses-certificate", "Certificates[].CertificateArn", "acm.certificate"),
        ),
    ),
    ResourceType(
        name="elb.listener-rule",
        title="Listener rule",
        service="elbv2",
        operation="DescribeRules",
        items="Rules",
        id="RuleArn",
        arn="RuleArn",
        label="Priority",
        parent=_LISTENERS,
        keep="IsDefault != `true`",  # the default actions of a listener are in the listener
        details=(_tags("RuleArn"),),
        ordered=("Actions",),
        edges=(
            EdgeRule("of-listener", "ListenerArn", "elb.listener"),
            EdgeRule("forwards-to", "Actions[].TargetGroupArn", "elb.target-group"),
            EdgeRule("forwards-to", "Actions[].ForwardConfig.TargetGroups[].TargetGroupArn", "elb.target-group"),
        ),
    ),
    ResourceType(
        name="elb.target-group",
        title="Target group",
        service="elbv2",
        operation="DescribeTargetGroups",
        items="TargetGroups",
        id="TargetGroupName",
        arn="TargetGroupArn",
        label="TargetGroupName",
        details=(
            _tags("TargetGroupArn"),
            Detail(
                operation="DescribeTargetHealth",
                params={"TargetGroupArn": "TargetGroupArn"},
                result="TargetHealthDescriptions",
                key="Targets",
            ),
        ),
        volatile=(
            "Targets.*.TargetHealth",
            "Targets.*.AnomalyDetection",
            "Targets.*.AdministrativeOverride",
        ),
        measures={"target_states": "Targets[].TargetHealth.State"},
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("forwards-to", "Targets[].Target.Id"),
        ),
    ),
)
