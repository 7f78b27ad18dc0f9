"""Manifests that S3 generates: the nine filters of S3JobManifestGenerator, and the manifest that is written where requested.

Manifests for replication have every version, others the newest of each key. None has delete markers.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from windlass_local.batch.job import Job
from windlass_local.batch.job_request import bucket_of
from windlass_local.batch.manifest import BadManifest, Manifest, Row
from windlass_local.batch.s3_client import RoleS3Client, error_of
from windlass_local.s3.access import find_bucket
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.replication import rules_for
from windlass_local.s3.replicator import configuration_of, subject_of

__all__ = ["generate", "matches"]

FORMAT = "S3InventoryReport_CSV_20211130"
_ENCRYPTION = {"SSES3": "AES256", "SSEKMS": "aws:kms", "DSSEKMS": "aws:kms:dsse", "SSEC": "SSE-C", "NOTSSE": ""}


def generate(job: Job, client: RoleS3Client) -> tuple[Manifest, dict[str, Any] | None]:
    """Return the rows that the job's generator selects, and where the manifest was written, if it was. BadManifest."""
    parameters = job.parameters["ManifestGenerator"]["S3JobManifestGenerator"]
    bucket = find_bucket(bucket_of(parameters["SourceBucket"]))
    if bucket is None:
        raise BadManifest("ManifestBucketNotFound", "The source bucket does not exist.")
    versions = job.name == "S3ReplicateObject" and bucket.versioning_status is not None
    chosen = parameters.get("Filter", {})
    rows: list[Row] = [
        (bucket.name, quote_plus(version.name, safe="/"), version.version_id if versions else "")
        for version in _versions(bucket, every=versions)
        if matches(chosen, version, eligible=lambda version: _eligible(bucket, version))
    ]
    if not rows:
        raise BadManifest("ManifestGenerationEmpty", "No keys were found that match the filter of the generator.")
    manifest = Manifest(bucket.name, len(rows), versions, lambda: iter(rows))
    stored = (
        _keep(job, parameters["ManifestOutputLocation"], manifest, client)
        if parameters["EnableManifestOutput"]
        else None
    )
    return manifest, stored


def _eligible(bucket: Any, version: Any) -> bool:
    configuration = configuration_of(bucket)
    return configuration is not None and bool(rules_for(configuration, subject_of(version)))


def matches(chosen: Mapping[str, Any], version: Any, *, eligible: Any) -> bool:
    """True when an object passes all filters."""
    at = version.last_modified.replace(microsecond=0, tzinfo=UTC)  # S3 reports times in whole seconds
    name, size = version.name, version.contentsize
    status = version.replication_status or "NONE"
    keys = chosen.get("KeyNameConstraint", {})
    prefixes, suffixes, parts = (keys.get(f"MatchAny{kind}") for kind in ("Prefix", "Suffix", "Substring"))
    return not (
        ("CreatedAfter" in chosen and at <= chosen["CreatedAfter"])
        or ("CreatedBefore" in chosen and at >= chosen["CreatedBefore"])
        or (chosen.get("ObjectReplicationStatuses") and status not in chosen["ObjectReplicationStatuses"])
        or (prefixes and not name.startswith(tuple(prefixes)))
        or (suffixes and not name.endswith(tuple(suffixes)))
        or (parts and not any(part in name for part in parts))
        or ("ObjectSizeGreaterThanBytes" in chosen and size <= chosen["ObjectSizeGreaterThanBytes"])
        or ("ObjectSizeLessThanBytes" in chosen and size >= chosen["ObjectSizeLessThanBytes"])
        or (chosen.get("MatchAnyStorageClass") and version.storage_class not in chosen["MatchAnyStorageClass"])
        or (chosen.get("MatchAnyObjectEncryption") and not _encrypted(chosen["MatchAnyObjectEncryption"], version))
        or ("EligibleForReplication" in chosen and chosen["EligibleForReplication"] != eligible(version))
    )


def _encrypted(requested: list[dict[str, Any]], version: Any) -> bool:
    for entry in requested:
        for kind, details in entry.items():
            if _ENCRYPTION[kind] != (version.encryption or ""):
                continue
            key, bucket_key = (details or {}).get("KmsKeyArn"), (details or {}).get("BucketKeyEnabled")
            same_key = not key or key == version.kms_key_id
            if same_key and (bucket_key is None or bucket_key == bool(version.bucket_key_enabled)):
                return True
    return False


def _versions(bucket: Any, *, every: bool) -> Iterator[Any]:
    with bucket.keys.lock:
        names = list(bucket.keys.names)
        lists = [bucket.keys.versions(name) for name in names]
    for versions in lists:
        for version in versions if every else versions[:1]:
            if isinstance(version, ObjectVersion):
                yield version


def _keep(job: Job, output: Mapping[str, Any], manifest: Manifest, client: RoleS3Client) -> dict[str, Any]:
    """Write the list down as an inventory report: manifest.json and one packed file."""
    place, prefix = bucket_of(output["Bucket"]), output.get("ManifestPrefix", "")
    lead = f"{prefix}/generated-manifest/job-{job.id}" if prefix else f"generated-manifest/job-{job.id}"
    lines = (
        f'"{bucket}","{key}","{version}"\n' if manifest.versions else f'"{bucket}","{key}"\n'
        for bucket, key, version in manifest.rows()
    )
    body = gzip.compress("".join(lines).encode(), 1)
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    data = f"{lead}/data/{digest}.csv.gz"
    _put(client, place, data, body, output)
    arn = f"arn:{job.arn.split(':')[1]}:s3:::{place}"
    index = json.dumps(
        {
            "sourceBucket": manifest.bucket,
            "destinationBucket": arn,
            "version": "2021-11-30",
            "creationTimestamp": str(int(datetime.now(UTC).timestamp() * 1000)),
            "fileFormat": "CSV",
            "fileSchema": "Bucket, Key, VersionId" if manifest.versions else "Bucket, Key",
            "files": [{"key": data, "size": len(body), "MD5checksum": digest}],
        }
    ).encode()
    etag = _put(client, place, f"{lead}/manifest.json", index, output)
    return {"Format": FORMAT, "Location": {"ObjectArn": f"{arn}/{lead}/manifest.json", "ETag": etag}}


def _put(client: RoleS3Client, bucket: str, key: str, body: bytes, output: Mapping[str, Any]) -> str:
    kms = output.get("ManifestEncryption", {}).get("SSEKMS")
    headers = (
        {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": kms["KeyId"]}
        if kms
        else {}
    )
    response = client.call("PUT", bucket, key, "PutObject", headers=headers, body=body)
    if response.status != 200:
        code, text = error_of(response)
        raise BadManifest("ManifestNotWritten", f"The generated manifest could not be written: {code}: {text}")
    return next(value.strip('"') for name, value in response.headers if name.lower() == "etag")
