"""S3: buckets, which have their own lister (inventory/buckets.py), and access points."""

from windlass.inventory.buckets import list_buckets
from windlass.inventory.resource_type import Detail, EdgeRule, ResourceType

_BUCKET = {"Bucket": "Name"}


def _detail(operation: str, key: str, result: str = "@", *absent: str) -> Detail:
    return Detail(operation=operation, key=key, params=_BUCKET, result=result, absent=absent)


BUCKET = ResourceType(
    name="s3.bucket",
    title="S3 bucket",
    service="s3",
    operation="ListBuckets",
    items="Buckets",
    id="Name",
    arn="arn:{partition}:s3:::{id}",
    label="Name",
    once_per_account=True,
    lister=list_buckets,
    owner_param="ExpectedBucketOwner",  # never a bucket of that name in another account
    one_task_per_detail=True,
    measure_actions=("cloudwatch:GetMetricData",),
    volatile=("CreationDate",),
    ordered=("Cors", "Lifecycle", "Website.RoutingRules"),
    details=(
        _detail("GetBucketTagging", "Tags", "TagSet", "NoSuchTagSet"),
        _detail("GetBucketVersioning", "Versioning"),
        _detail(
            "GetBucketEncryption",
            "Encryption",
            "ServerSideEncryptionConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        _detail("GetBucketPolicy", "Policy", "Policy", "NoSuchBucketPolicy"),
        _detail("GetBucketPolicyStatus", "PolicyStatus", "PolicyStatus", "NoSuchBucketPolicy"),
        _detail(
            "GetPublicAccessBlock",
            "PublicAccessBlock",
            "PublicAccessBlockConfiguration",
            "NoSuchPublicAccessBlockConfiguration",
        ),
        _detail("GetBucketAcl", "Acl"),
        _detail(
            "GetBucketOwnershipControls", "OwnershipControls", "OwnershipControls", "OwnershipControlsNotFoundError"
        ),
        _detail("GetBucketLifecycleConfiguration", "Lifecycle", "Rules", "NoSuchLifecycleConfiguration"),
        _detail("GetBucketLogging", "Logging", "LoggingEnabled"),
        _detail("GetBucketNotificationConfiguration", "Notification"),
        _detail(
            "GetBucketReplication", "Replication", "ReplicationConfiguration", "ReplicationConfigurationNotFoundError"
        ),
        _detail("GetBucketWebsite", "Website", "@", "NoSuchWebsiteConfiguration"),
        _detail("GetBucketCors", "Cors", "CORSRules", "NoSuchCORSConfiguration"),
        _detail(
            "GetObjectLockConfiguration",
            "ObjectLock",
            "ObjectLockConfiguration",
            "ObjectLockConfigurationNotFoundError",
        ),
        _detail("GetBucketAccelerateConfiguration", "Accelerate", "Status", "MethodNotAllowed", "UnsupportedArgument"),
        _detail("GetBucketRequestPayment", "RequestPayment", "Payer"),
        _detail("ListBucketInventoryConfigurations", "InventoryConfigurations", "InventoryConfigurationList"),
        _detail("ListBucketMetricsConfigurations", "MetricsConfigurations", "MetricsConfigurationList"),
        _detail("ListBucketAnalyticsConfigurations", "AnalyticsConfigurations", "AnalyticsConfigurationList"),
        _detail(
            "ListBucketIntelligentTieringConfigurations",
            "IntelligentTieringConfigurations",
            "IntelligentTieringConfigurationList",
        ),
        _detail(
            "GetBucketMetadataConfiguration",
            "MetadataConfiguration",
            "GetBucketMetadataConfigurationResult",
            "MetadataConfigurationNotFound",
            "NoSuchMetadataConfiguration",
        ),
    ),
    edges=(
        EdgeRule("notifies", "Notification.QueueConfigurations[].QueueArn", "sqs.queue"),
        EdgeRule("notifies", "Notification.TopicConfigurations[].TopicArn", "sns.topic"),
        EdgeRule("notifies", "Notification.LambdaFunctionConfigurations[].LambdaFunctionArn", "lambda.function"),
        EdgeRule("replicates-to", "Replication.Rules[].Destination.Bucket", "s3.bucket"),
        EdgeRule("replicates-as", "Replication.Role", "iam.role"),
        EdgeRule("logs-to", "Logging.TargetBucket", "s3.bucket"),
        EdgeRule("encrypted-by", "Encryption.Rules[].ApplyServerSideEncryptionByDefault.KMSMasterKeyID", "kms.key"),
        EdgeRule("reports-to", "InventoryConfigurations[].Destination.S3BucketDestination.Bucket", "s3.bucket"),
    ),
)

ACCESS_POINT = ResourceType(
    name="s3.access-point",
    title="S3 access point",
    service="s3control",
    operation="ListAccessPoints",
    request={"AccountId": "{account}"},
    items="AccessPointList",
    id="Name",
    arn="AccessPointArn",
    label="Name",
    details=(
        Detail(
            operation="GetAccessPoint",
            params={"AccountId": "{account}", "Name": "Name"},
            result="PublicAccessBlockConfiguration",
            key="PublicAccessBlock",
        ),
        Detail(
            operation="GetAccessPointPolicy",
            params={"AccountId": "{account}", "Name": "Name"},
            result="Policy",
            key="Policy",
            absent=("NoSuchAccessPointPolicy",),
        ),
        Detail(
            operation="GetAccessPointPolicyStatus",
            params={"AccountId": "{account}", "Name": "Name"},
            result="PolicyStatus",
            key="PolicyStatus",
            absent=("NoSuchAccessPointPolicy",),
        ),
    ),
    edges=(EdgeRule("gives-access-to", "Bucket", "s3.bucket"), EdgeRule("in-vpc", "VpcConfiguration.VpcId", "ec2.vpc")),
)

TYPES = (BUCKET, ACCESS_POINT)
