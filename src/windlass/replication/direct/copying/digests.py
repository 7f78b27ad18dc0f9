"""The digest that an object's head claims, and its check against the content that was read. Pure.

An ETag is the content's MD5 when the object was put in one piece, and the MD5 of its parts' MD5s after a multipart
upload (S3 user guide: "Checking object integrity"). With KMS keys, and at some services always, it is neither and looks
the same. So a claim that does not match proves nothing by itself: content that has the same digest in two reads was
read correctly.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import md5, sha1, sha256
from typing import NamedTuple, Protocol

from windlass.wire.s3 import Head

__all__ = ["Claim", "ContentDigest", "Differs", "Trust", "claim_of", "etag_claim", "of_parts", "part_count_of"]

_MD5 = re.compile(r"[0-9a-f]{32}")
_IN_PARTS = re.compile(r"[0-9a-f]{32}-[0-9]{1,5}")
_KNOWN = ("sha256", "sha1", "crc32")
_ENOUGH = 8
_MOST_PARTS = 10_000


class Claim(NamedTuple):
    """An algorithm (md5, sha256, sha1, crc32, or `parts` for an ETag of parts) and the digest in hex."""

    algorithm: str
    digest: str

    def among(self, claims: Sequence[Claim]) -> Claim:
        """Return this claim. Differs when `claims` has claims and this is not one of them."""
        if claims and self not in claims:
            raise Differs(self)
        return self


class Differs(Exception):
    """The content does not match any claim. `found` is its digest by the same algorithm."""

    def __init__(self, found: Claim) -> None:
        super().__init__(found.algorithm)
        self.found = found


class _Sum(Protocol):
    def update(self, data: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._sum = 0

    def update(self, data: bytes, /) -> None:
        self._sum = zlib.crc32(data, self._sum)

    def hexdigest(self) -> str:
        return f"{self._sum:08x}"


_MAKERS: dict[str, Callable[[], _Sum]] = {
    "sha256": sha256,
    "sha1": lambda: sha1(usedforsecurity=False),
    "crc32": _Crc32,
}


class ContentDigest:
    """The digests of a stream: MD5, for the destination's ETag, and the claimed algorithm."""

    def __init__(self, claims: Sequence[Claim] = ()) -> None:
        self._md5 = md5(usedforsecurity=False)
        self._claims = claims
        self._other: _Sum | None = None
        if claims and claims[0].algorithm in _MAKERS:
            self._other = _MAKERS[claims[0].algorithm]()

    def update(self, data: bytes) -> None:
        """Add a piece of the content."""
        self._md5.update(data)
        if self._other is not None:
            self._other.update(data)

    @property
    def md5(self) -> str:
        """Return the MD5 so far, in hex."""
        return self._md5.hexdigest()

    def check(self) -> Claim:
        """Return the claim that the content fulfils. Differs when it fulfils none."""
        algorithm = self._claims[0].algorithm if self._claims else "md5"
        if algorithm == "parts":  # an upload of one part
            return of_parts([self.md5]).among(self._claims)
        digest = self.md5 if self._other is None else self._other.hexdigest()
        return Claim(algorithm, digest).among(self._claims)


@dataclass(slots=True)
class Trust:
    """Whether a source's ETags are digests. After some that are not, and none that is, no ETag is believed."""

    proven: int = 0
    opaque: int = 0

    def learn(self, claim: Claim | None, actual: Claim) -> None:
        """Record whether an ETag matched the content, when the content was read correctly."""
        if claim is not None and claim.algorithm in ("md5", "parts"):
            self.proven += actual == claim
            self.opaque += actual != claim

    @property
    def given(self) -> bool:
        """True when an ETag with the form of a digest is used as one."""
        return self.proven > 0 or self.opaque < _ENOUGH


def claim_of(head: Head, trust: Trust) -> Claim | None:
    """Return what the head claims about the full content, if it can be checked: S3's checksums, or the ETag. None
    otherwise.
    """
    headers = head.headers
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
        for name in _KNOWN:
            text = headers.get(f"x-amz-checksum-{name}", "")
            if text and "-" not in text:
                try:
                    return Claim(name, base64.b64decode(text, validate=True).hex())
                except binascii.Error:
                    continue
    return etag_claim(head, trust)


def etag_claim(head: Head, trust: Trust) -> Claim | None:
    """Return what the ETag claims about the content or its parts; None when it cannot be checked."""
    encrypted = "kms" in head.headers.get("x-amz-server-side-encryption", "")
    if encrypted or any("-customer-" in header for header in head.headers) or not trust.given:
        return None
    if _MD5.fullmatch(head.etag):
        return Claim("md5", head.etag)
    return Claim("parts", head.etag) if _IN_PARTS.fullmatch(head.etag) else None


def part_count_of(etag: str) -> int:
    """Return the number of parts that an ETag shows; 0 for an object that was put in one piece."""
    match = _IN_PARTS.fullmatch(etag)
    count = int(etag.rpartition("-")[2]) if match else 0
    return count if count <= _MOST_PARTS else 0


def of_parts(digests: Sequence[str]) -> Claim:
    """Return the claim of the ETag of a multipart object, from its parts' MD5s in hex."""
    joined = b"".join(bytes.fromhex(digest) for digest in digests)
    return Claim("parts", f"{md5(joined, usedforsecurity=False).hexdigest()}-{len(digests)}")
