"""ListMultipartUploads: pages, prefix and delimiter, and when each upload started (moto returns 2010)."""

from __future__ import annotations

from typing import Any

from windlass_local.request import Response
from windlass_local.s3.address import S3Request
from windlass_local.s3.caller import canonical_id
from windlass_local.s3.listing import echoed_limit, written_names
from windlass_local.s3.paging import Group, PageRequest, entries, take
from windlass_local.s3.responses import document, element, escape
from windlass_local.s3.sorted_names import SortedNames


def list_uploads(call: S3Request, bucket: Any) -> Response:
    """Answer ListMultipartUploads: by key, then by the time of initiation."""
    limit = echoed_limit(call, "max-uploads")
    if isinstance(limit, Response):
        return limit
    key_marker, id_marker = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
    parameters = PageRequest(
        prefix=call.query.get("prefix", ""), delimiter=call.query.get("delimiter", ""), after=key_marker
    )
    with bucket.keys.lock:
        by_key: dict[str, list[Any]] = {}
        for upload in bucket.multiparts.values():
            by_key.setdefault(upload.key_name, []).append(upload)
    names = SortedNames()
    for name in by_key:
        names.add(name)

    def rows(name: str) -> list[Any]:
        result = by_key[name]
        if name != key_marker:
            return result
        seen = next((at for at, upload in enumerate(result) if upload.id == id_marker), len(result) - 1)
        return result[seen + 1 :]

    page, truncated = take(entries(names, parameters, rows, again=bool(id_marker)), min(limit, 1000))
    return document("ListMultipartUploadsResult", _described(call, bucket, page, limit, truncated))


def _described(call: S3Request, bucket: Any, page: list[Any], limit: int, truncated: bool) -> str:
    written = written_names(call)
    inner = (
        element("Bucket", bucket.name)
        + f"<KeyMarker>{written(call.query.get('key-marker', ''))}</KeyMarker>"
        + element("UploadIdMarker", call.query.get("upload-id-marker", ""))
        + f"<Prefix>{written(call.query.get('prefix', ''))}</Prefix>"
        + (f"<Delimiter>{written(call.query['delimiter'])}</Delimiter>" if call.query.get("delimiter") else "")
        + element("EncodingType", call.query.get("encoding-type"))
        + element("MaxUploads", limit)
        + element("IsTruncated", str(truncated).lower())
    )
    if truncated:
        last = page[-1]
        inner += f"<NextKeyMarker>{written(last.prefix if isinstance(last, Group) else last.key_name)}</NextKeyMarker>"
        inner += element("NextUploadIdMarker", "" if isinstance(last, Group) else last.id)
    owner = canonical_id(bucket.account_id)
    for entry in page:
        if isinstance(entry, Group):
            inner += f"<CommonPrefixes><Prefix>{written(entry.prefix)}</Prefix></CommonPrefixes>"
            continue
        inner += (
            f"<Upload><Key>{written(entry.key_name)}</Key><UploadId>{escape(entry.id)}</UploadId>"
            f"<Initiator><ID>{owner}</ID></Initiator><Owner><ID>{owner}</ID></Owner>"
            f"<StorageClass>{entry.storage or 'STANDARD'}</StorageClass>"
            f"<Initiated>{entry.initiated.isoformat(timespec='milliseconds')}Z</Initiated>"
            + element("ChecksumAlgorithm", entry.metadata.get("x-amz-checksum-algorithm"))
            + element("ChecksumType", entry.metadata.get("x-amz-checksum-type"))
            + "</Upload>"
        )
    return inner
