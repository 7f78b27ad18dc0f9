"""CloudTrail's digest files, which prove whether a log file was changed, deleted or forged after its delivery. Pure.

A digest lists the log files of one hour with the SHA-256 of their decompressed content. It is signed with RSA (PKCS #1 v1.5)
over its end time, its location, its own hash and the signature of the digest before it. Sources: CloudTrail User
Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log file integrity validation".
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.core.errors import NotFound

__all__ = ["FileVerdict", "LogDigest", "is_signed_by", "keys_of", "public_key", "read_digest", "verify"]

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DER prefix of a SHA-256 DigestInfo (RFC 8017, section 9.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDigest:
    """One digest file: its decompressed text, and its parsed content."""

    text: bytes
    content: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the public key for its signature."""
        return str(self.content.get("digestPublicKeyFingerprint", ""))

    def signed_message(self) -> bytes:
        """Return the message that the signature covers."""
        content = self.content
        previous = content.get("previousDigestSignature") or "null"
        location = f"{content['digestS3Bucket']}/{content['digestS3Object']}"
        return f"{content['digestEndTime']}\n{location}\n{hashlib.sha256(self.text).hexdigest()}\n{previous}".encode()


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """The result for one file: `ok`, or its problem."""

    source: str
    problem: str

    @property
    def ok(self) -> bool:
        """True when the file is as CloudTrail delivered it."""
        return not self.problem


def read_digest(body: bytes) -> LogDigest:
    """Parse a digest file. ValueError when it is not one."""
    try:
        text = gzip.decompress(body)
        content = json.loads(text)
    except (OSError, EOFError, ValueError):
        raise ValueError("not a digest file") from None
    if not isinstance(content, dict) or "logFiles" not in content or "digestS3Object" not in content:
        raise ValueError("not a digest file")
    return LogDigest(text=text, content=content)


def public_key(value: bytes) -> tuple[int, int]:
    """Return modulus and exponent of a DER RSAPublicKey (PKCS #1). ValueError when it is not one."""
    content, rest = _der(value, 0x30)
    if rest:
        raise ValueError("not an RSA public key")
    modulus, rest = _der(content, 0x02)
    exponent, rest = _der(rest, 0x02)
    return int.from_bytes(modulus), int.from_bytes(exponent)


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return a DER element's content and the bytes after it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("not an RSA public key")
    length, at = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(data[2 : 2 + count]), 2 + count
    if at + length > len(data):
        raise ValueError("not an RSA public key")
    return data[at : at + length], data[at + length :]


def is_signed_by(message: bytes, signature_hex: str, key: tuple[int, int]) -> bool:
    """True when the key made this signature of the message (RSASSA-PKCS1-v1_5 with SHA-256)."""
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    try:
        signature = bytes.fromhex(signature_hex)
    except ValueError:
        return False
    if len(signature) != size:
        return False
    decrypted = pow(int.from_bytes(signature), exponent, modulus).to_bytes(size)
    info = _SHA256 + hashlib.sha256(message).digest()
    return decrypted == b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def verify(
    body: bytes,
    signature_hex: str,
    keys: Mapping[str, tuple[int, int]],
    fetch: Callable[[str, str], bytes],
    *,
    source: str,
) -> Iterator[FileVerdict]:
    """Yield the verdict on a digest file, then on each of its log files. `fetch` gets (bucket, key); NotFound is a finding."""
    try:
        digest = read_digest(body)
    except ValueError as error:
        yield FileVerdict(source, str(error))
        return
    key = keys.get(digest.fingerprint)
    if key is None:
        yield FileVerdict(
            source, f"signed with the key {digest.fingerprint or '(none)'}, which AWS does not list for that time"
        )
        return
    if not source.endswith(f"{digest.content['digestS3Bucket']}/{digest.content['digestS3Object']}"):
        yield FileVerdict(source, "moved after its delivery")
        return
    if not is_signed_by(digest.signed_message(), signature_hex, key):
        yield FileVerdict(source, "changed after its delivery: its signature does not match")
        return
    yield FileVerdict(source, "")
    for entry in digest.content["logFiles"]:
        yield _log_file(entry, fetch)


def _log_file(entry: Mapping[str, str], fetch: Callable[[str, str], bytes]) -> FileVerdict:
    source = f"s3://{entry['s3Bucket']}/{entry['s3Object']}"
    try:
        raw = gzip.decompress(fetch(entry["s3Bucket"], entry["s3Object"]))
    except NotFound:
        return FileVerdict(source, "deleted after its delivery")
    except (OSError, EOFError):
        return FileVerdict(source, "changed after its delivery: it is not gzip any more")
    same = hashlib.sha256(raw).hexdigest() == entry["hashValue"]
    return FileVerdict(source, "" if same else "changed after its delivery")


def keys_of(listed: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the keys in a ListPublicKeys response, by fingerprint."""
    keys = {}
    for entry in listed.get("PublicKeyList", ()):
        value = entry["Value"]
        keys[entry["Fingerprint"]] = public_key(value if isinstance(value, bytes) else base64.b64decode(value))
    return keys
