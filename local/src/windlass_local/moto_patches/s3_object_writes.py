"""Writes that moto makes itself (POST uploads, multipart, Firehose, logs) follow the rules of PutObject.

Upstream: put_object and delete_object write moto's own key store, send events inside the call and keep the tags of
deleted versions.
AWS: every write gets the bucket's default encryption, follows its versioning and sends its event; a deleted version
has no tags.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.s3 import exceptions, models

from windlass_local.s3.bucket_requests import shared_delivery
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.versions import encrypt, forget_tags, put_version, remove

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models.S3Backend.put_object",
    "moto.s3.models.S3Backend.delete_object",
    "moto.s3.models.s3_backends",
)


def apply() -> None:
    """Replace the two writes of moto's backend."""
    notify = shared_delivery().notify

    def put_object(backend: Any, bucket_name: str, key_name: str, value: Any, **given: Any) -> ObjectVersion:
        storage = given.get("storage")
        if storage is not None and storage not in models.STORAGE_CLASS:
            raise exceptions.InvalidStorageClass(storage=storage)
        bucket = backend.get_bucket(bucket_name)
        method, silent = given.pop("request_method", "PUT"), given.pop("disable_notification", False)
        multipart = given.pop("multipart", None)
        key = ObjectVersion(key_name, value, bucket.account_id, backend.region_name, bucket_name=bucket_name, **given)
        encrypt(bucket, key)
        with bucket.keys.lock:
            forget_tags(models.s3_backends[bucket.account_id][bucket.partition], put_version(bucket, key))
            if not silent and multipart is None:  # a completed upload sends its own event
                notify(f"s3:ObjectCreated:{'Post' if method == 'POST' else 'Put'}", bucket, key)
        return key

    def delete_object(
        backend: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> tuple[bool, dict[str, Any]]:
        bucket = backend.get_bucket(bucket_name)
        removed, gone = remove(bucket, key_name, version_id, bypass=bypass, notify=notify)
        forget_tags(backend, gone)
        meta: dict[str, Any] = {"version-id": removed.version_id} if removed.version_id else {}
        return removed.found, meta | ({"delete-marker": "true"} if removed.delete_marker else {})

    models.S3Backend.put_object = put_object
    models.S3Backend.delete_object = delete_object
