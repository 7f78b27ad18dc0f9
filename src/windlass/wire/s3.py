"""S3's hot calls: pure requests and readers.

Every call takes `owner`, the account the bucket must belong to (x-amz-expected-bucket-owner), where S3 takes it.
Source: S3 API reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from windlass.core.errors import UsageError
from windlass.wire.checksums import CRC32_HEADER
from windlass.wire.errors import BadAnswer, safe_xml
from windlass.wire.listing import Page, VersionPage, read_page
from windlass.wire.model import COPY, UNSIGNED, Call, Checksum, Request, Response, RetryPolicy
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


@dataclass(frozen=True, slots=True)
class Head:
    """What S3 says of an object before its content; `headers` has everything, user metadata as x-amz-meta-*."""

    size_bytes: int
    etag: str
    version_id: str
    content_range: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class Put:
    """What a put or a completed upload made."""

    etag: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy made."""

    etag: str
    last_modified: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart upload, to be named when it is completed."""

    number: int
    etag: str
    checksums: tuple[tuple[str, str], ...] = ()
    """As S3 wants them back: (ChecksumSHA256, value) …"""


def list_buckets(*, token: str = "") -> Call[tuple[list[str], str]]:
    """ListBuckets: the names of the caller's own buckets, and what leads to the next page (empty on the last)."""
    request = Request("GET", "/", encode_query(_given(**{"continuation-token": token})))
    return Call("ListBuckets", request, _read_buckets)


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
    """ListObjectsV2: one page of keys, in order."""
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
    """GetBucketVersioning: Enabled, Suspended, or empty where it was never on."""
    request = Request("GET", "/", "versioning=", _owner(owner), bucket=bucket)
    return Call(
        "GetBucketVersioning",
        request,
        lambda response: _text(safe_xml(response.body, "VersioningConfiguration"), "Status", ""),
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
    """HeadObject; with `part`, the size is that part's (of an object that was uploaded in parts)."""
    asked = dict(headers or {}) | _conditions(if_match)
    pairs = ([("partNumber", str(part))] if part else []) + _given(versionId=version_id)
    return Call("HeadObject", _of(bucket, key, "HEAD", "", asked, owner, query=encode_query(pairs)), _read_head)


def tags(bucket: str, key: str, *, version_id: str = "", owner: str = "") -> Call[list[tuple[str, str]]]:
    """GetObjectTagging: (name, value) of each tag."""
    query = encode_query([("tagging", ""), *_given(versionId=version_id)])
    return Call("GetObjectTagging", _of(bucket, key, "GET", "", None, owner, query=query), _read_tags)


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
    """GetObject; `byte_range` is (first, last) with last included, or None for the rest. Large ones go through `Client.stream`."""
    asked = dict(headers or {}) | _conditions(if_match)
    if byte_range is not None:
        first, last = byte_range
        asked["range"] = f"bytes={first}-{'' if last is None else last}"
    request = _of(bucket, key, "GET", version_id, asked, owner)
    return Call(
        "GetObject",
        request,
        lambda response: (_read_head(response), response.body),
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
    """GetObject of exactly as many bytes as there is room for, from `first` on, put right there."""
    asked = _conditions(if_match) | {"range": f"bytes={first}-{first + len(room) - 1}"}
    request = _of(bucket, key, "GET", version_id, asked, owner)

    def read(response: Response) -> None:
        _etag(response)
        if response.put_bytes != len(room):
            raise BadAnswer(f"the answer has {response.put_bytes:,} of the {len(room):,} bytes asked for")

    return Call("GetObject", request, read, RetryPolicy(max_body_bytes=max(len(room), _MAX_ERROR_BYTES)), into=room)


def restore(bucket: str, key: str, *, days: int, tier: str, owner: str = "") -> Call[None]:
    """RestoreObject: a readable copy for so many days. Conflict (RestoreAlreadyInProgress) while one is made."""
    body = (
        '<RestoreRequest xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Days>{days}</Days><GlacierJobParameters><Tier>{escape(tier)}</Tier></GlacierJobParameters></RestoreRequest>"
    )
    request = _of(
        bucket, key, "POST", "", {"content-type": "application/xml"}, owner, query="restore=", body=body.encode()
    )
    return Call("RestoreObject", request, _read_nothing)


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
    """PutObject; only over the version with this ETag (`if_match`), or only where nothing is (`if_none_match`)."""
    asked = dict(headers or {}) | _conditions(if_match, if_none_match)
    request = replace(_of(bucket, key, "PUT", "", asked, owner, body=body), checksum=Checksum.BODY)
    return Call("PutObject", request, _read_put)


def delete(bucket: str, key: str, *, version_id: str = "", if_match: str = "", owner: str = "") -> Call[str]:
    """DeleteObject, only with this ETag (`if_match`); the version id of the delete marker made, if one was."""
    request = _of(bucket, key, "DELETE", version_id, _conditions(if_match), owner)
    return Call("DeleteObject", request, _read_deleted)


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
    """CopyObject, up to 5 GB. Metadata and tags are copied unless `headers` say otherwise (x-amz-metadata-directive …)."""
    asked = _copy_headers(source_bucket, source_key, source_version_id, if_match, source_owner) | dict(headers or {})
    request = _of(bucket, key, "PUT", "", asked, owner)
    return Call("CopyObject", request, _read_copied, COPY)


def create_upload(
    bucket: str, key: str, *, headers: Headers | None = None, owner: str = "", checksums: bool = False
) -> Call[str]:
    """CreateMultipartUpload; the upload's id. `checksums`: its parts are uploaded (not copied), each with a checksum."""
    request = _of(bucket, key, "POST", "", headers, owner, query="uploads=")
    if checksums:
        request = replace(request, checksum=Checksum.DECLARED)
    return Call("CreateMultipartUpload", request, lambda response: _text(safe_xml(response.body), "UploadId"))


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
    """UploadPart; parts are numbered from 1 to 10,000, each of 5 MiB to 5 GiB but the last.

    The upload must have been created with `checksums`.
    """
    query = encode_query([("partNumber", str(number)), ("uploadId", upload_id)])
    request = replace(_of(bucket, key, "PUT", "", headers, owner, query=query, body=body), checksum=Checksum.BODY)
    return Call("UploadPart", request, lambda response: _read_uploaded_part(number, response))


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
    asked = _copy_headers(source_bucket, source_key, source_version_id, if_match, source_owner) | dict(headers or {})
    asked["x-amz-copy-source-range"] = f"bytes={byte_range[0]}-{byte_range[1]}"
    query = encode_query([("partNumber", str(number)), ("uploadId", upload_id)])
    request = _of(bucket, key, "PUT", "", asked, owner, query=query)
    return Call("UploadPartCopy", request, lambda response: _read_part(number, response), COPY)


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
    """CompleteMultipartUpload; the same conditions as a put. A lost answer is asked for again: S3 then says the same."""
    asked = dict(headers or {}) | _conditions(if_match, if_none_match)
    rows = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{escape(part.etag)}&quot;</ETag>"
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in part.checksums)
        + "</Part>"
        for part in sorted(parts, key=lambda part: part.number)
    )
    body = f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}</CompleteMultipartUpload>'
    asked["content-type"] = "application/xml"
    request = _of(
        bucket, key, "POST", "", asked, owner, query=encode_query([("uploadId", upload_id)]), body=body.encode()
    )
    return Call("CompleteMultipartUpload", request, _read_completed, COPY)


def abort_upload(bucket: str, key: str, *, upload_id: str, owner: str = "") -> Call[None]:
    """AbortMultipartUpload."""
    request = _of(bucket, key, "DELETE", "", None, owner, query=encode_query([("uploadId", upload_id)]))
    return Call("AbortMultipartUpload", request, _read_nothing)


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
    given = (*((name.lower(), value) for name, value in (headers or {}).items()), *_owner(owner))
    digest = ""
    if len(body) >= _MIN_UNSIGNED_BYTES:
        digest = UNSIGNED  # where it may be: see `sums`
    return Request(method, f"/{encode_path(key)}", query, given, body, bucket, digest)


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
    """An ETag as HTTP wants it, quoted; `*` is any."""
    return etag if etag == "*" or etag.startswith('"') else f'"{etag}"'


def _given(**values: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in values.items() if value]


def _etag(response: Response) -> str:
    """The ETag of an object's content. BadAnswer when there is none, nor anything else that only S3 sends."""
    _check_own(response, "etag")
    return response.headers.get("etag", "").strip('"')


def _check_own(response: Response, mark: str) -> None:
    """BadAnswer when a success without a document has neither a request id nor the header `mark`: a portal's page has none."""
    if not response.request_id and mark not in response.headers:
        raise BadAnswer(f"HTTP {response.status} without a request id", hint="Is a proxy answering in S3's place?")


def _read_head(response: Response) -> Head:
    headers = response.headers
    size = int(headers.get("content-length") or len(response.body))
    return Head(size, _etag(response), headers.get("x-amz-version-id", ""), headers.get("content-range", ""), headers)


def _read_nothing(response: Response) -> None:
    if response.status != 204:
        _check_own(response, "x-amz-restore-output-path")


def _read_deleted(response: Response) -> str:
    if response.status != 204:
        _check_own(response, "x-amz-version-id")
    return response.headers.get("x-amz-version-id", "")


def _read_put(response: Response) -> Put:
    return Put(_etag(response), response.headers.get("x-amz-version-id", ""))


def _read_copied(response: Response) -> Copied:
    root = safe_xml(response.body)
    version = response.headers.get("x-amz-version-id", "")
    return Copied(_text(root, "ETag").strip('"'), _text(root, "LastModified"), version)


def _read_uploaded_part(number: int, response: Response) -> Part:
    checksum = response.headers.get(CRC32_HEADER, "")
    return Part(number, _etag(response), (("ChecksumCRC32", checksum),) if checksum else ())


def _read_part(number: int, response: Response) -> Part:
    found = [(str(each.tag).rpartition("}")[2], each.text or "") for each in safe_xml(response.body)]
    etag = next((text for name, text in found if name == "ETag"), "")
    if not etag:
        raise BadAnswer("the answer has no ETag", hint="Is this an S3 endpoint?")
    sums = tuple((name, text) for name, text in found if name.startswith("Checksum") and name != "ChecksumType")
    return Part(number, etag.strip('"'), sums)


def _read_tags(response: Response) -> list[tuple[str, str]]:
    root = safe_xml(response.body, "Tagging")
    found = [each for each in root.iter() if str(each.tag).rpartition("}")[2] == "Tag"]
    return [(_text(each, "Key"), _text(each, "Value")) for each in found]


def _read_buckets(response: Response) -> tuple[list[str], str]:
    root = safe_xml(response.body, "ListAllMyBucketsResult")
    found = [_text(each, "Name") for each in root.iter() if str(each.tag).rpartition("}")[2] == "Bucket"]
    more = [each.text or "" for each in root.iter() if str(each.tag).rpartition("}")[2] == "ContinuationToken"]
    return found, "".join(more)


def _read_completed(response: Response) -> Put:
    root = safe_xml(response.body)
    return Put(_text(root, "ETag").strip('"'), response.headers.get("x-amz-version-id", ""))


def _text(root: ET.Element, name: str, default: str | None = None) -> str:
    for element in root.iter():
        if str(element.tag).rpartition("}")[2] == name:
            return element.text or ""
    if default is not None:
        return default
    raise BadAnswer(f"the answer has no {name}", hint="Is this an S3 endpoint?")
