"""S3 of the embedded AWS: decides each call's region and permission, answers the usual ones; moto does the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from moto.s3 import models

from windlass.local.faults import Faults
from windlass.local.request import Request, Response
from windlass.local.s3 import patches
from windlass.local.s3.access import admit, find_bucket, no_such_bucket
from windlass.local.s3.acls import acl_refused, read_object_acl
from windlass.local.s3.address import Call, parse
from windlass.local.s3.answers import IDS, new_request_ids
from windlass.local.s3.buckets import create_bucket, head_bucket, list_buckets
from windlass.local.s3.configuration import delete_configuration, read_configuration, write_configuration
from windlass.local.s3.delivery import CURRENT, Delivery
from windlass.local.s3.listing import list_object_versions, list_objects, list_objects_v2
from windlass.local.s3.object_reads import find_version, read_object
from windlass.local.s3.object_writes import copy_object, delete_object, delete_objects, put_object
from windlass.local.s3.parts import on_upload
from windlass.local.s3.replicating import Replicator
from windlass.local.s3.uploads import list_uploads

PRIVATE_NAMES = patches.PRIVATE_NAMES

_LARGE_BYTES = 512 * 1024
_DELIVERY = "windlass_delivery"
_REPLICATOR = "windlass_replicator"


def install() -> None:
    """Patch moto's S3; a second call changes nothing."""
    if not hasattr(models.S3Backend, _DELIVERY):
        delivery = Delivery()
        setattr(models.S3Backend, _DELIVERY, delivery)
        replicator = Replicator(delivery.tell)
        setattr(models.S3Backend, _REPLICATOR, replicator)
        delivery.watched_by(replicator)
        patches.apply(delivery)


def opened(_url: str, faults: Faults) -> None:
    """A server is up; its faults may be for events, and for replication."""
    _delivery().opened(faults)
    the_replicator().opened(faults)


def closed(_url: str, faults: Faults) -> None:
    """That server is going."""
    _delivery().closed(faults)
    the_replicator().closed(faults)


def the_replicator() -> Replicator:
    """What replicates objects in this process's estate."""
    replicator: Replicator = getattr(models.S3Backend, _REPLICATOR)
    return replicator


def _delivery() -> Delivery:
    delivery: Delivery = getattr(models.S3Backend, _DELIVERY)
    return delivery


def native(request: Request) -> Response | Awaitable[Response | None] | None:
    """Answer an S3 call, or refuse it, or return None for moto to answer. Calls that move much data go to a thread."""
    call = parse(request)
    if call.method == "OPTIONS":
        return None
    if not call.bucket:
        return list_buckets(call) if call.method == "GET" else None
    if call.method == "PUT" and not call.key and not call.subresource:
        return create_bucket(call)
    bucket = find_bucket(call.bucket)
    if bucket is None:
        # Buckets of S3 Tables live elsewhere in moto.
        return None if call.bucket.endswith("--table-s3") else no_such_bucket(call)
    return asyncio.to_thread(answer, call, bucket) if _is_large(call, bucket) else answer(call, bucket)


def _is_large(call: Call, bucket: Any) -> bool:
    if len(call.request.body) > _LARGE_BYTES or (call.subresource == "uploadId" and call.method == "POST"):
        return True
    if not call.key or call.method != "GET":
        return "x-amz-copy-source" in call.request.headers
    return getattr(bucket.keys.current(call.key), "contentsize", 0) > _LARGE_BYTES


def answer(call: Call, bucket: Any) -> Response | None:
    """Answer a call on an existing bucket, from whatever thread; None leaves it to moto."""
    ids = new_request_ids()
    ids_token, call_token = IDS.set(ids), CURRENT.set((call, ids[0][1], ids[1][1]))
    try:
        refusal = admit(call, bucket)
        if refusal is not None:
            return refusal
        return _on_object(call, bucket) if call.key else _on_bucket(call, bucket)
    finally:
        IDS.reset(ids_token)
        CURRENT.reset(call_token)


def _on_object(call: Call, bucket: Any) -> Response | None:
    if call.method in ("PUT", "POST"):
        refusal = acl_refused(call, bucket)
        if refusal is not None:
            return refusal
    if call.subresource == "acl" and call.method == "GET":
        return read_object_acl(bucket, find_version(bucket, call.key, call.query.get("versionId")))
    if call.subresource == "uploadId":
        return on_upload(call, bucket, _delivery().tell)
    if call.subresource:
        return None
    if call.method in ("GET", "HEAD"):
        return read_object(call, bucket)
    tell = _delivery().tell
    if call.method == "DELETE":
        return delete_object(call, bucket, tell)
    if call.method != "PUT":
        return None
    put = copy_object if "x-amz-copy-source" in call.request.headers else put_object
    return put(call, bucket, tell)


def _on_bucket(call: Call, bucket: Any) -> Response | None:
    match call.method:
        case "HEAD":
            return head_bucket(bucket)
        case "GET":
            return _on_bucket_get(call, bucket)
        case "PUT":
            return write_configuration(call, bucket)
        case "DELETE":
            return delete_configuration(call, bucket)
        case "POST" if call.subresource == "delete":
            return delete_objects(call, bucket, _delivery().tell)
    return None


def _on_bucket_get(call: Call, bucket: Any) -> Response | None:
    if call.subresource == "versions":
        return list_object_versions(call, bucket)
    if call.subresource == "uploads":
        return list_uploads(call, bucket)
    if call.subresource:
        return read_configuration(call, bucket)
    return list_objects_v2(call, bucket) if call.query.get("list-type") == "2" else list_objects(call, bucket)
