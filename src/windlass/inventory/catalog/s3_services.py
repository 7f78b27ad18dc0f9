"""S3 beside general purpose buckets: directory, table and vector buckets, access grants, Storage Lens, batch jobs."""

from windlass.inventory.resource_type import Detail, EdgeRule, Parent, ResourceType

_ACCOUNT = {"AccountId": "{account}"}
_KEY = EdgeRule("encrypted-by", "Encryption.kmsKeyArn", "kms.key")


def _tags(arn: str, service: str = "") -> Detail:
    """Return the detail of tags from the service's own ListTagsForResource, or from S3 Control's."""
    if service:
        params = {"AccountId": "{account}", "ResourceArn": arn}
        return Detail(service=service, operation="ListTagsForResource", params=params, result="Tags", key="Tags")
    return Detail(operation="ListTagsForResource", params={"resourceArn": arn}, result="tags", key="Tags")


def _bucket_detail(operation: str, key: str, result: str, *absent: str) -> Detail:
    return Detail(operation=operation, params={"Bucket": "Name"}, result=result, key=key, absent=absent)


TYPES = (
    ResourceType(
        name="s3.account-public-access-block",
        title="S3 public access block of the account",
        service="s3control",
        operation="GetPublicAccessBlock",
        request=_ACCOUNT,
        items="PublicAccessBlockConfiguration && [PublicAccessBlockConfiguration]",
        id="'public-access-block'",
        once_per_account=True,
        absent=("NoSuchPublicAccessBlockConfiguration",),
    ),
    ResourceType(
        name="s3.directory-bucket",
        title="S3 directory bucket",
        service="s3",
        operation="ListDirectoryBuckets",
        items="Buckets",
        id="Name",
        arn="arn:{partition}:s3express:{region}:{account}:bucket/{id}",
        label="Name",
        iam_prefix="s3express",
        # Names of directory buckets end like this. S3-compatible servers return their ordinary buckets for the call.
        keep="ends_with(Name, '--x-s3')",
        volatile=("CreationDate",),
        ordered=("Lifecycle",),
        details=(
            _bucket_detail("GetBucketPolicy", "Policy", "Policy", "NoSuchBucketPolicy"),
            _bucket_detail(
                "GetBucketEncryption",
                "Encryption",
                "ServerSideEncryptionConfiguration",
                "ServerSideEncryptionConfigurationNotFoundError",
            ),
            _bucket_detail("GetBucketLifecycleConfiguration", "Lifecycle", "Rules", "NoSuchLifecycleConfiguration"),
        ),
        edges=(
            EdgeRule("encrypted-by", "Encryption.Rules[].ApplyServerSideEncryptionByDefault.KMSMasterKeyID", "kms.key"),
        ),
    ),
    ResourceType(
        name="s3.multi-region-access-point",
        title="S3 Multi-Region Access Point",
        service="s3control",
        operation="ListMultiRegionAccessPoints",
        request=_ACCOUNT,
        items="AccessPoints",
        id="Alias || Name",
        arn="arn:{partition}:s3::{account}:accesspoint/{id}",
        label="Name",
        once_per_account=True,
        home_region="us-west-2",
        details=(
            Detail(
                operation="GetMultiRegionAccessPointPolicy",
                params={"AccountId": "{account}", "Name": "Name"},
                result="Policy.Established.Policy",
                key="Policy",
            ),
            Detail(
                operation="GetMultiRegionAccessPointPolicyStatus",
                params={"AccountId": "{account}", "Name": "Name"},
                result="Established",
                key="PolicyStatus",
            ),
        ),
        edges=(EdgeRule("gives-access-to", "Regions[].Bucket", "s3.bucket"),),
    ),
    ResourceType(
        name="s3.object-lambda-access-point",
        title="S3 Object Lambda access point",
        service="s3control",
        operation="ListAccessPointsForObjectLambda",
        request=_ACCOUNT,
        items="ObjectLambdaAccessPointList",
        id="Name",
        arn="ObjectLambdaAccessPointArn",
        label="Name",
        details=(
            Detail(
                operation="GetAccessPointConfigurationForObjectLambda",
                params={"AccountId": "{account}", "Name": "Name"},
                result="Configuration",
                key="Configuration",
            ),
        ),
        edges=(
            EdgeRule("gives-access-to", "Configuration.SupportingAccessPoint", "s3.access-point"),
            EdgeRule(
                "invokes",
                "Configuration.TransformationConfigurations[].ContentTransformation.AwsLambda.FunctionArn",
                "lambda.function",
            ),
        ),
    ),
    ResourceType(
        name="s3.access-grants-instance",
        title="S3 Access Grants instance",
        service="s3control",
        operation="ListAccessGrantsInstances",
        request=_ACCOUNT,
        items="AccessGrantsInstancesList",
        id="AccessGrantsInstanceId",
        arn="AccessGrantsInstanceArn",
        details=(_tags("AccessGrantsInstanceArn", "s3control"),),
        edges=(EdgeRule("uses-identities-of", "IdentityCenterInstanceArn", "sso.instance"),),
    ),
    ResourceType(
        name="s3.access-grants-location",
        title="S3 Access Grants location",
        service="s3control",
        operation="ListAccessGrantsLocations",
        request=_ACCOUNT,
        items="AccessGrantsLocationsList",
        id="AccessGrantsLocationId",
        arn="AccessGrantsLocationArn",
        label="LocationScope",
        absent=("AccessGrantsInstanceNotExistsError",),
        details=(_tags("AccessGrantsLocationArn", "s3control"),),
        edges=(
            EdgeRule("gives-access-to", "LocationScope", "s3.bucket"),
            EdgeRule("uses-role", "IAMRoleArn", "iam.role"),
        ),
    ),
    ResourceType(
        name="s3.access-grant",
        title="S3 access grant",
        service="s3control",
        operation="ListAccessGrants",
        request=_ACCOUNT,
        items="AccessGrantsList",
        id="AccessGrantId",
        arn="AccessGrantArn",
        label="GrantScope",
        absent=("AccessGrantsInstanceNotExistsError",),
        details=(_tags("AccessGrantArn", "s3control"),),
        edges=(
            EdgeRule("gives-access-to", "GrantScope", "s3.bucket"),
            EdgeRule("grants-to", "Grantee.GranteeIdentifier"),
            EdgeRule("at-location", "AccessGrantsLocationId", "s3.access-grants-location"),
        ),
    ),
    ResourceType(
        name="s3.storage-lens",
        title="S3 Storage Lens configuration",
        service="s3control",
        operation="ListStorageLensConfigurations",
        request=_ACCOUNT,
        items="StorageLensConfigurationList",
        id="Id",
        arn="StorageLensArn",
        label="Id",
        details=(
            Detail(
                operation="GetStorageLensConfiguration",
                params={"AccountId": "{account}", "ConfigId": "Id"},
                result="StorageLensConfiguration",
            ),
            Detail(
                operation="GetStorageLensConfigurationTagging",
                params={"AccountId": "{account}", "ConfigId": "Id"},
                result="Tags",
                key="Tags",
            ),
        ),
        edges=(
            EdgeRule("reports-to", "DataExport.S3BucketDestination.Arn", "s3.bucket"),
            EdgeRule("observes", "Include.Buckets[]", "s3.bucket"),
        ),
    ),
    ResourceType(
        name="s3.batch-job",
        title="S3 Batch Operations job",
        service="s3control",
        operation="ListJobs",
        request=_ACCOUNT,
        items="Jobs",
        id="JobId",
        arn="arn:{partition}:s3:{region}:{account}:job/{id}",
        label="Description",
        volatile=("ProgressSummary", "Status", "StatusUpdateReason", "TerminationDate"),
        measures={"status": "Status", "progress": "ProgressSummary"},
        details=(
            Detail(operation="DescribeJob", params={"AccountId": "{account}", "JobId": "JobId"}, result="Job"),
            Detail(
                operation="GetJobTagging",
                params={"AccountId": "{account}", "JobId": "JobId"},
                result="Tags",
                key="Tags",
            ),
        ),
        edges=(
            EdgeRule("uses-role", "RoleArn", "iam.role"),
            EdgeRule("reports-to", "Report.Bucket", "s3.bucket"),
            EdgeRule("reads-from", "Manifest.Location.ObjectArn", "s3.bucket"),
        ),
    ),
    ResourceType(
        name="s3tables.bucket",
        title="S3 table bucket",
        service="s3tables",
        operation="ListTableBuckets",
        items="tableBuckets",
        id="name",
        arn="arn",
        label="name",
        details=(
            Detail(
                operation="GetTableBucketPolicy",
                params={"tableBucketARN": "arn"},
                result="resourcePolicy",
                key="Policy",
                absent=("NotFoundException",),
            ),
            Detail(
                operation="GetTableBucketEncryption",
                params={"tableBucketARN": "arn"},
                result="encryptionConfiguration",
                key="Encryption",
                absent=("NotFoundException",),
            ),
            Detail(
                operation="GetTableBucketMaintenanceConfiguration",
                params={"tableBucketARN": "arn"},
                result="configuration",
                key="Maintenance",
            ),
            _tags("arn"),
        ),
        edges=(_KEY,),
    ),
    ResourceType(
        name="s3tables.table",
        title="S3 table",
        service="s3tables",
        operation="ListTables",
        items="tables",
        id="join('/', [namespace[0], name])",
        arn="tableARN",
        label="name",
        parent=Parent(operation="ListTableBuckets", items="tableBuckets", params={"tableBucketARN": "arn"}),
        volatile=("modifiedAt",),
        details=(_tags("tableARN"),),
        edges=(EdgeRule("in-bucket", "tableBucketARN", "s3tables.bucket"),),
    ),
    ResourceType(
        name="s3vectors.bucket",
        title="S3 vector bucket",
        service="s3vectors",
        operation="ListVectorBuckets",
        items="vectorBuckets",
        id="vectorBucketName",
        arn="vectorBucketArn",
        label="vectorBucketName",
        details=(
            Detail(
                operation="GetVectorBucket",
                params={"vectorBucketName": "vectorBucketName"},
                result="vectorBucket",
            ),
            Detail(
                operation="GetVectorBucketPolicy",
                params={"vectorBucketName": "vectorBucketName"},
                result="policy",
                key="Policy",
                absent=("NotFoundException",),
            ),
            _tags("vectorBucketArn"),
        ),
        edges=(EdgeRule("encrypted-by", "encryptionConfiguration.kmsKeyArn", "kms.key"),),
    ),
    ResourceType(
        name="s3vectors.index",
        title="S3 vector index",
        service="s3vectors",
        operation="ListIndexes",
        items="indexes",
        id="join('/', [vectorBucketName, indexName])",
        arn="indexArn",
        label="indexName",
        parent=Parent(
            operation="ListVectorBuckets",
            items="vectorBuckets",
            params={"vectorBucketName": "vectorBucketName"},
        ),
        details=(
            Detail(operation="GetIndex", params={"indexArn": "indexArn"}, result="index"),
            _tags("indexArn"),
        ),
        edges=(
            EdgeRule("in-bucket", "vectorBucketName", "s3vectors.bucket"),
            EdgeRule("encrypted-by", "encryptionConfiguration.kmsKeyArn", "kms.key"),
        ),
    ),
)
