"""AWS::S3::Bucket and BucketPolicy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, tags_of

__all__ = ["KINDS"]


def _create(here: Here, name: str, props: Props) -> Made:
    place = {} if here.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": here.region}}
    more = {"ObjectLockEnabledForBucket": True} if props.get("ObjectLockEnabled") else {}
    here.call("s3", "create_bucket", Bucket=name, **place, **more)
    _configure(here, name, {}, props)
    domain = f"{name}.s3.amazonaws.com"
    regional = f"{name}.s3.{here.region}.amazonaws.com"
    return Made(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain, "RegionalDomainName": regional})


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    _configure(here, made.id, before, props)
    return made


def _delete(here: Here, made: Made, _props: Props) -> None:
    here.gone("s3", "delete_bucket", Bucket=made.id)  # one with objects stays, and so does the stack


def _configure(here: Here, name: str, before: Props, props: Props) -> None:
    """What differs from before; what is no longer said is taken back."""
    for key, put in _SETTINGS.items():
        if before.get(key) != props.get(key):
            put(here, name, props.get(key) or {})


def _versioning(here: Here, name: str, given: Any) -> None:
    status = given.get("Status", "Suspended")
    here.call("s3", "put_bucket_versioning", Bucket=name, VersioningConfiguration={"Status": status})


def _encryption(here: Here, name: str, given: Any) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": one["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": one.get("BucketKeyEnabled", False),
        }
        for one in given.get("ServerSideEncryptionConfiguration", ())
    ]
    if rules:
        here.call("s3", "put_bucket_encryption", Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    else:
        here.call("s3", "delete_bucket_encryption", Bucket=name)


def _public_access(here: Here, name: str, given: Any) -> None:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    blocked = {one: str(given.get(one, False)).lower() == "true" for one in names}
    here.call("s3", "put_public_access_block", Bucket=name, PublicAccessBlockConfiguration=blocked)


def _ownership(here: Here, name: str, given: Any) -> None:
    if given:
        here.call("s3", "put_bucket_ownership_controls", Bucket=name, OwnershipControls=given)


def _lifecycle(here: Here, name: str, given: Any) -> None:
    rules = [_rule(one) for one in given.get("Rules", ())]
    if rules:
        here.call("s3", "put_bucket_lifecycle_configuration", Bucket=name, LifecycleConfiguration={"Rules": rules})
    else:
        here.call("s3", "delete_bucket_lifecycle", Bucket=name)


def _tags(here: Here, name: str, given: Any) -> None:
    tags = [{"Key": key, "Value": value} for key, value in tags_of({"Tags": given}).items()]
    here.call("s3", "put_bucket_tagging", Bucket=name, Tagging={"TagSet": tags})


def _notify(here: Here, name: str, given: Any) -> None:
    configuration = _notifications(given)
    here.call("s3", "put_bucket_notification_configuration", Bucket=name, NotificationConfiguration=configuration)


_SETTINGS: Mapping[str, Callable[[Here, str, Any], None]] = {
    "VersioningConfiguration": _versioning,
    "BucketEncryption": _encryption,
    "PublicAccessBlockConfiguration": _public_access,
    "OwnershipControls": _ownership,
    "LifecycleConfiguration": _lifecycle,
    "Tags": _tags,
    "NotificationConfiguration": _notify,
}


def _rule(rule: Props) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ID": rule.get("Id", "rule"),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    if "NoncurrentVersionExpiration" in rule:
        made["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        }
    return made


def _notifications(given: Props) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for kind, target, arn in (
        ("Queue", "Queue", "QueueArn"),
        ("Topic", "Topic", "TopicArn"),
        ("Lambda", "Function", "LambdaFunctionArn"),
    ):
        entries = []
        for one in given.get(f"{kind}Configurations", ()):
            entry: dict[str, Any] = {arn: one[target], "Events": [one["Event"]]}
            rules = one.get("Filter", {}).get("S3Key", {}).get("Rules", ())
            if rules:
                entry["Filter"] = {"Key": {"FilterRules": [dict(rule) for rule in rules]}}
            entries.append(entry)
        if entries:
            made["LambdaFunctionConfigurations" if kind == "Lambda" else f"{kind}Configurations"] = entries
    if given.get("EventBridgeConfiguration"):
        made["EventBridgeConfiguration"] = {}
    return made


def _create_policy(here: Here, name: str, props: Props) -> Made:
    policy = json.dumps(props["PolicyDocument"])
    here.call("s3", "put_bucket_policy", Bucket=props["Bucket"], Policy=policy)
    return Made(name)


def _update_policy(here: Here, made: Made, _before: Props, props: Props) -> Made:
    return _create_policy(here, made.id, props)


def _delete_policy(here: Here, _made: Made, props: Props) -> None:
    here.gone("s3", "delete_bucket_policy", Bucket=props["Bucket"])


KINDS = (
    Kind("AWS::S3::Bucket", "BucketName", _create, _update, _delete, ("BucketName",)),
    Kind("AWS::S3::BucketPolicy", "", _create_policy, _update_policy, _delete_policy, ("Bucket",)),
)
