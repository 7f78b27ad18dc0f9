"""New buckets block public access and have ACLs disabled.

Upstream: new buckets have neither Block Public Access nor Object Ownership set.
AWS: since April 2023 every new bucket has all four settings of Block Public Access and BucketOwnerEnforced.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3 import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models.FakeBucket",
    "moto.s3.models.PublicAccessBlock",
)


def apply() -> None:
    """Set today's defaults when a bucket is created."""
    original = models.FakeBucket.__init__

    @wraps(original)
    def initialise(bucket: Any, *args: Any, **kwargs: Any) -> None:
        original(bucket, *args, **kwargs)
        bucket.public_access_block = models.PublicAccessBlock(*["true"] * 4)
        bucket.ownership_rule = "BucketOwnerEnforced"

    models.FakeBucket.__init__ = initialise
