"""A deleted bucket's tags are deleted with it.

Upstream: the tags stay, and a new bucket of the same name has them.
AWS: a new bucket has no tags.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3 import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.s3.models.S3Backend.delete_bucket",)


def apply() -> None:
    """Delete the tags with the bucket."""
    original = models.S3Backend.delete_bucket

    @wraps(original)
    def delete_bucket(backend: Any, bucket_name: str) -> Any:
        removed = original(backend, bucket_name)
        if removed is not None:
            backend.tagger.delete_all_tags_for_resource(removed.arn)
        return removed

    models.S3Backend.delete_bucket = delete_bucket
