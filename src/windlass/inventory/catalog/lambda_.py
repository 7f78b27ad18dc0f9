"""Lambda: functions, their sources and layers."""

from windlass.inventory.resource_type import Detail, EdgeRule, Parent, ResourceType

_FUNCTIONS = Parent(operation="ListFunctions", items="Functions", params={"FunctionName": "FunctionName"})

TYPES = (
    ResourceType(
        name="lambda.function",
        title="Lambda function",
        service="lambda",
        operation="ListFunctions",
        items="Functions",
        id="FunctionName",
        arn="FunctionArn",
        label="FunctionName",
        redact=("Environment.Variables.*",),
        details=(
            Detail(operation="ListTags", params={"Resource": "FunctionArn"}, result="Tags", key="Tags"),
            Detail(
                operation="GetPolicy",
                params={"FunctionName": "FunctionName"},
                result="Policy",
                key="Policy",
                absent=("ResourceNotFoundException",),
            ),
        ),
        edges=(
            EdgeRule("uses-role", "Role", "iam.role"),
            EdgeRule("uses-layer", "Layers[].Arn", "lambda.layer"),
            EdgeRule("in-vpc", "VpcConfig.VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "VpcConfig.SubnetIds[]", "ec2.subnet"),
            EdgeRule("in-security-group", "VpcConfig.SecurityGroupIds[]", "ec2.security-group"),
            EdgeRule("dead-letters-to", "DeadLetterConfig.TargetArn", "sqs.queue"),
            EdgeRule("encrypted-by", "KMSKeyArn", "kms.key"),
        ),
    ),
    ResourceType(
        name="lambda.event-source-mapping",
        title="Event source mapping",
        service="lambda",
        operation="ListEventSourceMappings",
        items="EventSourceMappings",
        id="UUID",
        arn="arn:{partition}:lambda:{region}:{account}:event-source-mapping:{id}",
        volatile=("LastProcessingResult", "LastModified"),
        edges=(EdgeRule("reads-from", "EventSourceArn"), EdgeRule("invokes", "FunctionArn", "lambda.function")),
    ),
    ResourceType(
        name="lambda.layer",
        title="Lambda layer",
        service="lambda",
        operation="ListLayers",
        items="Layers",
        id="LayerName",
        arn="LayerArn",
        label="LayerName",
    ),
    ResourceType(
        name="lambda.alias",
        title="Lambda alias",
        service="lambda",
        operation="ListAliases",
        items="Aliases",
        id="join(':', [FunctionName, Name])",
        arn="AliasArn",
        label="Name",
        parent=_FUNCTIONS,
        volatile=("RevisionId",),
        edges=(EdgeRule("alias-of", "FunctionName", "lambda.function"),),
    ),
    ResourceType(
        name="lambda.function-url",
        title="Lambda function URL",
        service="lambda",
        operation="ListFunctionUrlConfigs",
        items="FunctionUrlConfigs",
        id="FunctionUrl",
        label="FunctionUrl",
        parent=_FUNCTIONS,
        edges=(EdgeRule("invokes", "FunctionArn", "lambda.function"),),
    ),
)
