"""S3 directory buckets: no account has any here.

Their control plane has S3's operations under the signing name `s3express`: moto would answer with general purpose buckets.
"""

from __future__ import annotations

from windlass_local.errors import error_response
from windlass_local.request import Request, Response
from windlass_local.s3.responses import document

__all__ = ["PRIVATE_NAMES", "install", "native"]

PRIVATE_NAMES = ()


def install() -> None:
    """Do nothing: moto is not involved."""


def native(request: Request) -> Response:
    """Answer ListDirectoryBuckets with none, and refuse everything else."""
    if request.operation == "ListDirectoryBuckets":
        return document("ListAllMyDirectoryBucketsResult", "<Buckets></Buckets>")
    message = f"The embedded AWS does not implement {request.operation} of directory buckets."
    return error_response(request, 501, "NotImplemented", message)
