"""S3's calls that run by the million, as values. `s3_responses.py` reads their responses.

Every call takes `owner` where S3 does: the account that the bucket must belong to (x-amz-expected-bucket-owner).
Source: S3 API reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from xml.sax.saxutils import escape

from windlass.core.errors import UsageError
from windlass.wire.errors import BadResponse, safe_xml
from windlass.wire.listing import Page, VersionPage, read_page
from windlass.wire.model import COPY, UNSIGNED, Call, Checksum, Request, Response, RetryPolicy
from windlass.wire.s3_responses import (
    Copied,
    Head,
    Part,
    Put,
    read_buckets,
    read_completed,
    read_copied,
    read_deleted,
    read_etag,
    read_head,
    read_nothing,
    read_part,
    read_put,
    read_tags,
    read_text,
    read_uploaded_part,
)
from windlass.wire.sigv4 import encode, encode_path, encode_query
from windlass.wire.version_listing import read_version_page

__all__ = [
    "Copied",
    "Head",
    "Part",
    "Put",
    "abort_upload",
    "complete_upload",
    "copy",
    "copy_part",
    "create_upload",
    "delete",
    "get",
    "get_into",
    "head",
    "list_buckets",
    "list_objects",
    "list_versions",
    "put",
    "restore",
    "tags",
    "upload_part",
    "versioning",
]

Headers = Mapping[str, str]
_LIST = RetryPolicy(max_body_bytes=32 * 1024 * 1024)
_MIN_UNSIGNED_BYTES = 64 * 1024
_MAX_ERROR_BYTES = 64 * 1024  # an error document is larger than the last bytes of an object may be


def list_buckets(*, token: str = "") -> Call[tuple[list[str], str]]:
    """ListBuckets: the names of the caller's own buckets, and the continuation token (empty on the last page)."""
    request = Request("GET", "/", encode_query(_given(**{"continuation-token": token})))
    return Call("ListBuckets", request, read_buckets)


def list_objects(
    bucket: str,
    *,
    prefix: str = "",
    start_after: str = "",
    token: str = "",
    delimiter: str = "",
    count: int = 1000,
    owner: str = "",
) -> Call[Page]:
    """ListObjectsV2: one page of keys in byte order."""
    pairs = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(count))]
    pairs += _given(prefix=prefix, delimiter=delimiter)
    pairs += [("continuation-token", token)] if token else _given(**{"start-after": start_after})
    request = Request("GET", "/", encode_query(pairs), _owner(owner), bucket=bucket)
    return Call("ListObjectsV2", request, lambda response: read_page(response.body), _LIST)


def list_versions(
    bucket: str,
    *,
    prefix: str = "",
    key_marker: str = "",
    version_marker: str = "",
    delimiter: str = "",
    count: int = 1000,
    owner: str = "",
) -> Call[VersionPage]:
    """ListObjectVersions: one page of versions and delete markers."""
    pairs = [("versions", ""), ("encoding-type", "url"), ("max-keys", str(count))]
    pairs += _given(
        prefix=prefix, delimiter=delimiter, **{"key-marker": key_marker, "version-id-marker": version_marker}
    )
    request = Request("GET", "/", encode_query(pairs), _owner(owner), bucket=bucket)
    return Call("ListObjectVersions", request, lambda response: read_version_page(response.body), _LIST)


def versioning(bucket: str, *, owner: str = "") -> Call[str]:
    """GetBucketVersioning: Enabled, Suspended, or empty when it was never enabled."""
    request = Request("GET", "/", "versioning=", _owner(owner), bucket=bucket)
    return Call(
        "GetBucketVersioning",
        request,
        lambda response: read_text(safe_xml(response.body, "VersioningConfiguration"), "Status", ""),
    )


def head(
    bucket: str,
    key: str,
    *,
    version_id: str = "",
    part: int = 0,
    if_match: str = "",
    headers: Headers | None = None,
    owner: str = "",
) -> Call[Head]:
    """HeadObject. With `part`, `size_bytes` is that part's, of an object that was uploaded in parts."""
    request_headers = dict(headers or {}) | _conditions(if_match)
    pairs = ([("partNumber", str(part))] if part else []) + _given(versionId=version_id)
    return Call(
        "HeadObject", _of(bucket, key, "HEAD", "", request_headers, owner, query=encode_query(pairs)), read_head
    )


def tags(bucket: str, key: str, *, version_id: str = "", owner: str = "") -> Call[list[tuple[str, str]]]:
    """GetObjectTagging: (name, value) of each tag."""
    query = encode_query([("tagging", ""), *_given(versionId=version_id)])
    return Call("GetObjectTagging", _of(bucket, key, "GET", "", None, owner, query=query), read_tags)


def get(
    bucket: str,
    key: str,
    *,
    version_id: str = "",
    byte_range: tuple[int, int | None] | None = None,
    if_match: str = "",
    headers: Headers | None = None,
    owner: str = "",
    max_bytes: int = 64 * 1024 * 1024,
) -> Call[tuple[Head, bytes]]:
    """GetObject. `byte_range` is (first, last), last included; None is the rest. Use `Client.stream` for large objects."""
    request_headers = dict(headers or {}) | _conditions(if_match)
    if byte_range is not None:
        first, last = byte_range
        request_headers["range"] = f"bytes={first}-{'' if last is None else last}"
    request = _of(bucket, key, "GET", version_id, request_headers, owner)
    return Call(
        "GetObject",
        request,
        lambda response: (read_head(response), response.body),
        RetryPolicy(max_body_bytes=max_bytes),
    )


def get_into(
    room: memoryview,
    bucket: str,
    key: str,
    *,
    first: int,
    version_id: str = "",
    if_match: str = "",
    owner: str = "",
) -> Call[None]:
    """GetObject of exactly `len(room)` bytes from `first` on, written to `room` without a copy."""
    request_headers = _conditions(if_match) | {"range": f"bytes={first}-{first + len(room) - 1}"}
    request = _of(bucket, key, "GET", version_id, request_headers, owner)

    def read(response: Response) -> None:
        read_etag(response)
        if response.put_bytes != len(room):
            raise BadResponse(f"the response has {response.put_bytes:,} of the {len(room):,} bytes that were requested")

    return Call("GetObject", request, read, RetryPolicy(max_body_bytes=max(len(room), _MAX_ERROR_BYTES)), into=room)


def restore(bucket: str, key: str, *, days: int, tier: str, owner: str = "") -> Call[None]:
    """RestoreObject: a readable copy for `days`. Conflict (RestoreAlreadyInProgress) while S3 makes one."""
    body = (
        '<RestoreRequest xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Days>{days}</Days><GlacierJobParameters><Tier>{escape(tier)}</Tier></GlacierJobParameters></RestoreRequest>"
    )
    request = _of(
        bucket, key, "POST", "", {"content-type": "application/xml"}, owner, query="restore=", body=body.encode()
    )
    return Call("RestoreObject", request, read_nothing)


def put(
    bucket: str,
    key: str,
    body: bytes | memoryview,
    *,
    if_match: str = "",
    if_none_match: bool = False,
    headers: Headers | None = None,
    owner: str = "",
) -> Call[Put]:
    """PutObject. `if_match` replaces only the object with this ETag; `if_none_match` creates and never replaces. Else Conflict."""
    request_headers = dict(headers or {}) | _conditions(if_match, if_none_match)
    request = replace(_of(bucket, key, "PUT", "", request_headers, owner, body=body), checksum=Checksum.BODY)
    return Call("PutObject", request, read_put)


def delete(bucket: str, key: str, *, version_id: str = "", if_match: str = "", owner: str = "") -> Call[str]:
    """DeleteObject: the delete marker's version id, empty when none was made. `if_match` deletes only the object with this ETag."""
    request = _of(bucket, key, "DELETE", version_id, _conditions(if_match), owner)
    return Call("DeleteObject", request, read_deleted)


def copy(
    bucket: str,
    key: str,
    *,
    source_bucket: str,
    source_key: str,
    source_version_id: str = "",
    if_match: str = "",
    headers: Headers | None = None,
    owner: str = "",
    source_owner: str = "",
) -> Call[Copied]:
    """CopyObject, up to 5 GB. S3 copies metadata and tags unless `headers` change that (x-amz-metadata-directive …)."""
    request_headers = _copy_headers(source_bucket, source_key, source_version_id, if_match, source_owner) | dict(
        headers or {}
    )
    request = _of(bucket, key, "PUT", "", request_headers, owner)
    return Call("CopyObject", request, read_copied, COPY)


def create_upload(
    bucket: str, key: str, *, headers: Headers | None = None, owner: str = "", checksums: bool = False
) -> Call[str]:
    """CreateMultipartUpload: the upload's id. Set `checksums` when its parts are uploaded, not copied."""
    request = _of(bucket, key, "POST", "", headers, owner, query="uploads=")
    if checksums:
        request = replace(request, checksum=Checksum.DECLARED)
    return Call("CreateMultipartUpload", request, lambda response: read_text(safe_xml(response.body), "UploadId"))


def upload_part(
    bucket: str,
    key: str,
    *,
    upload_id: str,
    number: int,
    body: bytes | memoryview,
    headers: Headers | None = None,
    owner: str = "",
) -> Call[Part]:
    """UploadPart: numbers are 1 to 10,000; each part but the last has 5 MiB to 5 GiB.

    The upload must have been created with `checksums`.
    """
    query = encode_query([("partNumber", str(number)), ("uploadId", upload_id)])
    request = replace(_of(bucket, key, "PUT", "", headers, owner, query=query, body=body), checksum=Checksum.BODY)
    return Call("UploadPart", request, lambda response: read_uploaded_part(number, response))


def copy_part(
    bucket: str,
    key: str,
    *,
    upload_id: str,
    number: int,
    source_bucket: str,
    source_key: str,
    byte_range: tuple[int, int],
    source_version_id: str = "",
    if_match: str = "",
    owner: str = "",
    source_owner: str = "",
    headers: Headers | None = None,
) -> Call[Part]:
    """UploadPartCopy of bytes (first, last), last included."""
    request_headers = _copy_headers(source_bucket, source_key, source_version_id, if_match, source_owner) | dict(
        headers or {}
    )
    request_headers["x-amz-copy-source-range"] = f"bytes={byte_range[0]}-{byte_range[1]}"
    query = encode_query([("partNumber", str(number)), ("uploadId", upload_id)])
    request = _of(bucket, key, "PUT", "", request_headers, owner, query=query)
    return Call("UploadPartCopy", request, lambda response: read_part(number, response), COPY)


def complete_upload(
    bucket: str,
    key: str,
    *,
    upload_id: str,
    parts: Sequence[Part],
    if_match: str = "",
    if_none_match: bool = False,
    headers: Headers | None = None,
    owner: str = "",
) -> Call[Put]:
    """CompleteMultipartUpload, with a put's conditions. It is retried after a lost response: S3 repeats its response."""
    request_headers = dict(headers or {}) | _conditions(if_match, if_none_match)
    rows = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{escape(part.etag)}&quot;</ETag>"
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in part.checksums)
        + "</Part>"
        for part in sorted(parts, key=lambda part: part.number)
    )
    body = f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}</CompleteMultipartUpload>'
    request_headers["content-type"] = "application/xml"
    request = _of(
        bucket,
        key,
        "POST",
        "",
        request_headers,
        owner,
        query=encode_query([("uploadId", upload_id)]),
        body=body.encode(),
    )
    return Call("CompleteMultipartUpload", request, read_completed, COPY)


def abort_upload(bucket: str, key: str, *, upload_id: str, owner: str = "") -> Call[None]:
    """AbortMultipartUpload."""
    request = _of(bucket, key, "DELETE", "", None, owner, query=encode_query([("uploadId", upload_id)]))
    return Call("AbortMultipartUpload", request, read_nothing)


def _of(
    bucket: str,
    key: str,
    method: str,
    version_id: str,
    headers: Headers | None,
    owner: str,
    *,
    query: str = "",
    body: bytes | memoryview = b"",
) -> Request:
    if not key:
        # Without a key, the path is the bucket's: a DELETE would delete it.
        raise UsageError(f"an object of {bucket} needs a key", hint="An empty key names the bucket itself.")
    if isinstance(body, memoryview):
        body = body.cast("B")
    if version_id:
        query = encode_query([("versionId", version_id)])
    all_headers = (*((name.lower(), value) for name, value in (headers or {}).items()), *_owner(owner))
    digest = ""
    if len(body) >= _MIN_UNSIGNED_BYTES:
        digest = UNSIGNED  # where it may be: see `sums`
    return Request(method, f"/{encode_path(key)}", query, all_headers, body, bucket, digest)


def _copy_headers(bucket: str, key: str, version_id: str, if_match: str, owner: str) -> dict[str, str]:
    if not key:
        raise UsageError(f"the object of {bucket} to copy needs a key", hint="An empty key names the bucket itself.")
    version = f"?versionId={encode(version_id)}" if version_id else ""
    headers = {"x-amz-copy-source": f"/{bucket}/{encode_path(key)}{version}"}
    if if_match:
        headers["x-amz-copy-source-if-match"] = _etagged(if_match)
    if owner:
        headers["x-amz-source-expected-bucket-owner"] = owner
    return headers


def _owner(owner: str) -> tuple[tuple[str, str], ...]:
    return (("x-amz-expected-bucket-owner", owner),) if owner else ()


def _conditions(if_match: str, if_none_match: bool = False) -> dict[str, str]:
    conditions = {"if-match": _etagged(if_match)} if if_match else {}
    return conditions | {"if-none-match": "*"} if if_none_match else conditions


def _etagged(etag: str) -> str:
    """Return an ETag in quotes, as HTTP requires; `*` is any."""
    return etag if etag == "*" or etag.startswith('"') else f'"{etag}"'


def _given(**values: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in values.items() if value]
