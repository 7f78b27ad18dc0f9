"""S3: checks each call's region and permission and answers the usual calls; moto answers the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from windlass_local.faults import Faults
from windlass_local.request import Request, Response
from windlass_local.s3.access import find_bucket, no_such_bucket
from windlass_local.s3.address import S3Request, parse
from windlass_local.s3.bucket_requests import answer, install_s3, shared_delivery, shared_replicator
from windlass_local.s3.buckets import create_bucket, list_buckets
from windlass_local.s3.cors import cors_headers, preflight

PRIVATE_NAMES = (
    "moto.s3.models.MultipartDict",
    "moto.s3.models.OWNER",
    "moto.sqs.models.sqs_backends",
    "moto.sns.models.sns_backends",
    "moto.events.models.events_backends",
    "moto.s3.models.s3_backends",
)

_LARGE_BYTES = 512 * 1024


def install() -> None:
    """Create the event delivery and the replicator; a second call changes nothing."""
    install_s3()


def server_started(_url: str, faults: Faults) -> None:
    """Add the faults of a server that started: events and replication have them, too."""
    shared_delivery().server_started(faults)
    shared_replicator().server_started(faults)


def server_stopped(_url: str, faults: Faults) -> None:
    """Remove the faults of a server that stops."""
    shared_delivery().server_stopped(faults)
    shared_replicator().server_stopped(faults)


def native(request: Request) -> Response | Awaitable[Response | None] | None:
    """Answer an S3 call, or refuse it, or return None for moto to answer. Calls that move much data go to a thread."""
    call = parse(request)
    if call.method == "OPTIONS":
        bucket = find_bucket(call.bucket)
        return preflight(call, bucket) if bucket is not None else no_such_bucket(call)
    if not call.bucket:
        return list_buckets(call) if call.method == "GET" else None
    if call.method == "PUT" and not call.key and not call.subresource:
        return create_bucket(call)
    bucket = find_bucket(call.bucket)
    if bucket is None:
        # moto keeps buckets of S3 Tables in another backend.
        return None if call.bucket.endswith("--table-s3") else no_such_bucket(call)
    return asyncio.to_thread(answer, call, bucket) if _is_large(call, bucket) else answer(call, bucket)


def page_headers(request: Request) -> Mapping[str, str]:
    """Return the headers of a bucket's CORS configuration that let the page behind `request` read the response."""
    if request.service != "s3" or request.method == "OPTIONS":
        return {}
    bucket = find_bucket(parse(request).bucket)
    return {} if bucket is None else cors_headers(bucket, request.method, request.headers)


def _is_large(call: S3Request, bucket: Any) -> bool:
    if len(call.request.body) > _LARGE_BYTES or (call.subresource == "uploadId" and call.method == "POST"):
        return True
    if not call.key or call.method != "GET":
        return "x-amz-copy-source" in call.request.headers
    return getattr(bucket.keys.current(call.key), "contentsize", 0) > _LARGE_BYTES
