"""SageMaker and Bedrock: models, what serves them, what guards them."""

from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_SUBNETS = EdgeRule("in-subnet", "VpcConfig.Subnets[]", "ec2.subnet")
_GROUPS = EdgeRule("in-security-group", "VpcConfig.SecurityGroupIds[]", "ec2.security-group")
_KEY = EdgeRule("encrypted-by", "KmsKeyId", "kms.key")


def _tags(arn: str) -> Detail:
    return Detail(operation="ListTags", params={"ResourceArn": arn}, result="Tags", key="Tags")


def _bedrock_tags(arn: str, parameter: str = "resourceARN") -> Detail:
    return Detail(operation="ListTagsForResource", params={parameter: arn}, result="tags", key="Tags")


TYPES = (
    ResourceType(
        name="sagemaker.endpoint",
        title="SageMaker endpoint",
        service="sagemaker",
        operation="ListEndpoints",
        items="Endpoints",
        id="EndpointName",
        arn="EndpointArn",
        label="EndpointName",
        volatile=(
            "ProductionVariants.*.CurrentInstanceCount",
            "ProductionVariants.*.VariantStatus",
            "ShadowProductionVariants.*.CurrentInstanceCount",
            "ShadowProductionVariants.*.VariantStatus",
        ),
        measures={"instances": "ProductionVariants[].CurrentInstanceCount"},
        details=(
            Detail(operation="DescribeEndpoint", params={"EndpointName": "EndpointName"}),
            _tags("EndpointArn"),
        ),
        edges=(EdgeRule("uses-configuration", "EndpointConfigName", "sagemaker.endpoint-config"),),
    ),
    ResourceType(
        name="sagemaker.endpoint-config",
        title="SageMaker endpoint configuration",
        service="sagemaker",
        operation="ListEndpointConfigs",
        items="EndpointConfigs",
        id="EndpointConfigName",
        arn="EndpointConfigArn",
        label="EndpointConfigName",
        details=(
            Detail(operation="DescribeEndpointConfig", params={"EndpointConfigName": "EndpointConfigName"}),
            _tags("EndpointConfigArn"),
        ),
        edges=(
            EdgeRule("serves", "ProductionVariants[].ModelName", "sagemaker.model"),
            EdgeRule("writes-to", "DataCaptureConfig.DestinationS3Uri", "s3.bucket"),
            _KEY,
        ),
    ),
    ResourceType(
        name="sagemaker.model",
        title="SageMaker model",
        service="sagemaker",
        operation="ListModels",
        items="Models",
        id="ModelName",
        arn="ModelArn",
        label="ModelName",
        ordered=("Containers",),
        details=(
            Detail(operation="DescribeModel", params={"ModelName": "ModelName"}),
            _tags("ModelArn"),
        ),
        edges=(
            EdgeRule("uses-role", "ExecutionRoleArn", "iam.role"),
            EdgeRule("stored-in", "PrimaryContainer.ModelDataUrl", "s3.bucket"),
            EdgeRule("stored-in", "Containers[].ModelDataUrl", "s3.bucket"),
            _SUBNETS,
            _GROUPS,
        ),
    ),
    ResourceType(
        name="sagemaker.notebook",
        title="SageMaker notebook instance",
        service="sagemaker",
        operation="ListNotebookInstances",
        items="NotebookInstances",
        id="NotebookInstanceName",
        arn="NotebookInstanceArn",
        label="NotebookInstanceName",
        details=(
            Detail(operation="DescribeNotebookInstance", params={"NotebookInstanceName": "NotebookInstanceName"}),
            _tags("NotebookInstanceArn"),
        ),
        edges=(
            EdgeRule("uses-role", "RoleArn", "iam.role"),
            EdgeRule("in-subnet", "SubnetId", "ec2.subnet"),
            EdgeRule("in-security-group", "SecurityGroups[]", "ec2.security-group"),
            EdgeRule("has-interface", "NetworkInterfaceId", "ec2.network-interface"),
            _KEY,
        ),
    ),
    ResourceType(
        name="sagemaker.domain",
        title="SageMaker domain",
        service="sagemaker",
        operation="ListDomains",
        items="Domains",
        id="DomainId",
        arn="DomainArn",
        label="DomainName",
        details=(
            Detail(operation="DescribeDomain", params={"DomainId": "DomainId"}),
            _tags("DomainArn"),
        ),
        edges=(
            EdgeRule("in-vpc", "VpcId", "ec2.vpc"),
            EdgeRule("in-subnet", "SubnetIds[]", "ec2.subnet"),
            EdgeRule("uses-role", "DefaultUserSettings.ExecutionRole", "iam.role"),
            EdgeRule("stored-in", "HomeEfsFileSystemId", "efs.file-system"),
            _KEY,
        ),
    ),
    ResourceType(
        name="sagemaker.pipeline",
        title="SageMaker pipeline",
        service="sagemaker",
        operation="ListPipelines",
        items="PipelineSummaries",
        id="PipelineName",
        arn="PipelineArn",
        label="PipelineName",
        volatile=("LastExecutionTime",),
        measures={"last_execution": "LastExecutionTime"},
        details=(_tags("PipelineArn"),),
        edges=(EdgeRule("uses-role", "RoleArn", "iam.role"),),
    ),
    ResourceType(
        name="bedrock.guardrail",
        title="Bedrock guardrail",
        service="bedrock",
        operation="ListGuardrails",
        items="guardrails",
        id="id",
        arn="arn",
        label="name",
        details=(
            Detail(operation="GetGuardrail", params={"guardrailIdentifier": "id"}),
            _bedrock_tags("arn"),
        ),
        edges=(EdgeRule("encrypted-by", "kmsKeyArn", "kms.key"),),
    ),
    ResourceType(
        name="bedrock.custom-model",
        title="Bedrock custom model",
        service="bedrock",
        operation="ListCustomModels",
        request={"isOwned": True},
        items="modelSummaries",
        id="modelArn",
        arn="modelArn",
        label="modelName",
        details=(
            Detail(operation="GetCustomModel", params={"modelIdentifier": "modelArn"}),
            _bedrock_tags("modelArn"),
        ),
        edges=(
            EdgeRule("encrypted-by", "modelKmsKeyArn", "kms.key"),
            EdgeRule("made-from", "trainingDataConfig.s3Uri", "s3.bucket"),
        ),
    ),
    ResourceType(
        name="bedrock.provisioned-throughput",
        title="Bedrock provisioned throughput",
        service="bedrock",
        operation="ListProvisionedModelThroughputs",
        items="provisionedModelSummaries",
        id="provisionedModelArn",
        arn="provisionedModelArn",
        label="provisionedModelName",
        details=(_bedrock_tags("provisionedModelArn"),),
        edges=(EdgeRule("serves", "modelArn", "bedrock.custom-model"),),
    ),
    ResourceType(
        name="bedrock.invocation-logging",
        title="Bedrock model invocation logging",
        service="bedrock",
        operation="GetModelInvocationLoggingConfiguration",
        items="loggingConfig && [loggingConfig]",
        id="'invocation-logging'",
        edges=(
            EdgeRule("logs-to", "s3Config.bucketName", "s3.bucket"),
            EdgeRule("logs-to", "cloudWatchConfig.logGroupName", "logs.group"),
            EdgeRule("logs-as", "cloudWatchConfig.roleArn", "iam.role"),
        ),
    ),
    ResourceType(
        name="bedrock.agent",
        title="Bedrock agent",
        service="bedrock-agent",
        operation="ListAgents",
        items="agentSummaries",
        id="agentId",
        arn="arn:{partition}:bedrock:{region}:{account}:agent/{id}",
        label="agentName",
        details=(
            Detail(operation="GetAgent", params={"agentId": "agentId"}, result="agent"),
            _bedrock_tags("{arn}", "resourceArn"),
        ),
        edges=(
            EdgeRule("uses-role", "agentResourceRoleArn", "iam.role"),
            EdgeRule("encrypted-by", "customerEncryptionKeyArn", "kms.key"),
            EdgeRule("guarded-by", "guardrailConfiguration.guardrailIdentifier", "bedrock.guardrail"),
        ),
    ),
    ResourceType(
        name="bedrock.knowledge-base",
        title="Bedrock knowledge base",
        service="bedrock-agent",
        operation="ListKnowledgeBases",
        items="knowledgeBaseSummaries",
        id="knowledgeBaseId",
        arn="arn:{partition}:bedrock:{region}:{account}:knowledge-base/{id}",
        label="name",
        details=(
            Detail(
                operation="GetKnowledgeBase",
                params={"knowledgeBaseId": "knowledgeBaseId"},
                result="knowledgeBase",
            ),
            Detail(
                operation="ListDataSources",
                params={"knowledgeBaseId": "knowledgeBaseId"},
                result="dataSourceSummaries",
                key="DataSources",
            ),
            _bedrock_tags("{arn}", "resourceArn"),
        ),
        edges=(
            EdgeRule("uses-role", "roleArn", "iam.role"),
            EdgeRule("stored-in", "storageConfiguration.s3VectorsConfiguration.indexArn", "s3vectors.index"),
            EdgeRule("stored-in", "storageConfiguration.rdsConfiguration.resourceArn", "rds.cluster"),
        ),
    ),
)
