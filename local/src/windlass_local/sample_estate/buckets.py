"""Buckets of the sample estate, each with the configuration that the plan gives it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from windlass_local.sample_estate.clients import EstateRegion
from windlass_local.sample_estate.identity import role_arn, tag_list
from windlass_local.sample_estate.network import Network
from windlass_local.sample_estate.plan import Bucket, Workload

__all__ = ["build_bucket", "build_replication"]

_DOCUMENTS = ('{"ship": "Meridian", "tonnes": 1204}', "sku,qty\n1001,4\n1002,9\n", "name: tide\nlevel: 3\n")


def build_bucket(estate_region: EstateRegion, bucket: Bucket, network: Network, queue: Workload | None) -> None:
    """Create the bucket, its configuration, its objects and its daily metrics."""
    s3, name = estate_region.client("s3"), bucket.name
    location = {"CreateBucketConfiguration": {"LocationConstraint": bucket.location}} if bucket.location else {}
    locked = "object-lock" in bucket.features
    estate_region.make(
        "s3.bucket",
        s3.create_bucket,
        Bucket=name,
        **location,
        **({"ObjectLockEnabledForBucket": True} if locked else {}),
    )
    if bucket.tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(bucket.tags)})
    _policies(s3, bucket)
    for feature in sorted(bucket.features & _FEATURES.keys()):
        _FEATURES[feature](s3, bucket)
    _encrypt(s3, bucket, network)
    _notify(s3, bucket, queue)
    for number in range(bucket.objects):
        body = _DOCUMENTS[number % len(_DOCUMENTS)]
        s3.put_object(Bucket=name, Key=f"2026/11/{number + 1:02}/record-{number:04}.txt", Body=body.encode())
    _metrics(estate_region, bucket)


def _encrypt(s3: Any, bucket: Bucket, network: Network) -> None:
    default = {"SSEAlgorithm": "AES256"}
    if "kms" in bucket.features:
        # Without a key of the company in the region, AWS's key is used: the key id is omitted.
        default = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": network.key_arn} if network.key_arn else {})
    elif "sse-s3" not in bucket.features:
        return
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": "kms" in bucket.features}
    s3.put_bucket_encryption(Bucket=bucket.name, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _notify(s3: Any, bucket: Bucket, queue: Workload | None) -> None:
    requested: dict[str, Any] = {}
    account, region = bucket.account_id, bucket.region
    if queue and "to-sqs" in bucket.features:
        arn = f"arn:aws:sqs:{region}:{account}:{queue.name}"
        requested["QueueConfigurations"] = [{"Id": "created", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    if queue and "to-sns" in bucket.features:
        arn = f"arn:aws:sns:{region}:{account}:{queue.name}-events"
        requested["TopicConfigurations"] = [{"Id": "removed", "TopicArn": arn, "Events": ["s3:ObjectRemoved:*"]}]
    if "to-eventbridge" in bucket.features:
        requested["EventBridgeConfiguration"] = {}
    if requested:
        s3.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=requested)


def _policies(s3: Any, bucket: Bucket) -> None:
    statements: list[dict[str, Any]] = []
    if "public-read" in bucket.features:
        s3.delete_public_access_block(Bucket=bucket.name)
        statements.append({"Sid": "PublicRead", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject"})
    if "tls-only" in bucket.features:
        condition = {"Bool": {"aws:SecureTransport": "false"}}
        statements.append(
            {"Sid": "TlsOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Condition": condition}
        )
    if "logging" in bucket.features:
        service = {"Service": "logging.s3.amazonaws.com"}
        statements.append({"Sid": "AccessLogs", "Effect": "Allow", "Principal": service, "Action": "s3:PutObject"})
    if statements:
        everything = f"arn:aws:s3:::{bucket.name}/*"
        document = {
            "Version": "2012-10-17",
            "Statement": [{**statement, "Resource": everything} for statement in statements],
        }
        s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(document))


def _lifecycle(s3: Any, bucket: Bucket) -> None:
    rules = [
        {"ID": "expire-old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 30}},
        {
            "ID": "to-glacier",
            "Status": "Enabled",
            "Filter": {"Prefix": "archive/"},
            "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}],
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": rules})


def _reports(s3: Any, bucket: Bucket) -> None:
    destination = {
        "S3BucketDestination": {"Bucket": f"arn:aws:s3:::{bucket.name}", "Format": "Parquet", "Prefix": "inventory"}
    }
    s3.put_bucket_inventory_configuration(
        Bucket=bucket.name,
        Id="weekly",
        InventoryConfiguration={
            "Id": "weekly",
            "IsEnabled": True,
            "IncludedObjectVersions": "Current",
            "Schedule": {"Frequency": "Weekly"},
            "Destination": destination,
        },
    )


def _analytics(s3: Any, bucket: Bucket) -> None:
    configuration = {"Id": "usage", "StorageClassAnalysis": {}}
    s3.put_bucket_analytics_configuration(Bucket=bucket.name, Id="usage", AnalyticsConfiguration=configuration)


def _tiering(s3: Any, bucket: Bucket) -> None:
    configuration = {"Id": "cold", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    s3.put_bucket_intelligent_tiering_configuration(
        Bucket=bucket.name, Id="cold", IntelligentTieringConfiguration=configuration
    )


_CORS = {
    "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://harbour.example"], "MaxAgeSeconds": 600}]
}
_WEBSITE = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}}
_FEATURES: dict[str, Callable[[Any, Bucket], object]] = {
    "versioning": lambda s3, b: s3.put_bucket_versioning(Bucket=b.name, VersioningConfiguration={"Status": "Enabled"}),
    "lifecycle": _lifecycle,
    "logging": lambda s3, b: s3.put_bucket_logging(
        Bucket=b.name, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": b.name, "TargetPrefix": "access/"}}
    ),
    "website": lambda s3, b: s3.put_bucket_website(Bucket=b.name, WebsiteConfiguration=_WEBSITE),
    "cors": lambda s3, b: s3.put_bucket_cors(Bucket=b.name, CORSConfiguration=_CORS),
    "accelerate": lambda s3, b: s3.put_bucket_accelerate_configuration(
        Bucket=b.name, AccelerateConfiguration={"Status": "Enabled"}
    ),
    "requester-pays": lambda s3, b: s3.put_bucket_request_payment(
        Bucket=b.name, RequestPaymentConfiguration={"Payer": "Requester"}
    ),
    "inventory": _reports,
    "metrics": lambda s3, b: s3.put_bucket_metrics_configuration(
        Bucket=b.name, Id="all", MetricsConfiguration={"Id": "all"}
    ),
    "analytics": _analytics,
    "ownership": lambda s3, b: s3.put_bucket_ownership_controls(
        Bucket=b.name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    ),
    "tiering": _tiering,
}


def _metrics(estate_region: EstateRegion, bucket: Bucket) -> None:
    now = dt.datetime.now(dt.UTC)

    def datum(metric: str, kind: str, value: float, unit: str) -> dict[str, Any]:
        dimensions = [{"Name": "BucketName", "Value": bucket.name}, {"Name": "StorageType", "Value": kind}]
        return {"MetricName": metric, "Dimensions": dimensions, "Timestamp": now, "Value": value, "Unit": unit}

    estate_region.client("cloudwatch").put_metric_data(
        Namespace="AWS/S3",
        MetricData=[
            datum("BucketSizeBytes", "StandardStorage", float(bucket.size_bytes), "Bytes"),
            datum("NumberOfObjects", "AllStorageTypes", float(max(1, bucket.size_bytes // 300_000)), "Count"),
        ],
    )


def build_replication(estate_region: EstateRegion, source: Bucket, target: Bucket) -> None:
    """Enable replication from one bucket to another of the same account; both get versioning."""
    s3 = estate_region.client("s3")
    s3.put_bucket_versioning(Bucket=source.name, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "replica",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target.name}"},
    }
    configuration = {"Role": role_arn(source.account_id, "replication"), "Rules": [rule]}
    s3.put_bucket_replication(Bucket=source.name, ReplicationConfiguration=configuration)
