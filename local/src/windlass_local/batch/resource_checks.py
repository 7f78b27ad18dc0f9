"""Checks of buckets and roles by CreateJob and by the preparation of a job.

Regions: a copy job is in its destination's Region, every other job in its source's, like the manifest of a replicate job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass_local.batch.job_request import JobRejected, bucket_of, operation_of
from windlass_local.batch.manifest import BadManifest
from windlass_local.s3.access import find_bucket
from windlass_local.s3.roles import find_role, trusts

__all__ = ["SERVICE", "check_resources", "check_source"]

SERVICE = "batchoperations.s3.amazonaws.com"


def check_resources(job_parameters: Mapping[str, Any], region: str) -> None:
    """Raise JobRejected for a role that the service may not assume, or a bucket that is not where it has to be."""
    role = find_role(job_parameters["RoleArn"])
    if role is not None and not trusts(role, SERVICE):
        raise JobRejected("InvalidRequest", f"The role {job_parameters['RoleArn']} can't be assumed by {SERVICE}.")
    name, parameters = operation_of(job_parameters)
    if name == "S3PutObjectCopy":
        _in_region(bucket_of(parameters["TargetResource"]), region, "The destination bucket of a copy job")
    if "ManifestGenerator" in job_parameters:
        created = job_parameters["ManifestGenerator"]["S3JobManifestGenerator"]
        source = _existing_bucket(bucket_of(created["SourceBucket"]), "The source bucket")
        _check_owner(source, created.get("ExpectedBucketOwner", ""))
        if name != "S3PutObjectCopy":
            _in_region(source.name, region, f"The source bucket of a job of {name}")
        needs_rules = name == "S3ReplicateObject" or created.get("Filter", {}).get("EligibleForReplication")
        if needs_rules and not _replicates(source):
            raise JobRejected("InvalidRequest", f"The bucket {source.name} has no replication configuration.")
        output = created.get("ManifestOutputLocation", {})
        if created["EnableManifestOutput"]:
            stored = _existing_bucket(bucket_of(output["Bucket"]), "The bucket for the generated manifest")
            _check_owner(stored, output.get("ExpectedManifestBucketOwner", ""))
    elif name == "S3ReplicateObject":
        place = bucket_of(job_parameters["Manifest"]["Location"]["ObjectArn"])
        _in_region(place, region, "The manifest's bucket of a replicate job")
    if job_parameters["Report"]["Enabled"]:
        report = _existing_bucket(bucket_of(job_parameters["Report"]["Bucket"]), "The report's bucket")
        _check_owner(report, job_parameters["Report"].get("ExpectedBucketOwner", ""))


def check_source(name: str, bucket_name: str, region: str) -> None:
    """Raise BadManifest for a manifest's bucket that does not exist, is in another region, or does not meet the operation's needs."""
    bucket = find_bucket(bucket_name)
    if bucket is None:
        raise BadManifest(
            "ManifestBucketNotFound", f"The manifest names the bucket {bucket_name[:64]!r}, which does not exist."
        )
    if name != "S3PutObjectCopy" and bucket.region_name != region:
        text = f"The bucket {bucket_name} is in {bucket.region_name}; a job of {name} must be in its Region."
        raise BadManifest("SourceBucketInvalidRegion", text)
    if name == "S3ReplicateObject" and not _replicates(bucket):
        text = f"The bucket {bucket_name} has no replication configuration."
        raise BadManifest("ReplicationConfigurationNotFound", text)


def _replicates(bucket: Any) -> bool:
    return bool(getattr(bucket, "replication", None))


def _existing_bucket(name: str, what: str) -> Any:
    bucket = find_bucket(name)
    if bucket is None:
        raise JobRejected("InvalidRequest", f"{what}, {name}, does not exist.")
    return bucket


def _in_region(name: str, region: str, what: str) -> None:
    result = _existing_bucket(name, what).region_name
    if result != region:
        raise JobRejected(
            "InvalidRequest", f"{what}, {name}, must be in the job's Region, {region}; it is in {result}."
        )


def _check_owner(bucket: Any, owner: str) -> None:
    if owner and owner != bucket.account_id:
        raise JobRejected("AccessDenied", f"The bucket {bucket.name} is not owned by {owner}.", 403)
