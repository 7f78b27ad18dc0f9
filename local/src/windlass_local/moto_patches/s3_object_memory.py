"""Objects of S3 are held in memory, and released when they are deleted.

Upstream: FakeKey opens a temporary file for each object and FakeKey.instances keeps every object referenced.
AWS: no visible difference; memory and file handles stay bounded.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
Offered upstream: no.
"""

from __future__ import annotations

from moto.s3 import models, responses

from windlass_local.s3.objects import DeleteMarker, ObjectVersion

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models.FakeKey",
    "moto.s3.models.FakeDeleteMarker",
    "moto.s3.responses.FakeKey",
    "moto.s3.responses.FakeDeleteMarker",
)


def apply() -> None:
    """Replace moto's classes of objects and delete markers."""
    models.FakeKey = responses.FakeKey = ObjectVersion
    models.FakeDeleteMarker = responses.FakeDeleteMarker = DeleteMarker
