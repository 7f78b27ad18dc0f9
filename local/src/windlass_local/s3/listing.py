"""ListObjects, ListObjectsV2 and ListObjectVersions, from the bucket's sorted names."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from moto.s3.models import FakeDeleteMarker

from windlass_local.request import Response
from windlass_local.s3.address import S3Request
from windlass_local.s3.archive import restore_status
from windlass_local.s3.caller import canonical_id
from windlass_local.s3.objects import IndexedKeyStore
from windlass_local.s3.paging import Group, PageRequest, entries, take
from windlass_local.s3.responses import document, element, escape, refuse

Written = Callable[[str], str]
_MOST = 1000


def _invalid(message: str, name: str, value: str) -> Response:
    return refuse(400, "InvalidArgument", message, details={"ArgumentName": name, "ArgumentValue": value})


def echoed_limit(call: S3Request, name: str = "max-keys") -> int | Response:
    """Return the requested page size (default 1,000; S3 echoes it and caps it), or the refusal of an invalid one."""
    value = call.query.get(name, "")
    if not value:
        return _MOST
    if not value.isascii() or not value.removeprefix("-").isdigit():
        return _invalid(f"Provided {name} not an integer or within integer range", name, value)
    if int(value) < 0:
        return _invalid(f"Argument {name} must be an integer between 0 and 2147483647", name, value)
    return int(value)


def written_names(call: S3Request) -> Written:
    """Return how names are written: percent-encoded on request (space as +, / kept), else as XML text."""
    if call.query.get("encoding-type") == "url":
        return lambda name: quote_plus(name, safe="/")
    return escape


def _stamp(version: Any) -> str:
    return f"{version.last_modified.isoformat(timespec='seconds')}.000Z"


def _owner(bucket: Any) -> str:
    return f"<Owner><ID>{canonical_id(bucket.account_id)}</ID></Owner>"


def _restores(call: S3Request) -> Callable[[Any], str]:
    """Return the function that writes an entry's restore status, if that optional attribute was requested."""
    requested = [name.strip() for name in call.header("x-amz-optional-object-attributes").split(",")]
    return restore_status if "RestoreStatus" in requested else lambda _: ""


def _content(key: Any, written: Written, owner: str, restores: Callable[[Any], str]) -> str:
    checksum = f"<ChecksumAlgorithm>{key.checksum_algorithm}</ChecksumAlgorithm>" if key.checksum_algorithm else ""
    return (
        f"<Contents><Key>{written(key.name)}</Key><LastModified>{_stamp(key)}</LastModified>"
        f"<ETag>&quot;{key.etag[1:-1]}&quot;</ETag>{checksum}<Size>{key.contentsize}</Size>"
        f"<StorageClass>{key.storage_class}</StorageClass>{owner}{restores(key)}</Contents>"
    )


def _groups(page: list[Any], written: Written) -> str:
    return "".join(
        f"<CommonPrefixes><Prefix>{written(entry.prefix)}</Prefix></CommonPrefixes>"
        for entry in page
        if isinstance(entry, Group)
    )


def _echo(call: S3Request, written: Written, limit: int, truncated: bool) -> str:
    encoding = call.query.get("encoding-type")
    return (
        f"<Name>{escape(call.bucket)}</Name><Prefix>{written(call.query.get('prefix', ''))}</Prefix>"
        + (f"<Delimiter>{written(call.query['delimiter'])}</Delimiter>" if call.query.get("delimiter") else "")
        + f"<MaxKeys>{limit}</MaxKeys>"
        + element("EncodingType", encoding)
        + f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>"
    )


def _visible(store: IndexedKeyStore) -> Callable[[str], list[Any]]:
    def rows(name: str) -> list[Any]:
        newest = store.current(name)
        return [] if newest is None or isinstance(newest, FakeDeleteMarker) else [newest]

    return rows


def _page(bucket: Any, call: S3Request, after: str, limit: int) -> tuple[list[Any], bool]:
    store: IndexedKeyStore = bucket.keys
    parameters = PageRequest(
        prefix=call.query.get("prefix", ""), delimiter=call.query.get("delimiter", ""), after=after
    )
    with store.lock:
        return take(entries(store.names, parameters, _visible(store)), min(limit, _MOST))


def _last(page: list[Any]) -> str:
    return page[-1].prefix if isinstance(page[-1], Group) else page[-1].name


def list_objects(call: S3Request, bucket: Any) -> Response:
    """Answer ListObjects (version 1): pages by Marker; NextMarker only with a delimiter."""
    limit = echoed_limit(call)
    if isinstance(limit, Response):
        return limit
    page, truncated = _page(bucket, call, call.query.get("marker", ""), limit)
    written, owner, restores = written_names(call), _owner(bucket), _restores(call)
    next_marker = written(_last(page)) if truncated and call.query.get("delimiter") else None
    inner = (
        _echo(call, written, limit, truncated)
        + f"<Marker>{written(call.query.get('marker', ''))}</Marker>"
        + (f"<NextMarker>{next_marker}</NextMarker>" if next_marker is not None else "")
        + "".join(_content(entry, written, owner, restores) for entry in page if not isinstance(entry, Group))
        + _groups(page, written)
    )
    return document("ListBucketResult", inner, headers={"x-amz-bucket-region": bucket.region_name})


def _token(name: str) -> str:
    return "1" + base64.urlsafe_b64encode(name.encode("utf-8", "surrogatepass")).decode()


def _name_in(token: str) -> str | None:
    try:
        name = base64.b64decode(token[1:], altchars=b"-_", validate=True).decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return None
    return name if token.startswith("1") and name else None


def list_objects_v2(call: S3Request, bucket: Any) -> Response:
    """Answer ListObjectsV2. The continuation token contains the last name, so it survives a restart."""
    limit = echoed_limit(call)
    if isinstance(limit, Response):
        return limit
    token, start_after = call.query.get("continuation-token"), call.query.get("start-after", "")
    after = start_after if token is None else _name_in(token)
    if after is None:
        return _invalid("The continuation token provided is incorrect", "continuation-token", token or "")
    page, truncated = _page(bucket, call, after, limit)
    written, restores = written_names(call), _restores(call)
    owner = _owner(bucket) if call.query.get("fetch-owner", "").lower() == "true" else ""
    inner = (
        _echo(call, written, limit, truncated)
        + f"<KeyCount>{len(page)}</KeyCount>"
        + element("ContinuationToken", token)
        + (f"<NextContinuationToken>{_token(_last(page))}</NextContinuationToken>" if truncated else "")
        + (f"<StartAfter>{written(start_after)}</StartAfter>" if start_after else "")
        + "".join(_content(entry, written, owner, restores) for entry in page if not isinstance(entry, Group))
        + _groups(page, written)
    )
    return document("ListBucketResult", inner, headers={"x-amz-bucket-region": bucket.region_name})


def _version_rows(store: IndexedKeyStore, key_marker: str, version_id_marker: str) -> Callable[[str], list[Any]]:
    def rows(name: str) -> list[Any]:
        newest_first = store.versions(name)
        marked = [(each, place == 0) for place, each in enumerate(newest_first)]
        if name != key_marker:
            return marked
        seen = next((at for at, each in enumerate(newest_first) if each.version_id == version_id_marker), None)
        # The marker was deleted meanwhile: repeat the key's versions rather than lose some.
        return marked if seen is None else marked[seen + 1 :]

    return rows


def _version(entry: tuple[Any, bool], written: Written, owner: str, restores: Callable[[Any], str]) -> str:
    version, latest = entry
    common = (
        f"<Key>{written(version.name)}</Key><VersionId>{version.version_id}</VersionId>"
        f"<IsLatest>{'true' if latest else 'false'}</IsLatest><LastModified>{_stamp(version)}</LastModified>"
    )
    if isinstance(version, FakeDeleteMarker):
        return f"<DeleteMarker>{common}{owner}</DeleteMarker>"
    return (
        f"<Version>{common}<ETag>&quot;{version.etag[1:-1]}&quot;</ETag><Size>{version.contentsize}</Size>"
        f"<StorageClass>{version.storage_class}</StorageClass>{owner}{restores(version)}</Version>"
    )


def list_object_versions(call: S3Request, bucket: Any) -> Response:
    """Answer ListObjectVersions: every version and delete marker, newest first within a key."""
    limit = echoed_limit(call)
    if isinstance(limit, Response):
        return limit
    key_marker, version_marker = call.query.get("key-marker", ""), call.query.get("version-id-marker", "")
    if version_marker and not key_marker:
        return _invalid(
            "A version-id marker cannot be specified without a key marker.", "version-id-marker", version_marker
        )
    page, truncated = _versions_page(bucket, call, key_marker, version_marker, min(limit, _MOST))
    written, owner, restores = written_names(call), _owner(bucket), _restores(call)
    inner = (
        _echo(call, written, limit, truncated)
        + f"<KeyMarker>{written(key_marker)}</KeyMarker>"
        + f"<VersionIdMarker>{escape(version_marker)}</VersionIdMarker>"
        + (_next_markers(page[-1], written) if truncated else "")
        + "".join(_version(entry, written, owner, restores) for entry in page if not isinstance(entry, Group))
        + _groups(page, written)
    )
    return document("ListVersionsResult", inner, headers={"x-amz-bucket-region": bucket.region_name})


def _versions_page(
    bucket: Any, call: S3Request, key_marker: str, version_marker: str, limit: int
) -> tuple[list[Any], bool]:
    store: IndexedKeyStore = bucket.keys
    parameters = PageRequest(
        prefix=call.query.get("prefix", ""), delimiter=call.query.get("delimiter", ""), after=key_marker
    )
    rows = _version_rows(store, key_marker if version_marker else "", version_marker)
    with store.lock:
        result = entries(store.names, parameters, rows, again=bool(version_marker))
        return take(result, limit)


def _next_markers(last: Any, written: Written) -> str:
    if isinstance(last, Group):
        return f"<NextKeyMarker>{written(last.prefix)}</NextKeyMarker>"
    version, _ = last
    return (
        f"<NextKeyMarker>{written(version.name)}</NextKeyMarker>"
        f"<NextVersionIdMarker>{version.version_id}</NextVersionIdMarker>"
    )
