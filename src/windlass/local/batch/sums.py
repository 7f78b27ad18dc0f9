"""S3ComputeObjectChecksum: checksums of objects where they lie, told in the completion report."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from windlass.local.batch.door import Door
from windlass.local.batch.manifest import Row, key_of
from windlass.local.batch.operations import One, outcome_of
from windlass.local.batch.report import Outcome
from windlass.local.request import Response

__all__ = ["ALGORITHMS", "checksum_task"]

_CRC32C, _CRC64NVME = 0x82F63B78, 0x9A6C9329AC4BC9B5
"""The polynomials, reflected."""


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def _crc(polynomial: int, bits: int) -> Callable[[bytes], bytes]:
    def compute(body: bytes) -> bytes:
        table, mask = _table(polynomial), (1 << bits) - 1
        value = mask
        for byte in body:
            value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
        return (value ^ mask).to_bytes(bits // 8, "big")

    return compute


def _hash(name: str) -> Callable[[bytes], bytes]:
    return lambda body: hashlib.new(name, body, usedforsecurity=False).digest()


ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "CRC32C": _crc(_CRC32C, 32),
    "CRC64NVME": _crc(_CRC64NVME, 64),
    "MD5": _hash("md5"),
    "SHA1": _hash("sha1"),
    "SHA256": _hash("sha256"),
    "SHA512": _hash("sha512"),
}
"""Those that Python can compute; S3 has three of XXHASH beside."""


def checksum_task(parameters: Mapping[str, Any], door: Door) -> One:
    """The task of one object; of its whole, whatever parts it was made of."""
    algorithm = parameters.get("ChecksumAlgorithm", "CRC64NVME")
    compute = ALGORITHMS[algorithm]

    def task(row: Row) -> Outcome:
        bucket, written, version = row
        query = {"versionId": version} if version else None
        read: list[Response] = []

        def ask() -> Response:
            read[:] = [door.call("GET", bucket, key_of(written), "GetObject", query=query)]
            return read[0]

        outcome = outcome_of(ask)
        if not outcome.ok:
            return outcome
        digest = compute(read[0].body)
        etag = next((value.strip('"') for name, value in read[0].headers if name.lower() == "etag"), "")
        found = {
            "checksum_base64": base64.b64encode(digest).decode(), "checksum_hex": digest.hex(), "etag": etag,
            "checksumAlgorithm": algorithm, "checksumType": "FULL_OBJECT",
        }  # fmt: skip
        return Outcome(ok=True, http=200, code="", message=json.dumps(found))

    return task
