"""What a put's body is: taken out of its chunks (aws-chunked), and checked against the checksums that came with it.

Source: AWS docs, "Signature calculations for the Authorization header: transferring payload in multiple chunks".
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping

_COMPUTED: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
}
ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")


def given_checksum(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return (algorithm in lower case, base64 value) of the checksum header of a request, or None."""
    for name in ALGORITHMS:
        if f"x-amz-checksum-{name}" in headers:
            return name, headers[f"x-amz-checksum-{name}"]
    return None


def compute(algorithm: str, body: bytes) -> str | None:
    """Return the base64 checksum; None for the two that Python's library doesn't have (CRC32C, CRC64NVME)."""
    computed = _COMPUTED.get(algorithm.lower())
    return None if computed is None else base64.b64encode(computed(body)).decode()


def mismatch(headers: Mapping[str, str], body: bytes) -> str | None:
    """Return S3's message when the body isn't what its headers say; None when it is, or can't be checked."""
    md5 = headers.get("content-md5")
    if md5 and md5 != base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode():
        return "The Content-MD5 you specified did not match what we received."
    given = given_checksum(headers)
    computed = compute(given[0], body) if given else None
    if given and computed is not None and computed != given[1]:
        return f"The {given[0].upper()} you specified did not match the calculated checksum."
    return None


def sent_body(headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], bytes]:
    """Return the headers with the trailing ones among them, and the body without its chunks' frames.

    Raises ValueError when the chunks are broken. Their signatures aren't checked: nothing here checks signatures.
    """
    if not headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return headers, body
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            break
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    lines = body[end + 2 :].decode("latin-1").replace("\r\n", "\n").split("\n")
    named = (line.partition(":") for line in lines if line.startswith("x-amz-checksum-"))
    return {**headers, **{name: given.strip() for name, _, given in named}}, b"".join(parts)
