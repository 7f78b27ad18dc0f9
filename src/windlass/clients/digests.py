"""CloudTrail's digest files: that no log file was changed, removed or forged since AWS delivered it. Pure but for `verify`.

A digest lists an hour's log files with the SHA-256 of what they inflate to, and is signed with RSA (PKCS #1 v1.5) over its
end, its place, its own hash and the signature of the digest before it. Source: CloudTrail User Guide, "CloudTrail digest file
structure" and "Custom implementations of CloudTrail log file integrity validation".
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

__all__ = ["Digest", "FileVerdict", "keys_of", "public_key", "read_digest", "signed_by", "verify"]

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DER prefix of a SHA-256 DigestInfo (RFC 8017, section 9.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One digest file: what it says, and what it inflates to."""

    text: bytes
    facts: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Of the public key that its signature is checked with."""
        return str(self.facts.get("digestPublicKeyFingerprint", ""))

    def to_sign(self) -> bytes:
        """What the signature is over."""
        facts = self.facts
        previous = facts.get("previousDigestSignature") or "null"
        place = f"{facts['digestS3Bucket']}/{facts['digestS3Object']}"
        return f"{facts['digestEndTime']}\n{place}\n{hashlib.sha256(self.text).hexdigest()}\n{previous}".encode()


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What became of one file: `ok`, or what is wrong with it."""

    source: str
    problem: str

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def read_digest(body: bytes) -> Digest:
    """A digest file's content. ValueError when it is none."""
    try:
        text = gzip.decompress(body)
        facts = json.loads(text)
    except (OSError, EOFError, ValueError):
        raise ValueError("not a digest file") from None
    if not isinstance(facts, dict) or "logFiles" not in facts or "digestS3Object" not in facts:
        raise ValueError("not a digest file")
    return Digest(text=text, facts=facts)


def public_key(value: bytes) -> tuple[int, int]:
    """Modulus and exponent of a DER RSAPublicKey (PKCS #1). ValueError when it is none."""
    content, rest = _der(value, 0x30)
    if rest:
        raise ValueError("not an RSA public key")
    modulus, rest = _der(content, 0x02)
    exponent, rest = _der(rest, 0x02)
    return int.from_bytes(modulus), int.from_bytes(exponent)


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """A DER element's content and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("not an RSA public key")
    length, at = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(data[2 : 2 + count]), 2 + count
    if at + length > len(data):
        raise ValueError("not an RSA public key")
    return data[at : at + length], data[at + length :]


def signed_by(message: bytes, signature_hex: str, key: tuple[int, int]) -> bool:
    """Whether the signature of this message is the key's (RSASSA-PKCS1-v1_5 with SHA-256)."""
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    try:
        signature = bytes.fromhex(signature_hex)
    except ValueError:
        return False
    if len(signature) != size:
        return False
    opened = pow(int.from_bytes(signature), exponent, modulus).to_bytes(size)
    info = _SHA256 + hashlib.sha256(message).digest()
    return opened == b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def verify(
    body: bytes,
    signature_hex: str,
    keys: Mapping[str, tuple[int, int]],
    fetch: Callable[[str, str], bytes],
    *,
    source: str,
) -> Iterator[FileVerdict]:
    """The verdict on a digest file, then on each log file that it names. `fetch` gets (bucket, key); NotFound is a finding."""
    try:
        digest = read_digest(body)
    except ValueError as error:
        yield FileVerdict(source, str(error))
        return
    key = keys.get(digest.fingerprint)
    if key is None:
        yield FileVerdict(
            source, f"signed with key {digest.fingerprint or '(none)'}, which AWS does not list for that time"
        )
        return
    if not source.endswith(f"{digest.facts['digestS3Bucket']}/{digest.facts['digestS3Object']}"):
        yield FileVerdict(source, "moved: it was delivered elsewhere")
        return
    if not signed_by(digest.to_sign(), signature_hex, key):
        yield FileVerdict(source, "its signature does not fit: it was changed")
        return
    yield FileVerdict(source, "")
    for one in digest.facts["logFiles"]:
        yield _log_file(one, fetch)


def _log_file(one: Mapping[str, str], fetch: Callable[[str, str], bytes]) -> FileVerdict:
    source = f"s3://{one['s3Bucket']}/{one['s3Object']}"
    try:
        raw = gzip.decompress(fetch(one["s3Bucket"], one["s3Object"]))
    except NotFound:
        return FileVerdict(source, "removed since it was delivered")
    except (OSError, EOFError):
        return FileVerdict(source, "changed since it was delivered: no gzip any more")
    same = hashlib.sha256(raw).hexdigest() == one["hashValue"]
    return FileVerdict(source, "" if same else "changed since it was delivered")


def keys_of(listed: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The keys in a ListPublicKeys answer, by fingerprint."""
    found = {}
    for one in listed.get("PublicKeyList", ()):
        value = one["Value"]
        found[one["Fingerprint"]] = public_key(value if isinstance(value, bytes) else base64.b64decode(value))
    return found
