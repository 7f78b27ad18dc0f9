"""Checksums of uploaded content: a signed header that the service compares before it stores anything.

CRC-32 as AWS's SDKs send it since 2025; Content-MD5 for S3-compatible services, which may not know it. A bucket with
Object Lock requires either. Source: S3 User Guide, "Checking object integrity".
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from hashlib import md5, sha256

from windlass.wire.model import UNSIGNED, Checksum, Request

__all__ = ["CRC32_HEADER", "crc32_text", "has_checksum", "with_checksum"]

CRC32_HEADER = "x-amz-checksum-crc32"
_OF_CONTENT = frozenset(
    {"content-md5", *(f"x-amz-checksum-{name}" for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256"))}
)


def with_checksum(request: Request, *, tls: bool, crc32: bool) -> Request:
    """Return the request with its checksum; over plain HTTP, an unsigned payload is signed, too."""
    if request.checksum is Checksum.DECLARED:
        return _with_header(request, "x-amz-checksum-algorithm", "CRC32") if crc32 else request
    if request.payload_hash == UNSIGNED and not tls:
        request = replace(request, payload_hash=sha256(request.body).hexdigest())
    if request.checksum is Checksum.NONE or has_checksum(request):
        return request
    if crc32:
        return _with_header(request, CRC32_HEADER, crc32_text(zlib.crc32(request.body)))
    return _with_header(
        request, "content-md5", base64.b64encode(md5(request.body, usedforsecurity=False).digest()).decode()
    )


def crc32_text(value: int) -> str:
    """Return a CRC-32 as S3 writes it: four bytes, big-endian, in base64."""
    return base64.b64encode(value.to_bytes(4)).decode()


def has_checksum(request: Request) -> bool:
    """Return whether the request has a checksum of its body already."""
    return any(name in _OF_CONTENT for name, _ in request.headers)


def _with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers=(*request.headers, (name, value)))
