"""S3's responses as values: pure readers, which raise BadResponse for anything that S3 would not send.

Source: S3 API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from windlass.wire.checksums import CRC32_HEADER
from windlass.wire.errors import BadResponse, safe_xml
from windlass.wire.model import Response

__all__ = [
    "Copied",
    "Head",
    "Part",
    "Put",
    "read_buckets",
    "read_completed",
    "read_copied",
    "read_deleted",
    "read_etag",
    "read_head",
    "read_nothing",
    "read_part",
    "read_put",
    "read_tags",
    "read_text",
    "read_uploaded_part",
]

_NOT_S3_HINT = "Is this an S3 endpoint?"


@dataclass(frozen=True, slots=True)
class Head:
    """An object's metadata; `headers` has all response headers, user metadata as x-amz-meta-*."""

    size_bytes: int
    etag: str
    version_id: str
    content_range: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Put:
    """The object that a put or a completed upload made; `version_id` is empty in a bucket without versioning."""

    etag: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Copied:
    """The object that a copy made; `version_id` is empty in a bucket without versioning."""

    etag: str
    last_modified: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart upload, as CompleteMultipartUpload names it."""

    number: int
    etag: str
    checksums: tuple[tuple[str, str], ...] = ()
    """(element name, value) as later requests must send them: (ChecksumSHA256, …)."""


def read_etag(response: Response) -> str:
    """Return the ETag of an object's content. BadResponse when nothing shows that S3 sent the response."""
    _check_own(response, "etag")
    return response.headers.get("etag", "").strip('"')


def read_head(response: Response) -> Head:
    """Read a HEAD's or GET's headers."""
    headers = response.headers
    size = int(headers.get("content-length") or len(response.body))
    version_id, content_range = headers.get("x-amz-version-id", ""), headers.get("content-range", "")
    return Head(size, read_etag(response), version_id, content_range, headers)


def read_nothing(response: Response) -> None:
    """Check a success that has no content: RestoreObject's, AbortMultipartUpload's."""
    if response.status != 204:
        _check_own(response, "x-amz-restore-output-path")


def read_deleted(response: Response) -> str:
    """Read DeleteObject's response: the delete marker's version id, empty when none was made."""
    if response.status != 204:
        _check_own(response, "x-amz-version-id")
    return response.headers.get("x-amz-version-id", "")


def read_put(response: Response) -> Put:
    """Read PutObject's response."""
    return Put(read_etag(response), response.headers.get("x-amz-version-id", ""))


def read_copied(response: Response) -> Copied:
    """Read CopyObject's document."""
    root = safe_xml(response.body)
    version_id = response.headers.get("x-amz-version-id", "")
    return Copied(read_text(root, "ETag").strip('"'), read_text(root, "LastModified"), version_id)


def read_uploaded_part(number: int, response: Response) -> Part:
    """Read UploadPart's response."""
    checksum = response.headers.get(CRC32_HEADER, "")
    return Part(number, read_etag(response), (("ChecksumCRC32", checksum),) if checksum else ())


def read_part(number: int, response: Response) -> Part:
    """Read UploadPartCopy's document."""
    members = [(_local_name(member), member.text or "") for member in safe_xml(response.body)]
    etag = next((text for name, text in members if name == "ETag"), "")
    if not etag:
        raise BadResponse("the response has no ETag", hint=_NOT_S3_HINT)
    checksums = tuple((name, text) for name, text in members if name.startswith("Checksum") and name != "ChecksumType")
    return Part(number, etag.strip('"'), checksums)


def read_completed(response: Response) -> Put:
    """Read CompleteMultipartUpload's document."""
    root = safe_xml(response.body)
    return Put(read_text(root, "ETag").strip('"'), response.headers.get("x-amz-version-id", ""))


def read_tags(response: Response) -> list[tuple[str, str]]:
    """Read GetObjectTagging's document: (name, value) of each tag."""
    tags = [element for element in safe_xml(response.body, "Tagging").iter() if _local_name(element) == "Tag"]
    return [(read_text(tag, "Key"), read_text(tag, "Value")) for tag in tags]


def read_buckets(response: Response) -> tuple[list[str], str]:
    """Read ListBuckets' document: bucket names, and the continuation token (empty on the last page)."""
    root = safe_xml(response.body, "ListAllMyBucketsResult")
    names = [read_text(element, "Name") for element in root.iter() if _local_name(element) == "Bucket"]
    tokens = [element.text or "" for element in root.iter() if _local_name(element) == "ContinuationToken"]
    return names, "".join(tokens)


def read_text(root: ET.Element, name: str, default: str | None = None) -> str:
    """Return the text of the first element `name`; `default` when there is none, BadResponse when there is no default."""
    for element in root.iter():
        if _local_name(element) == name:
            return element.text or ""
    if default is not None:
        return default
    raise BadResponse(f"the response has no {name}", hint=_NOT_S3_HINT)


def _check_own(response: Response, header: str) -> None:
    """BadResponse for a success with neither a request id nor `header`: a login page has neither."""
    if not response.request_id and header not in response.headers:
        raise BadResponse(f"HTTP {response.status} without a request id", hint="Is a proxy answering in S3's place?")


def _local_name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
