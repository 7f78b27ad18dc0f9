# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""s3:ObjectTagging:Put is sent only for PutObjectTagging.

Upstream: every PutObject sends ObjectTagging:Put as well, even without tags.
AWS: the event is sent when tags are put on an existing object.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3 import models, responses

from windlass_local.s3.bucket_requests import shared_delivery

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models.S3Backend.put_object_tagging",
    "moto.s3.responses.S3Response.put_object_tagging",
)


def apply() -> None:
    """Send the event from the API call alone."""
    notify = shared_delivery().notify
    original = models.S3Backend.put_object_tagging

    @wraps(original)
    def put_tags(backend: Any, key: Any, tags: Any) -> Any:
        if not tags:
            backend.tagger.delete_all_tags_for_resource(key.arn)
            return key
        bucket = backend.get_bucket(key.bucket_name)
        configuration, bucket.notification_configuration = bucket.notification_configuration, None
        try:
            return original(backend, key, tags)
        finally:
            bucket.notification_configuration = configuration

    original_call = responses.S3Response.put_object_tagging

    @wraps(original_call)
    def call(response: Any) -> Any:
        answer = original_call(response)
        bucket = response.backend.get_bucket(response.bucket_name)
        version_id = response._get_param("versionId")
        key = response.backend.get_object(response.bucket_name, response.parse_key_name(), version_id=version_id)
        if key is not None:
            notify("s3:ObjectTagging:Put", bucket, key)
        return answer

    models.S3Backend.put_object_tagging = put_tags
    responses.S3Response.put_object_tagging = call
