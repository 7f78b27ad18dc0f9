"""The IAM actions that an API call needs, by service and operation. Source: the Service Authorization Reference. Pure.

An operation's action has its name, in its service's prefix, except where this says otherwise. Services are named as botocore
or as signatures do.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["actions_of", "tagging_of"]

_PREFIX: Mapping[str, str] = {
    "monitoring": "cloudwatch",
    "efs": "elasticfilesystem",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "opensearch": "es",
    "stepfunctions": "states",
    "s3control": "s3",
    "apigatewayv2": "apigateway",
    "service-quotas": "servicequotas",
    "accessanalyzer": "access-analyzer",
    "agent-registry-control": "agent-registry",
    "amp": "aps",
    "appintegrations": "app-integrations",
    "bedrock-agent": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "bedrock-data-automation": "bedrock",
    "chime-sdk-identity": "chime",
    "chime-sdk-media-pipelines": "chime",
    "chime-sdk-voice": "chime",
    "cleanroomsml": "cleanrooms-ml",
    "cloudhsmv2": "cloudhsm",
    "cloudwatchomni": "cloudwatch",
    "codeguruprofiler": "codeguru-profiler",
    "compute-optimizer-automation": "aco-automation",
    "connectcampaigns": "connect-campaigns",
    "connectcampaignsv2": "connect-campaigns",
    "connectcases": "cases",
    "connecthealth": "health-agent",
    "customer-profiles": "profile",
    "devops-agent": "aidevops",
    "dynamodbstreams": "dynamodb",
    "elb": "elasticloadbalancing",
    "elementalinference": "elemental-inference",
    "endusermessaging": "end-user-messaging",
    "eventbridgev2": "events",
    "greengrassv2": "greengrass",
    "iot-managed-integrations": "iotmanagedintegrations",
    "iotsecuretunneling": "iot",
    "ivs-realtime": "ivs",
    "keyspacesstreams": "cassandra",
    "kinesisanalyticsv2": "kinesisanalytics",
    "lambda-core": "lambda",
    "lambda-microvms": "lambda",
    "lambda-web": "lambda",
    "launch-wizard": "launchwizard",
    "lex-models": "lex",
    "lexv2-models": "lex",
    "location": "geo",
    "mailmanager": "ses",
    "migration-hub-refactor-spaces": "refactor-spaces",
    "migrationhub-config": "mgh",
    "migrationhuborchestrator": "migrationhub-orchestrator",
    "mwaa": "airflow",
    "mwaa-serverless": "airflow-serverless",
    "notificationscontacts": "notifications-contacts",
    "opensearchmemory": "osm",
    "opensearchserverless": "aoss",
    "pinpoint": "mobiletargeting",
    "pinpoint-email": "ses",
    "pinpoint-sms-voice": "sms-voice",
    "pinpoint-sms-voice-v2": "sms-voice",
    "pricing-plan-manager": "pricingplanmanager",
    "qconnect": "wisdom",
    "resiliencehubv2": "resiliencehub",
    "s3outposts": "s3-outposts",
    "servicecatalog-appregistry": "servicecatalog",
    "sesv2": "ses",
    "socialmessaging": "social-messaging",
    "sso-admin": "sso",
    "supplychain": "scn",
    "taxsettings": "tax",
    "timestream-query": "timestream",
    "timestream-write": "timestream",
    "workspaces-thin-client": "thinclient",
}
_NONE: frozenset[tuple[str, str]] = frozenset({("sts", "GetCallerIdentity")})
"""Calls that need no permission."""
_OTHERWISE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("s3", "ListBuckets"): ("s3:ListAllMyBuckets",),
    ("s3", "HeadBucket"): ("s3:ListBucket",),
    ("s3", "ListObjects"): ("s3:ListBucket",),
    ("s3", "ListObjectsV2"): ("s3:ListBucket",),
    ("s3", "ListObjectVersions"): ("s3:ListBucketVersions",),
    ("s3", "ListMultipartUploads"): ("s3:ListBucketMultipartUploads",),
    ("s3", "ListParts"): ("s3:ListMultipartUploadParts",),
    ("s3", "HeadObject"): ("s3:GetObject",),
    ("s3", "CopyObject"): ("s3:PutObject",),
    ("s3", "CreateMultipartUpload"): ("s3:PutObject",),
    ("s3", "UploadPart"): ("s3:PutObject",),
    ("s3", "UploadPartCopy"): ("s3:PutObject",),
    ("s3", "CompleteMultipartUpload"): ("s3:PutObject",),
    ("s3", "DeleteObjects"): ("s3:DeleteObject",),
    ("s3", "GetBucketEncryption"): ("s3:GetEncryptionConfiguration",),
    ("s3", "GetBucketLifecycleConfiguration"): ("s3:GetLifecycleConfiguration",),
    ("s3", "PutBucketLifecycleConfiguration"): ("s3:PutLifecycleConfiguration",),
    ("s3", "GetBucketReplication"): ("s3:GetReplicationConfiguration",),
    ("s3", "PutBucketReplication"): ("s3:PutReplicationConfiguration",),
    ("s3", "GetBucketCors"): ("s3:GetBucketCORS",),
    ("s3", "GetBucketNotificationConfiguration"): ("s3:GetBucketNotification",),
    ("s3", "PutBucketNotificationConfiguration"): ("s3:PutBucketNotification",),
    ("s3", "GetBucketAccelerateConfiguration"): ("s3:GetAccelerateConfiguration",),
    ("s3", "GetObjectLockConfiguration"): ("s3:GetBucketObjectLockConfiguration",),
    ("s3", "GetPublicAccessBlock"): ("s3:GetBucketPublicAccessBlock",),
    ("s3", "PutPublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3", "GetBucketMetadataConfiguration"): ("s3:GetBucketMetadataTableConfiguration",),
    ("s3", "ListBucketAnalyticsConfigurations"): ("s3:GetAnalyticsConfiguration",),
    ("s3", "ListBucketIntelligentTieringConfigurations"): ("s3:GetIntelligentTieringConfiguration",),
    ("s3", "ListBucketInventoryConfigurations"): ("s3:GetInventoryConfiguration",),
    ("s3", "ListBucketMetricsConfigurations"): ("s3:GetMetricsConfiguration",),
    ("s3control", "GetPublicAccessBlock"): ("s3:GetAccountPublicAccessBlock",),
    ("s3express", "ListDirectoryBuckets"): ("s3express:ListAllMyDirectoryBuckets",),
    ("s3express", "GetBucketEncryption"): ("s3express:GetEncryptionConfiguration",),
    ("s3express", "GetBucketLifecycleConfiguration"): ("s3express:GetLifecycleConfiguration",),
    ("sqs", "SendMessageBatch"): ("sqs:SendMessage",),
    ("sqs", "DeleteMessageBatch"): ("sqs:DeleteMessage",),
    ("sqs", "ChangeMessageVisibilityBatch"): ("sqs:ChangeMessageVisibility",),
    ("sqs", "StartMessageMoveTask"): (
        "sqs:StartMessageMoveTask",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ),
    ("lambda", "Invoke"): ("lambda:InvokeFunction",),
    # Lambda returns a function's tags only to an identity that may list them.
    ("lambda", "GetFunction"): ("lambda:GetFunction", "lambda:ListTags"),
    ("budgets", "DescribeBudgets"): ("budgets:ViewBudget",),
    ("dms", "DescribeDataProviders"): ("dms:ListDataProviders",),
    ("dms", "DescribeInstanceProfiles"): ("dms:ListInstanceProfiles",),
    ("dms", "DescribeMigrationProjects"): ("dms:ListMigrationProjects",),
    ("dms", "DescribeExtensionPackAssociations"): ("dms:ListExtensionPacks",),
    ("keyspaces", "ListKeyspaces"): ("cassandra:Select",),
    ("keyspaces", "ListTables"): ("cassandra:Select",),
    ("keyspaces", "ListTypes"): ("cassandra:Select",),
    ("memorydb", "DescribeACLs"): ("memorydb:DescribeAcls",),
    ("s3", "ListDirectoryBuckets"): ("s3express:ListAllMyDirectoryBuckets",),
    ("s3control", "ListRegionalBuckets"): ("s3-outposts:ListRegionalBuckets",),
    ("apigateway", "GetRestApis"): ("apigateway:GET",),
    ("apigateway", "GetStages"): ("apigateway:GET",),
    ("apigateway", "GetApis"): ("apigateway:GET",),
    ("apigatewayv2", "GetApis"): ("apigateway:GET",),
}
_DISCOVERED = frozenset({"timestream-write"})
"""Services whose clients look their endpoint up before the first call."""

_TAGGING: Mapping[tuple[str, str], str] = {
    ("cloudtrail", "CreateTrail"): "cloudtrail:AddTags",
    ("dynamodb", "CreateTable"): "dynamodb:TagResource",
    ("elasticache", "CreateCacheCluster"): "elasticache:AddTagsToResource",
    ("elasticmapreduce", "RunJobFlow"): "elasticmapreduce:AddTags",
    ("emr-serverless", "StartJobRun"): "emr-serverless:TagResource",
    ("events", "PutRule"): "events:TagResource",
    ("iam", "CreateRole"): "iam:TagRole",
    ("lambda", "CreateFunction"): "lambda:TagResource",
    ("logs", "CreateLogGroup"): "logs:TagResource",
    ("s3", "CopyObject"): "s3:PutObjectTagging",
    ("s3", "CreateMultipartUpload"): "s3:PutObjectTagging",
    ("s3", "PutObject"): "s3:PutObjectTagging",
    ("s3control", "CreateJob"): "s3:PutJobTagging",
    ("sqs", "CreateQueue"): "sqs:TagQueue",
}


def actions_of(service: str, operation: str, *, versioned: bool = False) -> tuple[str, ...]:
    """Return the IAM actions that a call needs; none if it needs no permission. `versioned`: it names an object's version."""
    if (service, operation) in _NONE:
        return ()
    found = _OTHERWISE.get((service, operation))
    if found is None and service in ("apigateway", "apigatewayv2") and operation.startswith(("Get", "List")):
        found = ("apigateway:GET",)  # its actions are the methods of HTTP
    if found is None:
        prefix = _PREFIX.get(service, service)
        found = (f"{prefix}:{operation}", *((f"{prefix}:DescribeEndpoints",) if service in _DISCOVERED else ()))
    if not versioned or service != "s3":
        return found
    return tuple(_of_version(one) for one in found)


def tagging_of(service: str, operation: str) -> tuple[str, ...]:
    """Return the further actions of a call that creates a resource with tags."""
    found = _TAGGING.get((service, operation))
    return (found,) if found else ()


def _of_version(action: str) -> str:
    """Return the action for a named version: S3 has separate actions to read and delete versions."""
    for name in ("s3:GetObject", "s3:DeleteObject", "s3:PutObject"):
        rest = action.removeprefix(name)
        if action.startswith(name) and rest in ("", "Tagging", "Acl") and (name != "s3:PutObject" or rest):
            return f"{name}Version{rest}"
    return action
