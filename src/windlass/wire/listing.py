"""Reading S3 listings at a microsecond or two per key.

S3 writes a `<Contents>` element's children in one fixed order, so that a page cut at each tag is a table; a page that does not
look like that (another server's, an unusual option) is read by a regular expression or an XML parser to the same rows. Keys are asked
for with `encoding-type=url`: XML 1.0 can't carry every character a key may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes
from xml.etree import ElementTree as ET

from windlass.wire.errors import BadResponse, safe_xml, sensible

__all__ = ["Listed", "ListedVersion", "Page", "VersionPage", "decode_keys", "read_page", "read_versions"]


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
    """A page of keys in order; `token` is the next page's, empty on the last."""

    objects: list[Listed]
    prefixes: list[str]
    token: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A page of versions; the two markers are the next page's, empty on the last."""

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
# A row's pieces, cut at each `<`; between these are its texts.
_ROW = (
    "Contents>",
    "",
    "/Key>",
    "",
    "/LastModified>",
    "",
    "/ETag>",
    "",
    "/Size>",
    "",
    "/StorageClass>",
    "/Contents>",
)
# Key, date, ETag, size and class: which piece it is in, and what of it is the text.
_TEXTS = tuple(
    (piece, itemgetter(slice(begin, end)))
    for piece, begin, end in ((1, 4, None), (3, 13, None), (5, 11, -6), (7, 5, None), (9, 13, None))
)
_NOT_PLAIN = ("<CommonPrefixes>", "<!")
_CHECKSUMS = (
    *(f"<ChecksumAlgorithm>{name}</ChecksumAlgorithm>" for name in ("CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256")),
    *(f"<ChecksumType>{name}</ChecksumType>" for name in ("FULL_OBJECT", "COMPOSITE")),
)
_new = tuple.__new__  # NamedTuple's own constructor, without its keyword handling
_PAGE = re.compile(rb"(?:<\?xml[^<>]*\?>\s*)?<ListBucketResult[ >]")
_TOKEN = re.compile(r"<NextContinuationToken>([^<&]*)</NextContinuationToken>")


@sensible
def read_page(body: bytes) -> Page:
    """Read a ListObjectsV2 response. BadResponse when it is something else."""
    if _PAGE.match(body) is None or not body.endswith(b"</ListBucketResult>") or not body.isascii():
        return _slow_page(body)
    text = body.decode()
    table = _columns(text) or (_columns(_without_checksums(text)) if "<Checksum" in text else None) or _matched(text)
    if table is None:
        return _slow_page(body)
    columns, beside = table
    token, more = _TOKEN.search(beside), "<IsTruncated>true</IsTruncated>" in beside
    known = (token is not None) if more else "<IsTruncated>false</IsTruncated>" in beside
    if not known or "<EncodingType>url</EncodingType>" not in beside:
        return _slow_page(body)
    objects = list(map(_new, repeat(Listed), zip(decode_keys(columns[0]), *columns[1:], strict=True)))
    return Page(objects, [], token[1] if token is not None and more else "")


Columns = tuple[list[str], list[int], list[str], list[str], list[str]]


def _columns(text: str) -> tuple[Columns, str] | None:
    """Split into rows and the text beside them at each `<`; None when the rows differ in form.

    A well-formed page of which each row's tags end where they should, of which no text has a `>` or an `&`, and that has nothing
    between two rows, is one whose every so many pieces are a key, a size …
    """
    begin = text.find("<Contents>")
    pieces = text[begin + 1 :].split("<")
    count, stride = pieces[:: len(_ROW)].count("Contents>"), len(_ROW)
    complete, beside = count * stride, text[: max(begin, 0)] + "<" + "<".join(pieces[count * stride :])
    columns = [pieces[at:complete:stride] for at in range(stride)]
    if not count or any(ends and columns[at].count(ends) != count for at, ends in enumerate(_ROW)):
        return None
    keys, dates, etags, sizes, classes = (list(map(cut, columns[of])) for of, cut in _TEXTS)
    quoted, digits, texts = "".join(columns[5]), "".join(sizes), "".join([*keys, *dates, *etags, *classes])
    if ">" in texts or "&" in texts or quoted.count("&quot;") != 2 * count or quoted.count("ETag>&quot;") != count:
        return None
    if (
        not digits.isdigit()
        or len(max(sizes, key=len)) > 19
        or "Contents" in beside
        or any(tag in beside for tag in _NOT_PLAIN)
    ):
        return None
    return (keys, list(map(int, sizes)), etags, dates, classes), beside


def _without_checksums(text: str) -> str:
    """Some rows have them and some have not."""
    for checksum in _CHECKSUMS:
        text = text.replace(checksum, "")
    return text


def _matched(text: str) -> tuple[Columns, str] | None:
    """Split by a regular expression; None when a row is not as S3 writes it."""
    if any(tag in text for tag in _NOT_PLAIN) or text.count("&") != text.count("&quot;"):
        return None
    rows = _OBJECT.findall(text)
    if not rows or len(rows) != text.count("<Contents"):
        return None
    keys, dates, etags, sizes, classes = map(list, zip(*rows, strict=True))
    return (keys, list(map(int, sizes)), etags, dates, classes), text


@sensible
def read_versions(body: bytes) -> VersionPage:
    """Read a ListObjectVersions response: versions and delete markers in S3's order. BadResponse when it is something else."""
    root = _root(body, "ListVersionsResult")
    encoded = _encoded(root)
    versions: list[ListedVersion] = []
    prefixes: list[str] = []
    for element in root:
        name = _name(element)
        if name in ("Version", "DeleteMarker"):
            children = dict(_children(element))
            versions.append(
                ListedVersion(
                    _decoded(children["Key"], encoded),
                    children.get("VersionId", "null"),
                    children.get("IsLatest") == "true",
                    name == "DeleteMarker",
                    _size(children.get("Size", "0")),
                    children.get("ETag", "").strip('"'),
                    children.get("LastModified", ""),
                    children.get("StorageClass", ""),
                )
            )
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
            children = dict(_children(element))
            objects.append(
                Listed(
                    _decoded(children["Key"], encoded),
                    _size(children["Size"]),
                    children.get("ETag", "").strip('"'),
                    children.get("LastModified", ""),
                    children.get("StorageClass", ""),
                )
            )
        elif name == "CommonPrefixes":
            prefixes.extend(_decoded(text, encoded) for child, text in _children(element) if child == "Prefix")
    top = dict(_children(root))
    token = top.get("NextContinuationToken", "") if top.get("IsTruncated") == "true" else ""
    return Page(objects, prefixes, token)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadResponse(f"{text[:40]!r} is not a size", hint="Is this an S3 endpoint?")
    return int(text)


def decode_keys(encoded: list[str]) -> list[str]:
    """Decode all keys at once, one per line, unless one has a line break. Most have nothing to decode."""
    joined = "\n".join(encoded)
    if "%" not in joined and "+" not in joined:
        return encoded
    if "%0a" in joined or "%0A" in joined or "\\" in joined:
        return [_key(text) for text in encoded]
    try:
        # Python's own codec for \xNN is eight times as quick as urllib.
        raw = joined.replace("+", " ").replace("%", "\\x").encode("ascii").decode("unicode_escape").encode("latin-1")
    except UnicodeDecodeError:  # a % that is not an escape
        raw = unquote_to_bytes(joined.replace("+", " "))
    return raw.decode("utf-8", "surrogateescape").split("\n")


def _key(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape") if "%" in text or "+" in text else text


def _root(body: bytes, expected: str) -> ET.Element:
    root = safe_xml(body)
    if _name(root) != expected:
        raise BadResponse(f"the response is a {_name(root)[:80]}, not a {expected}", hint="Is this an S3 endpoint?")
    return root


def _encoded(root: ET.Element) -> bool:
    return any(_name(child) == "EncodingType" and child.text == "url" for child in root)


def _decoded(text: str, encoded: bool) -> str:
    return _key(text) if encoded else text


def _children(element: ET.Element) -> Iterator[tuple[str, str]]:
    return ((_name(child), child.text or "") for child in element)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
