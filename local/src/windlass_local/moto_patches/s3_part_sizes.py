"""Completed uploads remember the sizes of their parts.

Upstream: complete_multipart_upload forgets the parts.
AWS: GetObject and HeadObject with partNumber return that part, and x-amz-mp-parts-count.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3 import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.s3.models.S3Backend.complete_multipart_upload",)


def apply() -> None:
    """Keep the sizes on the object."""
    original_complete = models.S3Backend.complete_multipart_upload

    @wraps(original_complete)
    def complete(backend: Any, bucket_name: str, multipart_id: str, body: Any) -> Any:
        requested = list(body)
        parts = backend.get_bucket(bucket_name).multiparts[multipart_id].parts
        sizes = tuple(parts[number].contentsize for number, _ in requested if number in parts)
        key = original_complete(backend, bucket_name, multipart_id, iter(requested))
        if key is not None:
            key.part_sizes = sizes
        return key

    models.S3Backend.complete_multipart_upload = complete
