"""AWS::S3::Bucket and BucketPolicy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, tags_of

__all__ = ["KINDS"]


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    place = (
        {} if context.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": context.region}}
    )
    more = {"ObjectLockEnabledForBucket": True} if props.get("ObjectLockEnabled") else {}
    context.call("s3", "create_bucket", Bucket=name, **place, **more)
    _configure(context, name, {}, props)
    domain = f"{name}.s3.amazonaws.com"
    regional = f"{name}.s3.{context.region}.amazonaws.com"
    return Created(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain, "RegionalDomainName": regional})


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    _configure(context, created.id, before, props)
    return created


def _delete(context: ResourceContext, created: Created, _props: Props) -> None:
    context.gone("s3", "delete_bucket", Bucket=created.id)  # a bucket with objects stays, and so does the stack


def _configure(context: ResourceContext, name: str, before: Props, props: Props) -> None:
    """Apply what differs from before, and remove what the template no longer has."""
    for key, put in _SETTINGS.items():
        if before.get(key) != props.get(key):
            put(context, name, props.get(key) or {})


def _versioning(context: ResourceContext, name: str, value: Any) -> None:
    status = value.get("Status", "Suspended")
    context.call("s3", "put_bucket_versioning", Bucket=name, VersioningConfiguration={"Status": status})


def _encryption(context: ResourceContext, name: str, value: Any) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in value.get("ServerSideEncryptionConfiguration", ())
    ]
    if rules:
        context.call("s3", "put_bucket_encryption", Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    else:
        context.call("s3", "delete_bucket_encryption", Bucket=name)


def _public_access(context: ResourceContext, name: str, value: Any) -> None:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    blocked = {name: str(value.get(name, False)).lower() == "true" for name in names}
    context.call("s3", "put_public_access_block", Bucket=name, PublicAccessBlockConfiguration=blocked)


def _ownership(context: ResourceContext, name: str, value: Any) -> None:
    if value:
        context.call("s3", "put_bucket_ownership_controls", Bucket=name, OwnershipControls=value)


def _lifecycle(context: ResourceContext, name: str, value: Any) -> None:
    rules = [_rule(rule) for rule in value.get("Rules", ())]
    if rules:
        context.call("s3", "put_bucket_lifecycle_configuration", Bucket=name, LifecycleConfiguration={"Rules": rules})
    else:
        context.call("s3", "delete_bucket_lifecycle", Bucket=name)


def _tags(context: ResourceContext, name: str, argument: Any) -> None:
    tags = [{"Key": key, "Value": value} for key, value in tags_of({"Tags": argument}).items()]
    context.call("s3", "put_bucket_tagging", Bucket=name, Tagging={"TagSet": tags})


def _notify(context: ResourceContext, name: str, value: Any) -> None:
    configuration = _notifications(value)
    context.call("s3", "put_bucket_notification_configuration", Bucket=name, NotificationConfiguration=configuration)


_SETTINGS: Mapping[str, Callable[[ResourceContext, str, Any], None]] = {
    "VersioningConfiguration": _versioning,
    "BucketEncryption": _encryption,
    "PublicAccessBlockConfiguration": _public_access,
    "OwnershipControls": _ownership,
    "LifecycleConfiguration": _lifecycle,
    "Tags": _tags,
    "NotificationConfiguration": _notify,
}


def _rule(rule: Props) -> dict[str, Any]:
    created: dict[str, Any] = {
        "ID": rule.get("Id", "rule"),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        created["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        created["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    if "NoncurrentVersionExpiration" in rule:
        created["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        }
    return created


def _notifications(value: Props) -> dict[str, Any]:
    created: dict[str, Any] = {}
    for kind, target, arn in (
        ("Queue", "Queue", "QueueArn"),
        ("Topic", "Topic", "TopicArn"),
        ("Lambda", "Function", "LambdaFunctionArn"),
    ):
        entries = []
        for configuration in value.get(f"{kind}Configurations", ()):
            entry: dict[str, Any] = {arn: configuration[target], "Events": [configuration["Event"]]}
            rules = configuration.get("Filter", {}).get("S3Key", {}).get("Rules", ())
            if rules:
                entry["Filter"] = {"Key": {"FilterRules": [dict(rule) for rule in rules]}}
            entries.append(entry)
        if entries:
            created["LambdaFunctionConfigurations" if kind == "Lambda" else f"{kind}Configurations"] = entries
    if value.get("EventBridgeConfiguration"):
        created["EventBridgeConfiguration"] = {}
    return created


def _create_policy(context: ResourceContext, name: str, props: Props) -> Created:
    policy = json.dumps(props["PolicyDocument"])
    context.call("s3", "put_bucket_policy", Bucket=props["Bucket"], Policy=policy)
    return Created(name)


def _update_policy(context: ResourceContext, created: Created, _before: Props, props: Props) -> Created:
    return _create_policy(context, created.id, props)


def _delete_policy(context: ResourceContext, _made: Created, props: Props) -> None:
    context.gone("s3", "delete_bucket_policy", Bucket=props["Bucket"])


KINDS = (
    ResourceType("AWS::S3::Bucket", "BucketName", _create, _update, _delete, ("BucketName",)),
    ResourceType("AWS::S3::BucketPolicy", "", _create_policy, _update_policy, _delete_policy, ("Bucket",)),
)
