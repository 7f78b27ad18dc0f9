"""Signatures of the generic client: the wire's SigV4, for many identities, regions and threads at once."""

from __future__ import annotations

import time
from hashlib import sha256

from windlass.core.access import Keys
from windlass.wire.model import EMPTY_SHA256
from windlass.wire.sigv4 import append_signature, canonical_path, signing_key_of

__all__ = ["SIGNATURES", "Signers"]

SIGNATURES = frozenset({"v4", "s3v4"})
"""The signature versions that are signed here; botocore's client signs the others (v4a, bearer, unsigned)."""

_MAX_KEYS = 4096  # identities x services x regions of one day


class Signers:
    """Signs requests and caches each signing key for its day. Thread-safe; a key may be computed twice."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, str, str], bytes] = {}

    def sign(
        self,
        headers: list[tuple[str, str]],
        *,
        version: str,
        service: str,
        region: str,
        method: str,
        path: str,
        query: str,
        body: bytes,
        keys: Keys,
        now: float,
    ) -> None:
        """Append the signature's headers to `headers` (lower-case names, `host` among them); `now` is in epoch seconds."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        day = stamp[:8]
        is_s3 = version == "s3v4"
        append_signature(
            headers,
            method=method,
            path=path if is_s3 else canonical_path(path),
            query="&".join("=".join(pair) for pair in sorted(_pairs(query))) if query else "",
            payload_hash=sha256(body).hexdigest() if body else EMPTY_SHA256,
            keys=keys,
            stamp=stamp,
            scope=f"{day}/{region}/{service}/aws4_request",
            signing_key=self._key(keys.secret_key.reveal(), day, region, service),
            sends_payload_hash=is_s3,
        )

    def _key(self, secret: str, day: str, region: str, service: str) -> bytes:
        name = (secret, day, region, service)
        key = self._keys.get(name)
        if key is None:
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            key = self._keys[name] = signing_key_of(secret, day, region, service)
        return key


def _pairs(query: str) -> list[tuple[str, str]]:
    """Return the encoded (name, value) pairs of a query."""
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&"))]
