"""UploadPart, UploadPartCopy and CompleteMultipartUpload. Creating, listing and aborting uploads are moto's.

moto copies a completed object three times and reads every part again for a checksum that was not requested.
"""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

from moto.s3.models import S3_UPLOAD_PART_MIN_SIZE

from windlass_local.request import Response
from windlass_local.s3.access import copy_source, find_bucket
from windlass_local.s3.address import S3Request
from windlass_local.s3.archive import source_archived
from windlass_local.s3.checksums import compute, given_checksum
from windlass_local.s3.customer_keys import customer_headers, part_refused, source_unreadable
from windlass_local.s3.limits import too_large
from windlass_local.s3.locks import lock, missing_checksum
from windlass_local.s3.object_reads import checksum_headers, encryption_headers, find_version
from windlass_local.s3.object_writes import copy_unmet, metadata_of, no_source, put_unmet, store
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.responses import document, element, empty, refuse
from windlass_local.s3.versions import Notify, default_encryption, encrypt
from windlass_local.xml import parse_xml

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_MOST_PARTS = 10_000


def on_upload(call: S3Request, bucket: Any, notify: Notify) -> Response | None:
    """Answer a call on an upload; None leaves it to moto."""
    if call.method not in ("PUT", "POST"):
        return None
    upload = bucket.multiparts.get(call.query["uploadId"])
    if upload is None or upload.key_name != call.key:
        message = (
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
            "completed."
        )
        return refuse(404, "NoSuchUpload", message, details={"UploadId": call.query["uploadId"]})
    if call.method == "POST":
        return _complete(call, bucket, upload, notify)
    number = call.query.get("partNumber", "")
    if not number.isdigit() or not 1 <= int(number) <= _MOST_PARTS:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        return refuse(400, "InvalidArgument", message, details={"ArgumentName": "partNumber", "ArgumentValue": number})
    copies = "x-amz-copy-source" in call.request.headers
    return (_copy_part if copies else _put_part)(call, bucket, upload, int(number))


def _encryption(bucket: Any, upload: Any) -> dict[str, str]:
    if upload.customer_key_md5:
        return customer_headers(upload.customer_key_md5)
    return {"x-amz-server-side-encryption": upload.sse_encryption or default_encryption(bucket)[0]}


def _put_part(call: S3Request, bucket: Any, upload: Any, number: int) -> Response:
    headers = call.request.headers
    refusal = part_refused(headers, upload) or missing_checksum(headers, upload.lock_headers, bucket, "Part")
    if refusal is not None:
        return refusal
    with bucket.keys.lock:
        part = upload.set_part(number, call.request.body)
    response = {"etag": part.etag, **_encryption(bucket, upload)}
    checksum = given_checksum(headers)
    if checksum:
        part.checksum_algorithm, part.checksum_value = checksum[0].upper(), checksum[1]
        response[f"x-amz-checksum-{checksum[0]}"] = checksum[1]
    return empty(200, response)


def _copy_part(call: S3Request, bucket: Any, upload: Any, number: int) -> Response:
    source_bucket_name, source_name, version_id = copy_source(call)
    source_bucket = find_bucket(source_bucket_name)
    source = find_version(source_bucket, source_name, version_id or None)
    if not isinstance(source, ObjectVersion):
        return no_source(source_name, version_id, source)
    headers = call.request.headers
    unmet = part_refused(headers, upload) or source_unreadable(headers, source)
    unmet = unmet or copy_unmet(call, source) or source_archived(source)
    if unmet is not None:
        return unmet
    start, stop = 0, source.contentsize
    parameters = call.header("x-amz-copy-source-range")
    if parameters:
        match = _RANGE.fullmatch(parameters)
        start, stop = (int(match[1]), int(match[2]) + 1) if match else (1, 0)
        if not start < stop <= source.contentsize:
            message = f"Range specified is not valid for source object of size: {source.contentsize}"
            return refuse(
                400 if match is None else 416, "InvalidArgument" if match is None else "InvalidRange", message
            )
    refusal = too_large(stop - start)
    if refusal is not None:
        return refusal
    with bucket.keys.lock:
        part = upload.set_part(number, source.part(start, stop))
    response = _encryption(bucket, upload)
    if source.version_id != "null":
        response["x-amz-copy-source-version-id"] = source.version_id
    stamp = f"{part.last_modified.isoformat(timespec='milliseconds')}Z"
    return document("CopyPartResult", element("LastModified", stamp) + element("ETag", part.etag), headers=response)


def _requested_parts(body: bytes) -> list[tuple[int, str]] | None:
    """Return (part number, ETag without quotes) as the caller lists them; None when the body is not such a list."""
    try:
        root = parse_xml(body)
        parts = [entry for entry in root.iter() if entry.tag.rpartition("}")[2] == "Part"]
        return [
            (int(part.findtext("{*}PartNumber") or ""), (part.findtext("{*}ETag") or "").strip().strip('"'))
            for part in parts
        ]
    except (ET.ParseError, ValueError):
        return None


def _wrong_parts(upload: Any, listed: list[tuple[int, str]] | None) -> Response | None:
    if not listed:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        return refuse(400, "MalformedXML", message)
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(listed)):
        message = (
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        )
        return refuse(400, "InvalidPartOrder", message)
    if any(number not in upload.parts or upload.parts[number].etag.strip('"') != etag for number, etag in listed):
        message = (
            "One or more of the specified parts could not be found. The part might not have been uploaded, or the "
            "specified entity tag might not have matched the part's entity tag."
        )
        return refuse(400, "InvalidPart", message)
    if any(upload.parts[number].contentsize < S3_UPLOAD_PART_MIN_SIZE for number, _ in listed[:-1]):
        return refuse(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.")
    return None


def _complete(call: S3Request, bucket: Any, upload: Any, notify: Notify) -> Response:
    listed = _requested_parts(call.request.body)
    refusal = _wrong_parts(upload, listed) or put_unmet(call, bucket)
    if refusal is not None or listed is None:
        return refusal or empty(400)
    parts: list[ObjectVersion] = [upload.parts[number] for number, _ in listed]
    digests = b"".join(bytes.fromhex(etag) for _, etag in listed)
    key = ObjectVersion(
        upload.key_name,
        b"".join(part.value for part in parts),
        bucket.account_id,
        bucket.partition,
        bucket_name=bucket.name,
        etag=f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}",
        storage=upload.storage,
        encryption=upload.sse_encryption,
        kms_key_id=upload.kms_key_id,
        acl=upload.acl,
        part_sizes=tuple(part.contentsize for part in parts),
        customer_key_md5=upload.customer_key_md5,
    )
    key.website_redirect_location = upload.metadata.get("x-amz-website-redirect-location")
    key.metadata_headers = metadata_of({name.lower(): argument for name, argument in upload.metadata.items()})
    encrypt(bucket, key)
    lock(key, upload.lock_headers, bucket)
    refusal = _checksum(call, upload, key, parts)
    if refusal is not None:
        return refusal
    tags = [{"Key": name, "Value": argument} for name, argument in (upload.tags or {}).items()]
    unmet = store(call, bucket, key, tags, event="s3:ObjectCreated:CompleteMultipartUpload", notify=notify)
    if unmet is not None:
        return unmet
    bucket.multiparts.pop(upload.id, None)
    headers = encryption_headers(key) | ({"x-amz-version-id": key.version_id} if key.shows_version else {})
    inner = (
        element("Location", f"http://{call.header('host')}{call.request.path}")
        + element("Bucket", bucket.name)
        + element("Key", key.name)
        + element("ETag", key.etag)
    )
    for name, argument in checksum_headers(key).items():
        inner += element("ChecksumType" if name.endswith("-type") else f"Checksum{key.checksum_algorithm}", argument)
    return document("CompleteMultipartUploadResult", inner, headers=headers)


def _checksum(call: S3Request, upload: Any, key: ObjectVersion, parts: list[ObjectVersion]) -> Response | None:
    """Give the object the checksum its upload asked for: of its bytes, or of its parts' checksums (COMPOSITE).

    Returns the refusal when the caller gives another one.
    """
    argument = given_checksum(call.request.headers)
    algorithm = upload.metadata.get("x-amz-checksum-algorithm", "").upper() or (argument[0].upper() if argument else "")
    if not algorithm:
        return None
    default = (
        "FULL_OBJECT" if algorithm == "CRC64NVME" or "x-amz-checksum-algorithm" not in upload.metadata else "COMPOSITE"
    )
    kind = upload.metadata.get("x-amz-checksum-type", default)
    if kind == "COMPOSITE":
        value = compute(algorithm, b"".join(base64.b64decode(part.checksum_value or "") for part in parts))
    else:
        value = compute(algorithm, key.value)
    if argument and argument[0].upper() == algorithm and argument[1] not in (value, f"{value}-{len(parts)}"):
        message = f"The {algorithm} you specified did not match the calculated checksum."
        return refuse(400, "BadDigest", message)
    if value is not None:
        key.checksum_algorithm, key.checksum_value, key.checksum_type = algorithm, value, kind
        key.checksum_parts = len(parts)
    return None
