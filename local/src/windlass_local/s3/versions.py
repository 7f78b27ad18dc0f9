"""Putting and deleting versions: every write of S3 is one of these two. They replace moto's.

moto drops old versions when versioning is suspended, adds no marker for an unknown key, and can lose a version
when two threads put the same key. Source: AWS docs, "Adding objects to / deleting from versioning-suspended buckets".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.s3 import exceptions, models

from windlass_local.s3.objects import DeleteMarker, IndexedKeyStore, ObjectVersion, new_version_id

Notify = Callable[[str, Any, Any], None]
"""Called with each change, inside the bucket's lock so that events keep the order: (event name, bucket, version)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The result of a delete: a version removed, a marker added, or neither."""

    version_id: str = ""
    delete_marker: bool = False
    found: bool = True


def put_version(bucket: Any, key: ObjectVersion) -> list[Any]:
    """Make `key` the newest version, numbered according to the bucket's versioning; return the versions that it replaced."""
    store: IndexedKeyStore = bucket.keys
    with store.lock:
        existing = store.getlist(key.name, [])
        if bucket.versioning_status is None:
            key.number("null", versioned=False)
            store.setlist(key.name, [key])
            return existing
        enabled = bucket.versioning_status == "Enabled"
        key.number(new_version_id() if enabled else "null", versioned=True)
        stored = existing if enabled else [version for version in existing if version.version_id != "null"]
        store.setlist(key.name, [*stored, key])
        return [] if enabled else [version for version in existing if version.version_id == "null"]


def default_encryption(bucket: Any) -> tuple[str, str | None, bool | None]:
    """Return (algorithm, KMS key id, bucket key) of the bucket: AES256 where nothing else is set (S3 since 2023)."""
    rule = (bucket.encryption or {}).get("Rule") or {}
    if isinstance(rule, list):
        rule = rule[0]
    value = rule.get("ApplyServerSideEncryptionByDefault") or {}
    bucket_key = str(rule.get("BucketKeyEnabled", "")).lower() == "true" or None
    return value.get("SSEAlgorithm", "AES256"), value.get("KMSMasterKeyID"), bucket_key


def encrypt(bucket: Any, key: ObjectVersion) -> None:
    """Apply the bucket's default encryption where the request names none."""
    if key.customer_key_md5:
        key.seal_etag()
        return
    if key.encryption is None:
        key.encryption, default_kms_key_id, default_bucket_key = default_encryption(bucket)
        key.kms_key_id = key.kms_key_id or default_kms_key_id
        key.bucket_key_enabled = key.bucket_key_enabled or default_bucket_key
    if str(key.encryption).startswith("aws:kms"):
        key.seal_etag()


def forget_tags(backend: Any, versions: list[Any]) -> None:
    """Delete the tags of deleted versions: moto keeps them by ARN, and a new object of that name has the same ARN."""
    for version in versions:
        if isinstance(version, models.FakeKey):
            backend.tagger.delete_all_tags_for_resource(version.arn)


def remove(
    bucket: Any, name: str, version_id: str | None, *, bypass: bool, notify: Notify
) -> tuple[Removed, list[Any]]:
    """Delete a key or one version of it; return the result and the deleted versions.

    Raises moto's AccessDeniedByLock for a version under object lock.
    """
    store: IndexedKeyStore = bucket.keys
    with store.lock:
        if version_id is not None:
            return _remove_version(bucket, name, version_id, bypass=bypass, notify=notify)
        if bucket.versioning_status is not None:
            return _put_marker(bucket, name, notify)
        removed = store.pop(name, None)
        if removed is None:
            return Removed(found=False), []
        notify("s3:ObjectRemoved:Delete", bucket, removed[-1])
        return Removed(), removed


def _put_marker(bucket: Any, name: str, notify: Notify) -> tuple[Removed, list[Any]]:
    store: IndexedKeyStore = bucket.keys
    existing = store.getlist(name, [])
    enabled = bucket.versioning_status == "Enabled"
    marker = DeleteMarker(existing[-1] if existing else None, name=name, version_id="" if enabled else "null")
    stored = existing if enabled else [version for version in existing if version.version_id != "null"]
    store.setlist(name, [*stored, marker])
    notify("s3:ObjectRemoved:DeleteMarkerCreated", bucket, marker)
    return Removed(version_id=marker.version_id, delete_marker=True), [
        version for version in existing if version not in stored
    ]


def _remove_version(
    bucket: Any, name: str, version_id: str, *, bypass: bool, notify: Notify
) -> tuple[Removed, list[Any]]:
    store: IndexedKeyStore = bucket.keys
    existing = store.getlist(name, [])
    removed = next((version for version in existing if version.version_id == version_id), None)
    if removed is None:
        return Removed(version_id=version_id, found=False), []
    if isinstance(removed, models.FakeKey) and removed.is_locked(governance_bypass=bypass):
        raise exceptions.AccessDeniedByLock
    store.setlist(name, [version for version in existing if version is not removed])
    notify("s3:ObjectRemoved:Delete", bucket, removed)
    marker = isinstance(removed, models.FakeDeleteMarker)
    return Removed(version_id=version_id, delete_marker=marker), [removed]
