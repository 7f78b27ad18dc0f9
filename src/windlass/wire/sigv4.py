"""AWS Signature Version 4 in headers, byte for byte as botocore signs, with the day's key computed once.

Source: "Create a signed AWS API request" (IAM user guide). S3 signs the path as it is sent; every other service
normalises it and encodes it once more. tests/wire/test_sign.py holds this against botocore's own signer.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import quote

from windlass.core.access import Keys
from windlass.core.errors import UsageError
from windlass.wire.model import EMPTY_SHA256

__all__ = [
    "Signer",
    "append_signature",
    "canonical_path",
    "encode",
    "encode_path",
    "encode_query",
    "signing_key_of",
]

# botocore's list (auth.SIGNED_HEADERS_BLACKLIST): what proxies may change on the way.
_UNSIGNED_HEADERS = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)


_SPECIAL = re.compile(r"[^A-Za-z0-9/_.~-]")


def encode(text: str) -> str:
    """Encode a query's name or value for S3 and SigV4: everything but unreserved characters as %XX."""
    return _quoted(text, "-_.~")


def encode_path(key: str) -> str:
    """Encode an object key as a path: slashes stay; surrogate escapes (bytes that are not UTF-8) become those bytes."""
    special = {*_SPECIAL.findall(key)}
    if (
        special and max(special) < "\x80"
    ):  # few different characters, as in year=2026/month=11: three times as fast as urllib
        for character in sorted(special, key="%".__ne__):
            key = key.replace(character, f"%{ord(character):02X}")
        return key
    return _quoted(key, "/-_.~") if special else key


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Encode a query string in the order in which it is signed."""
    return "&".join(f"{name}={value}" for name, value in sorted((encode(name), encode(value)) for name, value in pairs))


class Signer:
    """Signs for one service in one region. Not for several threads at once."""

    __slots__ = ("_cached_for", "_day", "_double", "_scope", "_second", "_signing_key", "_stamp", "region", "service")

    def __init__(self, service: str, region: str) -> None:
        self.service = service
        self.region = region
        self._double = service != "s3"
        self._second = -1
        self._stamp = self._day = self._scope = ""
        self._cached_for: tuple[str, str, str] | None = None
        self._signing_key = b""

    def sign(
        self,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        payload_hash: str,
        keys: Keys,
        now: float,
    ) -> None:
        """Append the signature's headers to `headers` (lower-case names, `host` among them); `now` is in epoch seconds."""
        second = int(now)
        if second != self._second:
            self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._second, self._day = second, self._stamp[:8]
            self._scope = f"{self._day}/{self.region}/{self.service}/aws4_request"
        append_signature(
            headers,
            method=method,
            path=path if not self._double else canonical_path(path),
            query=query,
            payload_hash=payload_hash,
            keys=keys,
            stamp=self._stamp,
            scope=self._scope,
            signing_key=self._key(keys),
            sends_payload_hash=not self._double,
        )

    def scope_and_key(self, day: str, keys: Keys) -> tuple[str, bytes]:
        """Return the credential scope and the signing key of a day (YYYYMMDD)."""
        self._day = day
        return f"{day}/{self.region}/{self.service}/aws4_request", self._key(keys)

    def _key(self, keys: Keys) -> bytes:
        cached_for = (self._day, keys.access_key)
        secret = keys.secret_key.reveal()
        # The secret is part of the cache's key: renewed credentials may keep their id.
        if self._cached_for != (*cached_for, secret):
            key = signing_key_of(secret, self._day, self.region, self.service)
            self._cached_for, self._signing_key = (*cached_for, secret), key
        return self._signing_key


def append_signature(
    headers: list[tuple[str, str]],
    *,
    method: str,
    path: str,
    query: str,
    payload_hash: str,
    keys: Keys,
    stamp: str,
    scope: str,
    signing_key: bytes,
    sends_payload_hash: bool,
) -> None:
    """Append date, token, payload hash (S3) and signature to `headers`: lower-case names, `host` among them.

    `path` is canonical, `query` sorted, `stamp` like 20130524T000000Z, `scope` the credential scope of `signing_key`.
    """
    headers.append(("x-amz-date", stamp))
    if keys.token is not None:
        headers.append(("x-amz-security-token", keys.token.reveal()))
    if sends_payload_hash:
        headers.append(("x-amz-content-sha256", payload_hash))
    signed, lines = _canonical_headers(headers)
    request = f"{method}\n{path}\n{query}\n{lines}\n\n{signed}\n{payload_hash or EMPTY_SHA256}"
    digest = sha256(request.encode("utf-8", "surrogateescape")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(signing_key, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}"
    headers.append(("authorization", f"{credential}, SignedHeaders={signed}, Signature={signature}"))


def signing_key_of(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the signing key of a day (YYYYMMDD)."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_path(path: str) -> str:
    """Return the path as every service but S3 signs it: normalised, and encoded once more."""
    return quote(_without_dots(path), safe="/~") if path != "/" else path


def _quoted(text: str, safe: str) -> str:
    try:
        return quote(text, safe=safe, errors="surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"{text!r} can't be written in UTF-8", hint="It contains half of a surrogate pair.") from None


def _without_dots(path: str) -> str:
    """Resolve `.`, `..` and empty segments of a path (RFC 3986, 5.2.4, and double slashes)."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if path.endswith("/") and kept else "")


def _canonical_headers(headers: list[tuple[str, str]]) -> tuple[str, str]:
    values: dict[str, str] = {}
    for name, value in headers:
        if name in _UNSIGNED_HEADERS:
            continue
        clean = " ".join(value.split()) if " " in value or "\t" in value else value
        values[name] = f"{values[name]},{clean}" if name in values else clean
    names = sorted(values)
    return ";".join(names), "\n".join([f"{name}:{values[name]}" for name in names])
