"""A request's body: decoded from its chunks (aws-chunked) and verified against every checksum of the request. Pure.

Sources: AWS docs, "Signature calculations for the Authorization header: transferring payload in multiple chunks" and
"Checking object integrity in Amazon S3"; CRC-64/NVME: NVM Express 64b CRC.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["ALGORITHMS", "COMPUTED", "ChecksumMismatch", "compute", "given_checksum", "sent_body", "wrong_checksum"]

_CRC32C, _CRC64NVME = 0x82F63B78, 0x9A6C9329AC4BC9B5
"""The polynomials, reflected."""


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    """Return the remainders of all pairs of bytes: half as many steps as by bytes. 65,536 numbers, computed at the first use."""
    table = []
    for value in range(1 << 16):
        remainder = value
        for _ in range(16):
            remainder = (remainder >> 1) ^ polynomial if remainder & 1 else remainder >> 1
        table.append(remainder)
    return tuple(table)


def _crc(polynomial: int, bits: int) -> Callable[[bytes], bytes]:
    def compute_crc(body: bytes) -> bytes:
        table, mask = _table(polynomial), (1 << bits) - 1
        value = mask
        for low, high in zip(body[::2], body[1::2], strict=False):
            value = (value >> 16) ^ table[(value ^ (low | high << 8)) & 0xFFFF]
        if len(body) % 2:
            value ^= body[-1]
            for _ in range(8):
                value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        return (value ^ mask).to_bytes(bits // 8, "big")

    return compute_crc


def _hash(name: str) -> Callable[[bytes], bytes]:
    return lambda body: hashlib.new(name, body, usedforsecurity=False).digest()


COMPUTED: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "crc32c": _crc(_CRC32C, 32),
    "crc64nvme": _crc(_CRC64NVME, 64),
    "sha1": _hash("sha1"),
    "sha256": _hash("sha256"),
}
"""The checksum's bytes, by algorithm in lower case. S3 also has three of XXHASH, MD5 and SHA512."""
ALGORITHMS = tuple(COMPUTED)
_PREFIX = "x-amz-checksum-"


@dataclass(frozen=True, slots=True)
class ChecksumMismatch:
    """S3's error code and message for a checksum; all of them are 400."""

    code: str
    message: str


def given_checksum(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return (algorithm in lower case, base64 value) of the checksum header of a request, or None."""
    for name in ALGORITHMS:
        if f"{_PREFIX}{name}" in headers:
            return name, headers[f"{_PREFIX}{name}"]
    return None


def compute(algorithm: str, body: bytes) -> str | None:
    """Return the base64 checksum; None for an algorithm that is not known here."""
    computed = COMPUTED.get(algorithm.lower())
    return None if computed is None else base64.b64encode(computed(body)).decode()


def wrong_checksum(headers: Mapping[str, str], body: bytes) -> ChecksumMismatch | None:
    """Return the mismatch of the body with its headers and trailers; None when they match.

    Checked are Content-MD5, each `x-amz-checksum-*`, a trailer that was promised, and a signed SHA-256 of the body.
    """
    return _wrong_md5(headers, body) or _wrong_sum(headers, body) or _wrong_payload_hash(headers, body)


def _wrong_md5(headers: Mapping[str, str], body: bytes) -> ChecksumMismatch | None:
    if "content-md5" not in headers:
        return None
    if len(_decoded(headers["content-md5"])) != 16:
        return ChecksumMismatch("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if _decoded(headers["content-md5"]) != hashlib.md5(body, usedforsecurity=False).digest():
        return ChecksumMismatch("BadDigest", "The Content-MD5 you specified did not match what we received.")
    return None


def _wrong_sum(headers: Mapping[str, str], body: bytes) -> ChecksumMismatch | None:
    argument = {name: headers[f"{_PREFIX}{name}"] for name in ALGORITHMS if f"{_PREFIX}{name}" in headers}
    promised = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    if any(name not in headers for name in promised):
        message = (
            "The request contained trailing data that was not well-formed or did not conform to our published schema."
        )
        return ChecksumMismatch("MalformedTrailerError", message)
    if len(argument) > 1:
        return ChecksumMismatch(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    for name, value in argument.items():
        digest = COMPUTED[name](body)
        if len(_decoded(value)) != len(digest):
            return ChecksumMismatch("InvalidRequest", f"Value for {_PREFIX}{name} header is invalid.")
        if _decoded(value) != digest:
            return ChecksumMismatch(
                "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum."
            )
    return None


def _wrong_payload_hash(headers: Mapping[str, str], body: bytes) -> ChecksumMismatch | None:
    sent = headers.get("x-amz-content-sha256", "")
    if len(sent) != 64 or sent == hashlib.sha256(body).hexdigest():
        return None
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."
    return ChecksumMismatch("XAmzContentSHA256Mismatch", message)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def sent_body(headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], bytes]:
    """Return the headers with the trailing ones among them, and the body without its chunks' frames.

    Raises ValueError when the chunks are broken, or do not have their declared length. Their signatures aren't checked.
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
        if body[at - 2 : at] != b"\r\n":
            raise ValueError("a chunk does not end at its declared size")
    lines = body[end + 2 :].decode("latin-1").replace("\r\n", "\n").split("\n")
    named = (line.partition(":") for line in lines if line.startswith(_PREFIX))
    plain = b"".join(parts)
    if int(headers.get("x-amz-decoded-content-length", len(plain))) != len(plain):
        raise ValueError("the chunks are not as long as x-amz-decoded-content-length")
    return {**headers, **{name: value.strip() for name, _, value in named}}, plain
