"""Reading S3 listings at a microsecond or two per key.

S3 writes a `<Contents>` element's children in one fixed order, so that one regular expression reads a page; a page that
does not look like that (another server's, an unusual option) is read by an XML parser to the same rows. Keys are asked
for with `encoding-type=url`: XML 1.0 can't carry every character a key may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes
from xml.etree import ElementTree as ET

from windlass.wire.errors import BadAnswer, safe_xml, sensible

__all__ = ["Listed", "ListedVersion", "Page", "VersionPage", "read_page", "read_versions"]


class Listed(NamedTuple):
    """One object of a listing; `etag` without its quotes."""

    key: str
    size_bytes: int
    etag: str
    last_modified: str
    storage_class: str


class ListedVersion(NamedTuple):
    """One version, or one delete marker (`marker`)."""

    key: str
    version_id: str
    latest: bool
    marker: bool
    size_bytes: int
    etag: str
    last_modified: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of keys in order; `token` leads to the next one, and is empty on the last."""

    objects: list[Listed]
    prefixes: list[str]
    token: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A page of versions; the two markers lead to the next one, and are empty on the last."""

    versions: list[ListedVersion]
    prefixes: list[str]
    key_marker: str
    version_marker: str


_OBJECT = re.compile(
    r"<Contents><Key>([^<&]*)</Key><LastModified>([^<&]*)</LastModified>"
    r"<ETag>(?:&quot;|\")?([^<&\"]*)(?:&quot;|\")?</ETag>"
    r"(?:<ChecksumAlgorithm>[^<&]*</ChecksumAlgorithm>)*(?:<ChecksumType>[^<&]*</ChecksumType>)?"
    r"<Size>(\d{1,19})</Size>(?:<Owner>(?:<\w+>[^<&]*</\w+>)*</Owner>)?(?:<StorageClass>([^<&]*)</StorageClass>)?"
    r"(?:<RestoreStatus>(?:<\w+>[^<&]*</\w+>)*</RestoreStatus>)?</Contents>"
)
_new = tuple.__new__  # what NamedTuple's own does, without naming its arguments
_PAGE = re.compile(rb"(?:<\?xml[^<>]*\?>\s*)?<ListBucketResult[ >]")
_TOKEN = re.compile(r"<NextContinuationToken>([^<&]*)</NextContinuationToken>")


@sensible
def read_page(body: bytes) -> Page:
    """A ListObjectsV2 answer; BadAnswer when it is none."""
    if not _is_plain(body):
        return _slow_page(body)
    text = body.decode()
    rows = _OBJECT.findall(text)
    if rows and len(rows) == body.count(b"<Contents>"):
        found = _TOKEN.search(text) if "<IsTruncated>true</IsTruncated>" in text else None
        keys = [row[0] for row in rows]
        # With encoding-type=url a key is ASCII, and most have nothing to decode.
        if "%" in text or "+" in text:
            keys = _keys(keys)
        objects = [
            _new(Listed, (key, int(size), etag, at, storage))
            for key, (_, at, etag, size, storage) in zip(keys, rows, strict=True)
        ]
        return Page(objects, [], found[1] if found else "")
    return _slow_page(body)


def _is_plain(body: bytes) -> bool:
    """Nothing but objects, keys encoded, and no XML escapes but those of the ETags' quotes."""
    return (
        _PAGE.match(body) is not None
        and body.endswith(b"</ListBucketResult>")
        and b"<EncodingType>url</EncodingType>" in body
        and b"<CommonPrefixes>" not in body
        and b"<!" not in body
        and body.isascii()
        and body.count(b"&") == body.count(b"&quot;")
    )


@sensible
def read_versions(body: bytes) -> VersionPage:
    """A ListObjectVersions answer, versions and delete markers in S3's order; BadAnswer when it is none."""
    root = _root(body, "ListVersionsResult")
    encoded = _encoded(root)
    versions: list[ListedVersion] = []
    prefixes: list[str] = []
    for element in root:
        name = _name(element)
        if name in ("Version", "DeleteMarker"):
            found = dict(_children(element))
            versions.append(
                ListedVersion(
                    _decoded(found["Key"], encoded), found.get("VersionId", "null"), found.get("IsLatest") == "true",
                    name == "DeleteMarker", _size(found.get("Size", "0")), found.get("ETag", "").strip('"'),
                    found.get("LastModified", ""), found.get("StorageClass", ""),
                )
            )  # fmt: skip
        elif name == "CommonPrefixes":
            prefixes.extend(_decoded(text, encoded) for child, text in _children(element) if child == "Prefix")
    top = dict(_children(root))
    if top.get("IsTruncated") != "true":
        return VersionPage(versions, prefixes, "", "")
    return VersionPage(
        versions, prefixes, _decoded(top.get("NextKeyMarker", ""), encoded), top.get("NextVersionIdMarker", "")
    )


def _slow_page(body: bytes) -> Page:
    root = _root(body, "ListBucketResult")
    encoded = _encoded(root)
    objects: list[Listed] = []
    prefixes: list[str] = []
    for element in root:
        name = _name(element)
        if name == "Contents":
            found = dict(_children(element))
            objects.append(
                Listed(
                    _decoded(found["Key"], encoded), _size(found["Size"]), found.get("ETag", "").strip('"'),
                    found.get("LastModified", ""), found.get("StorageClass", ""),
                )
            )  # fmt: skip
        elif name == "CommonPrefixes":
            prefixes.extend(_decoded(text, encoded) for child, text in _children(element) if child == "Prefix")
    top = dict(_children(root))
    token = top.get("NextContinuationToken", "") if top.get("IsTruncated") == "true" else ""
    return Page(objects, prefixes, token)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadAnswer(f"{text[:40]!r} is no size", hint="Is this an S3 endpoint?")
    return int(text)


def _keys(encoded: list[str]) -> list[str]:
    """Keys decoded all at once: a line each, unless one has a line break in it."""
    joined = "\n".join(encoded)
    if "%0a" in joined or "%0A" in joined:
        return [_key(one) for one in encoded]
    return unquote_to_bytes(joined.replace("+", " ")).decode("utf-8", "surrogateescape").split("\n")


def _key(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape") if "%" in text or "+" in text else text


def _root(body: bytes, wanted: str) -> ET.Element:
    root = safe_xml(body)
    if _name(root) != wanted:
        raise BadAnswer(f"the answer is a {_name(root)[:80]}, not a {wanted}", hint="Is this an S3 endpoint?")
    return root


def _encoded(root: ET.Element) -> bool:
    return any(_name(child) == "EncodingType" and child.text == "url" for child in root)


def _decoded(text: str, encoded: bool) -> str:
    return _key(text) if encoded else text


def _children(element: ET.Element) -> Iterator[tuple[str, str]]:
    return ((_name(child), child.text or "") for child in element)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
