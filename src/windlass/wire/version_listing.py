"""Reading ListObjectVersions at a microsecond or two per version.

As with keys (listing.py), S3 writes the children of a `<Version>` and of a `<DeleteMarker>` in one fixed order, so that one regular
expression reads a page; a page of another form is read by `listing.read_versions` to the same rows.
"""

from __future__ import annotations

import re

from windlass.wire.errors import sensible
from windlass.wire.listing import ListedVersion, VersionPage, decode_keys, read_versions

__all__ = ["read_version_page"]

_OWNER = r"(?:<Owner>(?:<\w+>[^<&]*</\w+>)*</Owner>)?"
_ROW = re.compile(
    r"<(?:Version|(DeleteMarker))>" + _OWNER + r"<Key>([^<&]*)</Key><VersionId>([^<&]+)</VersionId>"
    r"<IsLatest>(true|false)</IsLatest><LastModified>([^<&]*)</LastModified>"
    r"(?:<ETag>(?:&quot;|\")?([^<&\"]*)(?:&quot;|\")?</ETag>"
    r"(?:<ChecksumAlgorithm>[^<&]*</ChecksumAlgorithm>)*(?:<ChecksumType>[^<&]*</ChecksumType>)?"
    r"<Size>(\d{1,19})</Size>)?"
    + _OWNER
    + r"(?:<StorageClass>([^<&]*)</StorageClass>)?"
    + _OWNER
    + r"(?:<RestoreStatus>"
    r"(?:<\w+>[^<&]*</\w+>)*</RestoreStatus>)?</(?:Version|DeleteMarker)>"
)
_PAGE = re.compile(rb"(?:<\?xml[^<>]*\?>\s*)?<ListVersionsResult[ >]")
_KEY_MARKER = re.compile(r"<NextKeyMarker>([^<&]*)</NextKeyMarker>")
_VERSION_MARKER = re.compile(r"<NextVersionIdMarker>([^<&]*)</NextVersionIdMarker>")
_new = tuple.__new__  # NamedTuple's own constructor, without its keyword handling


@sensible
def read_version_page(body: bytes) -> VersionPage:
    """Read a ListObjectVersions response: versions and delete markers in S3's order. BadResponse when it is something else."""
    if not _is_plain(body):
        return read_versions(body)
    text = body.decode()
    rows = _ROW.findall(text)
    if not rows or len(rows) != body.count(b"<Version>") + body.count(b"<DeleteMarker>"):
        return read_versions(body)
    keys = decode_keys([row[1] for row in rows])
    versions = [
        _new(ListedVersion, (key, version, latest == "true", marker != "", int(size or 0), etag, at, storage))
        for key, (marker, _, version, latest, at, etag, size, storage) in zip(keys, rows, strict=True)
    ]
    if "<IsTruncated>true</IsTruncated>" not in text:
        return VersionPage(versions, [], "", "")
    key, version = _KEY_MARKER.search(text), _VERSION_MARKER.search(text)
    return VersionPage(versions, [], decode_keys([key[1]])[0] if key else "", version[1] if version else "")


def _is_plain(body: bytes) -> bool:
    """Return whether there are only versions and markers, encoded keys, and no XML escapes but the ETags' quotes."""
    return (
        _PAGE.match(body) is not None
        and body.endswith(b"</ListVersionsResult>")
        and b"<EncodingType>url</EncodingType>" in body
        and b"<CommonPrefixes>" not in body
        and b"<!" not in body
        and body.isascii()
        and body.count(b"&") == body.count(b"&quot;")
    )
