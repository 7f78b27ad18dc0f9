"""PutObject, CopyObject, DeleteObject and DeleteObjects; unusual requests are left to moto."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

from moto.s3.exceptions import AccessDeniedByLock
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import STORAGE_CLASS

from windlass_local.request import Response
from windlass_local.s3.access import copy_source, find_bucket, permitted
from windlass_local.s3.acls import acl_of
from windlass_local.s3.address import S3Request
from windlass_local.s3.archive import source_archived
from windlass_local.s3.caller import caller_of
from windlass_local.s3.checksums import compute, given_checksum
from windlass_local.s3.customer_keys import key_md5, source_unreadable
from windlass_local.s3.limits import too_large
from windlass_local.s3.locks import lock, missing_checksum
from windlass_local.s3.object_reads import (
    changed_since,
    encryption_headers,
    etag_matches,
    find_version,
    no_such_key,
    precondition_failed,
)
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.responses import document, element, empty, escape, refuse
from windlass_local.s3.versions import Notify, encrypt, forget_tags, put_version, remove
from windlass_local.xml import parse_xml

_SYSTEM_METADATA = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
_LEFT_TO_MOTO = ("x-amz-write-offset",)
_MOST_DELETES = 1000


def _left_to_moto(call: S3Request) -> bool:
    return any(name.startswith(_LEFT_TO_MOTO) for name in call.request.headers)


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of an object from the headers of its put."""
    stored = {
        name: value for name, value in headers.items() if name.startswith("x-amz-meta-") or name in _SYSTEM_METADATA
    }
    encoding = ",".join(
        entry for entry in stored.pop("content-encoding", "").split(",") if entry.strip() != "aws-chunked"
    )
    if encoding:
        stored["content-encoding"] = encoding
    return {"content-type": "binary/octet-stream", **stored}


def _tags(call: S3Request) -> list[dict[str, str]] | Response:
    pairs = parse_qsl(call.header("x-amz-tagging"), keep_blank_values=True)
    if len(pairs) > 10:
        return refuse(400, "BadRequest", "Object tags cannot be greater than 10")
    return [{"Key": name, "Value": value} for name, value in pairs]


def put_unmet(call: S3Request, bucket: Any) -> Response | None:
    """Return the refusal of a conditional write (If-None-Match: *, If-Match); None when its conditions hold."""
    headers = call.request.headers
    if "if-none-match" not in headers and "if-match" not in headers:
        return None
    current = bucket.keys.current(call.key)
    exists = isinstance(current, FakeKey)
    if "if-none-match" in headers and exists and etag_matches(headers["if-none-match"], current):
        return precondition_failed(call, "If-None-Match")
    if "if-match" in headers:
        if not exists:
            return no_such_key(call)
        if not etag_matches(headers["if-match"], current):
            return precondition_failed(call, "If-Match")
    return None


def _refused(call: S3Request, bucket: Any) -> Response | None:
    if len(call.key.encode()) > 1024:
        return refuse(400, "KeyTooLongError", "Your key is too long")
    storage = call.header("x-amz-storage-class")
    if storage and storage not in STORAGE_CLASS:
        return refuse(400, "InvalidStorageClass", "The storage class you specified is not valid")
    return put_unmet(call, bucket)


def _new_key(call: S3Request, bucket: Any, data: Any, *, etag: str | None, storage: str) -> ObjectVersion:
    headers = call.request.headers
    key = ObjectVersion(
        call.key,
        b"" if isinstance(data, ObjectVersion) else data,
        bucket.account_id,
        bucket.partition,
        bucket_name=bucket.name,
        storage=storage,
        encryption=headers.get("x-amz-server-side-encryption"),
        kms_key_id=headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
        bucket_key_enabled=headers.get("x-amz-server-side-encryption-bucket-key-enabled", "").lower() == "true" or None,
        website_redirect_location=headers.get("x-amz-website-redirect-location"),
        customer_key_md5=key_md5(headers),
    )
    if isinstance(data, ObjectVersion):
        key.share(data, etag or "")
    if bucket.partition != "aws":
        key.partition = bucket.partition
    encrypt(bucket, key)
    return key


def store(
    call: S3Request, bucket: Any, key: ObjectVersion, tags: list[dict[str, str]], *, event: str, notify: Notify
) -> Response | None:
    """Make a new object the newest version, with its tags, and send its event; or return the refusal of its condition.

    The condition is checked again under the lock: several threads may upload large bodies, and only one may succeed.
    """
    backend = s3_backends[bucket.account_id][bucket.partition]
    with bucket.keys.lock:
        unmet = put_unmet(call, bucket)
        if unmet is not None:
            return unmet
        forget_tags(backend, put_version(bucket, key))
        if tags:
            backend.tagger.tag_resource(key.arn, tags)
        notify(event, bucket, key)
    return None


def put_object(call: S3Request, bucket: Any, notify: Notify) -> Response | None:
    """Answer PutObject; None leaves it to moto."""
    if _left_to_moto(call):
        return None
    refusal = _refused(call, bucket)
    if refusal is not None:
        return refusal
    headers, body = call.request.headers, call.request.body
    refusal = missing_checksum(headers, headers, bucket, "Object")
    if refusal is not None:
        return refusal
    tags = _tags(call) if "x-amz-tagging" in headers else []
    if isinstance(tags, Response):
        return tags
    key = _new_key(call, bucket, body, etag=None, storage=headers.get("x-amz-storage-class", ""))
    key.metadata_headers = metadata_of(headers)
    lock(key, headers, bucket)
    key.acl = acl_of(headers)
    response = {"etag": key.etag, **encryption_headers(key)}
    checksum = given_checksum(headers)
    if checksum:
        key.checksum_algorithm, key.checksum_value, key.checksum_type = checksum[0].upper(), checksum[1], "FULL_OBJECT"
        response |= {f"x-amz-checksum-{checksum[0]}": checksum[1], "x-amz-checksum-type": "FULL_OBJECT"}
    unmet = store(call, bucket, key, tags, event="s3:ObjectCreated:Put", notify=notify)
    if unmet is not None:
        return unmet
    if key.shows_version:
        response["x-amz-version-id"] = key.version_id
    return empty(200, response)


def copy_object(call: S3Request, bucket: Any, notify: Notify) -> Response | None:
    """Answer CopyObject; None leaves it to moto. The source's bucket and permission were already checked."""
    source_bucket_name, source_name, version_id = copy_source(call)
    source_bucket = find_bucket(source_bucket_name)
    if source_bucket is None:
        return None
    source = find_version(source_bucket, source_name, version_id or None)
    refusal = too_large(source.contentsize) if isinstance(source, ObjectVersion) else None
    if refusal is not None:
        return refusal
    if not isinstance(source, ObjectVersion):
        return no_source(source_name, version_id, source)
    refusal = _refused(call, bucket) or source_unreadable(call.request.headers, source)
    refusal = refusal or copy_unmet(call, source) or source_archived(source)
    refusal = refusal or _changes_nothing(call, bucket, source)
    if refusal is not None:
        return refusal
    return _copied(call, bucket, source_bucket, source, notify)


def no_source(name: str, version_id: str, source: Any) -> Response:
    """Return the refusal of a copy whose source does not exist or is a delete marker."""
    if source is not None:
        message = "The source of a copy request may not specifically refer to a delete marker by version id."
        return (
            refuse(400, "InvalidRequest", message)
            if version_id
            else refuse(404, "NoSuchKey", "The specified key does not exist.", details={"Key": name})
        )
    if version_id:
        details = {"Key": name, "VersionId": version_id}
        return refuse(404, "NoSuchVersion", "The specified version does not exist.", details=details)
    return refuse(404, "NoSuchKey", "The specified key does not exist.", details={"Key": name})


def copy_unmet(call: S3Request, source: ObjectVersion) -> Response | None:
    """Return the refusal of a copy whose conditions on the source don't hold; None when they do."""
    value = call.request.headers
    prefix = "x-amz-copy-source-"
    if f"{prefix}if-match" in value and not etag_matches(value[f"{prefix}if-match"], source):
        return precondition_failed(call, f"{prefix}If-Match")
    if f"{prefix}if-none-match" in value and etag_matches(value[f"{prefix}if-none-match"], source):
        return precondition_failed(call, f"{prefix}If-None-Match")
    since, until = value.get(f"{prefix}if-modified-since"), value.get(f"{prefix}if-unmodified-since")
    if since and not changed_since(since, source, default=True):
        return precondition_failed(call, f"{prefix}If-Modified-Since")
    if until and f"{prefix}if-match" not in value and changed_since(until, source, default=False):
        return precondition_failed(call, f"{prefix}If-Unmodified-Since")
    return None


def _changes_nothing(call: S3Request, bucket: Any, source: ObjectVersion) -> Response | None:
    headers = call.request.headers
    if (
        source.bucket_name != bucket.name
        or source.name != call.key
        or "?versionId=" in call.header("x-amz-copy-source")
    ):
        return None
    changed = (
        headers.get("x-amz-metadata-directive", "").upper() == "REPLACE"
        or "x-amz-storage-class" in headers
        or "x-amz-server-side-encryption" in headers
        or bool(key_md5(headers))
        or "x-amz-website-redirect-location" in headers
        or headers.get("x-amz-tagging-directive", "").upper() == "REPLACE"
        or bucket.encryption is not None
    )
    message = (
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
        "metadata, storage class, website redirect location or encryption attributes."
    )
    return None if changed else refuse(400, "InvalidRequest", message)


def _copied_tags(call: S3Request, source_bucket: Any, source: ObjectVersion) -> list[dict[str, str]] | Response:
    if call.header("x-amz-tagging-directive").upper() == "REPLACE":
        return _tags(call)
    tagger = s3_backends[source_bucket.account_id][source_bucket.partition].tagger
    return tagger.list_tags_for_resource(source.arn)["Tags"] if tagger.tags else []


def _copied(call: S3Request, bucket: Any, source_bucket: Any, source: ObjectVersion, notify: Notify) -> Response:
    headers = call.request.headers
    tags = _copied_tags(call, source_bucket, source)
    if isinstance(tags, Response):
        return tags
    # A copy is one part: a multipart source, or one with an opaque ETag, gets the ETag of its full content.
    opaque = "-" in source.etag or str(source.encryption).startswith("aws:kms") or bool(source.customer_key_md5)
    etag = hashlib.md5(source.value, usedforsecurity=False).hexdigest() if opaque else source.etag.strip('"')
    key = _new_key(call, bucket, source, etag=etag, storage=headers.get("x-amz-storage-class", ""))
    replaced = call.header("x-amz-metadata-directive").upper() == "REPLACE"
    key.metadata_headers = metadata_of(headers) if replaced else dict(source.metadata)
    _copy_checksum(call, source, key)
    lock(key, headers, bucket)
    key.acl = acl_of(headers)
    unmet = store(call, bucket, key, tags, event="s3:ObjectCreated:Copy", notify=notify)
    if unmet is not None:
        return unmet
    response = encryption_headers(key)
    if source.version_id != "null":
        response["x-amz-copy-source-version-id"] = source.version_id
    if key.shows_version:
        response["x-amz-version-id"] = key.version_id
    stamp = f"{key.last_modified.isoformat(timespec='milliseconds')}Z"
    inner = element("LastModified", stamp) + f"<ETag>&quot;{key.etag[1:-1]}&quot;</ETag>"
    if key.checksum_algorithm:
        inner += element(f"Checksum{key.checksum_algorithm}", key.checksum_value) + element(
            "ChecksumType", key.checksum_type
        )
    return document("CopyObjectResult", inner, headers=response)


def _copy_checksum(call: S3Request, source: ObjectVersion, key: ObjectVersion) -> None:
    algorithm = call.header("x-amz-checksum-algorithm").upper()
    computed = compute(algorithm, source.value) if algorithm and algorithm != source.checksum_algorithm else None
    if computed is not None:
        key.checksum_algorithm, key.checksum_value, key.checksum_type = algorithm, computed, "FULL_OBJECT"
    elif source.checksum_value and source.checksum_type != "COMPOSITE":
        key.checksum_algorithm, key.checksum_value = source.checksum_algorithm, source.checksum_value
        key.checksum_type = source.checksum_type or "FULL_OBJECT"


def _bypasses(call: S3Request) -> bool:
    return call.header("x-amz-bypass-governance-retention").lower() == "true"


def delete_object(call: S3Request, bucket: Any, notify: Notify) -> Response:
    """Answer DeleteObject: add a delete marker, or remove a version, or do nothing (which is no error)."""
    if "if-match" in call.request.headers and "versionId" not in call.query:
        unmet = put_unmet(call, bucket)
        if unmet is not None:
            return unmet
    try:
        removed, gone = remove(bucket, call.key, call.query.get("versionId"), bypass=_bypasses(call), notify=notify)
    except AccessDeniedByLock:
        return refuse(403, "AccessDenied", "Access Denied because object protected by object lock.")
    forget_tags(s3_backends[bucket.account_id][bucket.partition], gone)
    headers = {"x-amz-version-id": removed.version_id} if removed.version_id else {}
    if removed.delete_marker:
        headers["x-amz-delete-marker"] = "true"
    return empty(204, headers)


def delete_objects(call: S3Request, bucket: Any, notify: Notify) -> Response:
    """Answer DeleteObjects: up to 1,000 keys, each permitted and reported separately."""
    try:
        root = parse_xml(call.request.body)
    except ET.ParseError:
        root = ET.Element("none")
    requested = [
        (entry.findtext("{*}Key"), entry.findtext("{*}VersionId") or None) for entry in root.iter() if _is_object(entry)
    ]
    if not requested or len(requested) > _MOST_DELETES or any(not name for name, _ in requested):
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        return refuse(400, "MalformedXML", message)
    quiet = (root.findtext("{*}Quiet") or "").strip().lower() == "true"
    return document(
        "DeleteResult", "".join(_delete_one(call, bucket, notify, name or "", each, quiet) for name, each in requested)
    )


def _is_object(node: ET.Element) -> bool:
    return node.tag.rpartition("}")[2] == "Object"


def _delete_one(call: S3Request, bucket: Any, notify: Notify, name: str, version_id: str | None, quiet: bool) -> str:
    named = f"<Key>{escape(name)}</Key>" + element("VersionId", version_id)
    action = "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion"
    if not permitted(call, bucket, caller_of(call), action, name):
        return f"<Error>{named}<Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    try:
        removed, gone = remove(bucket, name, version_id, bypass=_bypasses(call), notify=notify)
    except AccessDeniedByLock:
        message = "Access Denied because object protected by object lock."
        return f"<Error>{named}<Code>AccessDenied</Code><Message>{message}</Message></Error>"
    forget_tags(s3_backends[bucket.account_id][bucket.partition], gone)
    if quiet:
        return ""
    if removed.delete_marker:
        named += f"<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{removed.version_id}</DeleteMarkerVersionId>"
    return f"<Deleted>{named}</Deleted>"
