"""S3ComputeObjectChecksum tasks: checksums of objects, written into the completion report."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from windlass_local.batch.manifest import Row, key_of
from windlass_local.batch.operations import One, outcome_of
from windlass_local.batch.report import TaskResult
from windlass_local.batch.s3_client import RoleS3Client
from windlass_local.request import Response
from windlass_local.s3.checksums import COMPUTED

__all__ = ["ALGORITHMS", "checksum_task"]


def _hash(name: str) -> Callable[[bytes], bytes]:
    return lambda body: hashlib.new(name, body, usedforsecurity=False).digest()


ALGORITHMS: Mapping[str, Callable[[bytes], bytes]] = {
    **{name.upper(): computed for name, computed in COMPUTED.items()},
    "MD5": _hash("md5"),
    "SHA512": _hash("sha512"),
}
"""Those that Python can compute; S3 has three of XXHASH beside."""


def checksum_task(parameters: Mapping[str, Any], client: RoleS3Client) -> One:
    """Return the task that computes one object's checksum over its full content, regardless of its parts."""
    algorithm = parameters.get("ChecksumAlgorithm", "CRC64NVME")
    compute = ALGORITHMS[algorithm]

    def task(row: Row) -> TaskResult:
        bucket, written, version = row
        query = {"versionId": version} if version else None
        read: list[Response] = []

        def ask() -> Response:
            read[:] = [client.call("GET", bucket, key_of(written), "GetObject", query=query)]
            return read[0]

        outcome = outcome_of(ask)
        if not outcome.ok:
            return outcome
        digest = compute(read[0].body)
        etag = next((value.strip('"') for name, value in read[0].headers if name.lower() == "etag"), "")
        result = {
            "checksum_base64": base64.b64encode(digest).decode(),
            "checksum_hex": digest.hex(),
            "etag": etag,
            "checksumAlgorithm": algorithm,
            "checksumType": "FULL_OBJECT",
        }
        return TaskResult(ok=True, http=200, code="", message=json.dumps(result))

    return task
