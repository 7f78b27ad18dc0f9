"""S3ReplicateObject tasks: replicate a version that is older than its rule, or whose replication failed."""

from __future__ import annotations

from windlass_local.batch.manifest import Row, key_of
from windlass_local.batch.operations import One
from windlass_local.batch.report import TaskResult
from windlass_local.batch.s3_client import RoleS3Client
from windlass_local.s3.access import find_bucket
from windlass_local.s3.bucket_requests import shared_replicator
from windlass_local.s3.object_reads import find_version

__all__ = ["replicate_task"]

_DONE = TaskResult(ok=True, http=200, code="", message="Successful")
_MEANINGS = {
    "SrcObjectNotFound": (404, "The source object does not exist."),
    "InitiateReplicationNotPermitted": (403, "The role may not initiate replication of the source object."),
    "SrcObjectNotEligible": (400, "No replication rule is for the source object."),
    "DstBucketNotFound": (404, "The destination bucket does not exist."),
    "DstBucketUnversioned": (400, "The destination bucket has no versioning."),
    "AssumeRoleNotPermitted": (403, "S3 may not assume the role of the replication configuration."),
}
_REFUSED = (403, "The destination bucket refused the replica.")


def replicate_task(client: RoleS3Client) -> One:
    """Return the task that replicates one version."""
    replicator = shared_replicator()

    def task(row: Row) -> TaskResult:
        name, written, version_id = row
        key = key_of(written)
        bucket = find_bucket(name)
        version = find_version(bucket, key, version_id or None) if bucket is not None else None
        if version is None:
            return _failed("SrcObjectNotFound")
        if not client.may(bucket, "s3:InitiateReplication", key):
            return _failed("InitiateReplicationNotPermitted")
        code = replicator.replicate(bucket, version)
        return _failed(code) if code else _DONE

    return task


def _failed(code: str) -> TaskResult:
    http, text = _MEANINGS.get(code, _REFUSED)
    return TaskResult(ok=False, http=http, code=code, message=f"Replication failed: {code}: {text}")
