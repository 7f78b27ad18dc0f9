"""Routing of calls on an existing bucket: from a client over HTTP, or from a batch job in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from moto.s3 import models

from windlass_local.request import Response
from windlass_local.s3.access import charged_headers, check_access
from windlass_local.s3.acls import acl_refused, read_object_acl
from windlass_local.s3.address import S3Request
from windlass_local.s3.archive import restore_object
from windlass_local.s3.buckets import head_bucket
from windlass_local.s3.checksums import sent_body, wrong_checksum
from windlass_local.s3.configuration import delete_configuration, read_configuration, write_configuration
from windlass_local.s3.customer_keys import keys_refused
from windlass_local.s3.delivery import CURRENT, Delivery
from windlass_local.s3.limits import metadata_refused
from windlass_local.s3.listing import list_object_versions, list_objects, list_objects_v2
from windlass_local.s3.locks import lock_refused
from windlass_local.s3.object_reads import find_version, no_such_key, read_object
from windlass_local.s3.object_writes import copy_object, delete_object, delete_objects, put_object
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.parts import on_upload
from windlass_local.s3.replicator import Replicator
from windlass_local.s3.responses import IDS, new_request_ids, refuse
from windlass_local.s3.uploads import list_uploads

__all__ = ["answer", "install_s3", "shared_delivery", "shared_replicator"]

_DELIVERY = "windlass_delivery"
_REPLICATOR = "windlass_replicator"


def install_s3() -> None:
    """Create the event delivery and the replicator; a second call changes nothing."""
    if hasattr(models.S3Backend, _DELIVERY):
        return
    delivery = Delivery()
    setattr(models.S3Backend, _DELIVERY, delivery)
    replicator = Replicator(delivery.notify)
    setattr(models.S3Backend, _REPLICATOR, replicator)
    delivery.set_watcher(replicator)


def shared_delivery() -> Delivery:
    """Return the event delivery of this process's estate."""
    delivery: Delivery = getattr(models.S3Backend, _DELIVERY)
    return delivery


def shared_replicator() -> Replicator:
    """Return the replicator of this process's estate."""
    replicator: Replicator = getattr(models.S3Backend, _REPLICATOR)
    return replicator


def answer(call: S3Request, bucket: Any) -> Response | None:
    """Answer a call on an existing bucket, on any thread; None leaves it to moto."""
    ids = new_request_ids()
    ids_token, call_token = IDS.set(ids), CURRENT.set((call, ids[0][1], ids[1][1]))
    try:
        refusal = check_access(call, bucket)
        if refusal is not None:
            return refusal
        verified = _verified(call)
        if isinstance(verified, Response):
            return verified
        result = _on_object(verified, bucket) if verified.key else _on_bucket(verified, bucket)
        return (
            result
            if result is None
            else replace(result, headers=(*result.headers, *charged_headers(call, bucket).items()))
        )
    finally:
        IDS.reset(ids_token)
        CURRENT.reset(call_token)


def _verified(call: S3Request) -> S3Request | Response:
    """Return the call with its body without chunk framing, or the refusal of a body that does not match its checksums.

    A completed upload's checksum is of the object, not of the list in the body: `parts` verifies it.
    """
    request = call.request
    try:
        headers, body = sent_body(request.headers, request.body)
    except ValueError:
        return refuse(400, "IncompleteBody", "The request body terminated unexpectedly")
    completes = call.method == "POST" and call.subresource == "uploadId"
    sums = {name: value for name, value in headers.items() if not (completes and name.startswith("x-amz-checksum-"))}
    wrong = wrong_checksum(sums, body)
    if wrong is not None:
        return refuse(400, wrong.code, wrong.message)
    return call if headers is request.headers else replace(call, request=replace(request, headers=headers, body=body))


def _refused(call: S3Request, bucket: Any) -> Response | None:
    headers = call.request.headers
    refusal = keys_refused(headers, method=call.method)
    if refusal is not None or call.method not in ("PUT", "POST"):
        return refusal
    return acl_refused(call, bucket) or lock_refused(headers, bucket) or metadata_refused(headers)


def _on_object(call: S3Request, bucket: Any) -> Response | None:
    refusal = _refused(call, bucket)
    if refusal is not None:
        return refusal
    if call.subresource == "acl" and call.method == "GET":
        return read_object_acl(bucket, find_version(bucket, call.key, call.query.get("versionId")))
    if call.subresource == "uploadId":
        return on_upload(call, bucket, shared_delivery().notify)
    if call.subresource == "restore" and call.method == "POST":
        version = find_version(bucket, call.key, call.query.get("versionId"))
        result = isinstance(version, ObjectVersion)
        return restore_object(call, bucket, version, shared_delivery().notify) if result else no_such_key(call)
    if call.subresource:
        return None
    if call.method in ("GET", "HEAD"):
        return read_object(call, bucket)
    notify = shared_delivery().notify
    if call.method == "DELETE":
        return delete_object(call, bucket, notify)
    if call.method != "PUT":
        return None
    put = copy_object if "x-amz-copy-source" in call.request.headers else put_object
    return put(call, bucket, notify)


def _on_bucket(call: S3Request, bucket: Any) -> Response | None:
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
            return delete_objects(call, bucket, shared_delivery().notify)
    return None


def _on_bucket_get(call: S3Request, bucket: Any) -> Response | None:
    if call.subresource == "versions":
        return list_object_versions(call, bucket)
    if call.subresource == "uploads":
        return list_uploads(call, bucket)
    if call.subresource:
        return read_configuration(call, bucket)
    return list_objects_v2(call, bucket) if call.query.get("list-type") == "2" else list_objects(call, bucket)
