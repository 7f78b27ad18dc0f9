"""GetObject and HeadObject: conditions, ranges, parts, versions, and the headers of an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any

from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends

from windlass_local.request import Response
from windlass_local.s3.access import denied, permitted
from windlass_local.s3.address import S3Request
from windlass_local.s3.archive import archived, restore_header
from windlass_local.s3.caller import caller_of
from windlass_local.s3.customer_keys import customer_headers, unreadable
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.responses import refuse, request_ids

_OVERRIDES: Mapping[str, str] = {
    "response-content-type": "content-type",
    "response-content-language": "content-language",
    "response-expires": "expires",
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
}
_UNSATISFIABLE = (-1, -1)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def find_version(bucket: Any, name: str, version_id: str | None) -> Any:
    """Return an object, a delete marker, or None. Without `version_id`, the newest."""
    if version_id is None:
        return bucket.keys.current(name)
    return next((version for version in bucket.keys.getlist(name, []) if version.version_id == version_id), None)


def read_object(call: S3Request, bucket: Any) -> Response:
    """Answer GET and HEAD of an object."""
    version_id = call.query.get("versionId")
    key = find_version(bucket, call.key, version_id)
    if not isinstance(key, FakeKey):
        return _absent(call, bucket, key, version_id)
    refusal = unreadable(call.request.headers, key, method=call.method) or archived(call, key)
    if refusal is not None:
        return refusal
    headers = object_headers(call, key)
    unmet = _condition_unmet(call, key, headers)
    return unmet if unmet is not None else _ranged(call, key, headers)


def _absent(call: S3Request, bucket: Any, marker: Any, version_id: str | None) -> Response:
    caller = caller_of(call)
    if caller.account_id != bucket.account_id and not permitted(call, bucket, caller, "s3:ListBucket", ""):
        return denied(call, bucket)  # only callers who may list learn whether a key exists
    if isinstance(marker, FakeDeleteMarker):
        headers = {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version_id}
        if version_id is not None:
            message = "The specified method is not allowed against this resource."
            headers |= {"allow": "DELETE", "last-modified": http_date(marker.last_modified)}
            return refuse(405, "MethodNotAllowed", message, method=call.method, headers=headers)
        return no_such_key(call, headers)
    if version_id is not None:
        details = {"Key": call.key, "VersionId": version_id}
        return refuse(
            404, "NoSuchVersion", "The specified version does not exist.", method=call.method, details=details
        )
    return no_such_key(call)


def no_such_key(call: S3Request, headers: Mapping[str, str] | None = None) -> Response:
    """Return 404 NoSuchKey."""
    message = "The specified key does not exist."
    return refuse(404, "NoSuchKey", message, method=call.method, details={"Key": call.key}, headers=headers)


@lru_cache(maxsize=512)
def _http_second(second: datetime) -> str:
    return format_datetime(second.replace(tzinfo=UTC), usegmt=True)


def http_date(at: datetime) -> str:
    """Return a time as HTTP writes it."""
    return _http_second(at.replace(microsecond=0, tzinfo=None))


def encryption_headers(key: ObjectVersion) -> dict[str, str]:
    """Return the headers that describe an object's encryption."""
    if key.customer_key_md5:
        return customer_headers(key.customer_key_md5)
    headers: dict[str, str] = {}
    if key.encryption:
        headers["x-amz-server-side-encryption"] = key.encryption
        if key.kms_key_id:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = key.kms_key_id
        if key.bucket_key_enabled is not None and key.encryption.startswith("aws:kms"):
            headers["x-amz-server-side-encryption-bucket-key-enabled"] = str(key.bucket_key_enabled).lower()
    return headers


def object_headers(call: S3Request, key: ObjectVersion) -> dict[str, str]:
    """Return the headers of a complete object, without content-length."""
    headers = {"etag": key.etag, "last-modified": http_date(key.last_modified), "accept-ranges": "bytes"}
    headers |= encryption_headers(key) | key.metadata
    if key.shows_version:
        headers["x-amz-version-id"] = key.version_id
    if key.storage_class != "STANDARD":
        headers["x-amz-storage-class"] = key.storage_class
        headers |= restore_header(key)
    if key.website_redirect_location:
        headers["x-amz-website-redirect-location"] = key.website_redirect_location
    if key.lock_mode or key.lock_legal_status or key.lock_until:
        headers |= _lock_headers(key)
    if key.replication_status:
        headers["x-amz-replication-status"] = key.replication_status
    tags = s3_backends[key.account_id][key.partition].tagger.tags
    if tags and tags.get(key.arn):
        headers["x-amz-tagging-count"] = str(len(tags[key.arn]))
    if call.query:
        headers |= {header: call.query[name] for name, header in _OVERRIDES.items() if name in call.query}
    return headers


def _lock_headers(key: ObjectVersion) -> dict[str, str]:
    named = {
        "x-amz-object-lock-mode": key.lock_mode,
        "x-amz-object-lock-retain-until-date": key.lock_until,
        "x-amz-object-lock-legal-hold": key.lock_legal_status,
    }
    return {name: str(value) for name, value in named.items() if value}


def checksum_headers(key: ObjectVersion) -> dict[str, str]:
    """Return the checksum of a complete object, requested by `x-amz-checksum-mode: ENABLED`."""
    if not key.checksum_algorithm or not key.checksum_value:
        return {}
    composite = key.checksum_type == "COMPOSITE"
    value = f"{key.checksum_value}-{key.checksum_parts}" if composite else key.checksum_value
    name = f"x-amz-checksum-{key.checksum_algorithm.lower()}"
    return {name: value, "x-amz-checksum-type": key.checksum_type or "FULL_OBJECT"}


def etag_matches(value: str, key: ObjectVersion) -> bool:
    """True when an If-Match list names the object's ETag; S3 ignores quotes."""
    return any(entry.strip().strip('"') in ("*", key.etag.strip('"')) for entry in value.split(","))


def _instant(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        return None


def changed_since(text: str, key: ObjectVersion, *, default: bool) -> bool:
    """True when the object is newer than an HTTP date; `default` when the text is no date."""
    since = _instant(text)
    return default if since is None else key.last_modified.replace(microsecond=0) > since


def precondition_failed(call: S3Request, condition: str) -> Response:
    """Return 412 PreconditionFailed, naming the condition."""
    message = "At least one of the pre-conditions you specified did not hold"
    return refuse(412, "PreconditionFailed", message, method=call.method, details={"Condition": condition})


def _condition_unmet(call: S3Request, key: ObjectVersion, headers: Mapping[str, str]) -> Response | None:
    """Return the refusal of an unmet condition, or None. ETag conditions come before dates and override them (RFC 9110 §13.2.2)."""
    value = call.request.headers
    if "if-match" in value:
        if not etag_matches(value["if-match"], key):
            return precondition_failed(call, "If-Match")
    elif "if-unmodified-since" in value and changed_since(value["if-unmodified-since"], key, default=False):
        return precondition_failed(call, "If-Unmodified-Since")
    if "if-none-match" in value:
        unmodified = etag_matches(value["if-none-match"], key)
    else:
        unmodified = "if-modified-since" in value and not changed_since(value["if-modified-since"], key, default=True)
    if not unmodified:
        return None
    stored = {name: each for name, each in headers.items() if not name.startswith("content-")}
    return Response(status=304, headers=(*request_ids(), *stored.items()), body=b"")


def _ranged(call: S3Request, key: ObjectVersion, headers: dict[str, str]) -> Response:
    size = key.contentsize
    by_part = "partNumber" in call.query
    span = _part(call, key, headers) if by_part else _span(call.header("range"), size)
    if isinstance(span, Response):
        return span
    if span == _UNSATISFIABLE:
        details = {"RangeRequested": call.header("range"), "ActualObjectSize": str(size)}
        return refuse(
            416, "InvalidRange", "The requested range is not satisfiable", method=call.method, details=details
        )
    start, stop = (0, size) if span is None else span
    if call.header("x-amz-checksum-mode").upper() == "ENABLED" and stop - start == size:
        headers |= checksum_headers(key)
    if span is not None:
        headers["content-range"] = f"bytes {start}-{max(stop - 1, 0)}/{size}"
    headers["content-length"] = str(stop - start)
    body = b"" if call.method == "HEAD" else key.part(start, stop)
    return Response(status=200 if span is None else 206, headers=(*request_ids(), *headers.items()), body=body)


def _span(value: str, size: int) -> tuple[int, int] | None:
    """Return [start, stop) of a Range header; None to ignore it (absent, several, or malformed)."""
    result = _RANGE.fullmatch(value.replace(" ", "")) if value else None
    if result is None or not (result[1] or result[2]):
        return None
    if not result[1]:
        suffix = min(int(result[2]), size)
        return (size - suffix, size) if suffix else _UNSATISFIABLE
    start = int(result[1])
    if result[2] and int(result[2]) < start:
        return None
    return (start, min(int(result[2]) + 1, size) if result[2] else size) if start < size else _UNSATISFIABLE


def _part(call: S3Request, key: ObjectVersion, headers: dict[str, str]) -> tuple[int, int] | Response:
    value = call.query["partNumber"]
    sizes = key.part_sizes or (key.contentsize,)
    if not value.isdigit() or not 1 <= int(value) <= len(sizes):
        return refuse(416, "InvalidPartNumber", "The requested partnumber is not satisfiable", method=call.method)
    if key.part_sizes:
        headers["x-amz-mp-parts-count"] = str(len(sizes))
    start = sum(sizes[: int(value) - 1])
    return start, start + sizes[int(value) - 1]
