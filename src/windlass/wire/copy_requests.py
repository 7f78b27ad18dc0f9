"""CopyObject requests of one pair of buckets, written and signed in a few microseconds.

Everything but the key, the ETag and the storage class is the same for every object of a pair: the canonical request and
the head are templates, rebuilt once a second (SigV4's time) and when the keys change. tests/wire/test_copies.py holds the bytes
against what the Client itself sends.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from hashlib import sha256

from windlass.core.access import Keys
from windlass.wire import s3
from windlass.wire.model import EMPTY_SHA256, Call
from windlass.wire.routes import Route
from windlass.wire.sigv4 import encode_path

__all__ = ["CopyRequests"]

_PLAIN = re.compile(r"[A-Za-z0-9/_.~-]*")
_SLOT = "\0"
_Pieces = tuple[bytes, ...]
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))  # RFC 2104


class CopyRequests:
    """Requests that copy from one bucket to another under the same keys. `headers` go with each (encryption, ACL …)."""

    def __init__(
        self,
        bucket: str,
        *,
        source_bucket: str,
        owner: str = "",
        source_owner: str = "",
        headers: Mapping[str, str] | None = None,
        user_agent: str = "windlass",
    ) -> None:
        self.bucket = bucket
        self._source = source_bucket
        self._owner, self._source_owner = owner, source_owner
        self._headers = dict(headers or {})
        self._agent = user_agent
        self._made_for: tuple[int, Keys, Route] | None = None
        self._templates: dict[str, tuple[_Pieces, _Pieces]] = {}
        self._scope = self._stamp = ""
        # HMAC states with the day's key and the constant part of the signed text; each request copies both and adds the rest.
        self._inner = self._outer = sha256()

    def call(self, key: str, etag: str, storage_class: str) -> Call[s3.Copied]:
        """Return the same copy as a call for the Client."""
        return s3.copy(
            self.bucket,
            key,
            source_bucket=self._source,
            source_key=key,
            if_match=etag,
            headers=self._more(storage_class),
            owner=self._owner,
            source_owner=self._source_owner,
        )

    def at(self, route: Route, keys: Keys, now: float) -> None:
        """Set the route, the keys and the time (epoch seconds) of the next heads."""
        second = int(now)
        made_for = self._made_for
        if made_for is not None and made_for[0] == second and made_for[1] is keys and made_for[2] is route:
            return
        self._made_for = (second, keys, route)
        self._templates.clear()
        self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        self._scope, signing = route.signer.scope_and_key(self._stamp[:8], keys)
        self._inner = sha256(signing.ljust(64, b"\0").translate(_INNER))
        self._inner.update(f"AWS4-HMAC-SHA256\n{self._stamp}\n{self._scope}\n".encode())
        self._outer = sha256(signing.ljust(64, b"\0").translate(_OUTER))

    def head(self, key: str, etag: str, storage_class: str) -> bytes:
        """Return the complete signed request. Call `at` first. UsageError for a key that UTF-8 can't write."""
        template = self._templates.get(storage_class)
        if template is None:
            template = self._templates[storage_class] = self._template(storage_class)
        path = (key if _PLAIN.fullmatch(key) else encode_path(key)).encode()
        tag = etag.encode("utf-8", "surrogateescape")
        (first, copied, matched, rest), (begin, source, wanted, signed, end) = template
        canonical = b"".join((first, path, copied, path, matched, tag, rest))
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(sha256(canonical).hexdigest().encode())
        outer.update(inner.digest())
        return b"".join((begin, path, source, path, wanted, tag, signed, outer.hexdigest().encode(), end))

    def _more(self, storage_class: str) -> dict[str, str]:
        explicit = storage_class not in ("", "STANDARD")  # the default of a copy
        return self._headers | ({"x-amz-storage-class": storage_class} if explicit else {})

    def _template(self, storage_class: str) -> tuple[_Pieces, _Pieces]:
        """The canonical request, cut where path, copied path and ETag go, and the head, where the signature does, too."""
        assert self._made_for is not None, "a head is asked for before `at`"
        _, keys, route = self._made_for
        request = self.call(_SLOT, _SLOT, storage_class).request
        slot = encode_path(_SLOT)
        path = route.prefix + "/" + slot
        headers = [("host", route.pool.endpoint.authority), *request.headers, ("x-amz-date", self._stamp)]
        if keys.token is not None:
            headers.append(("x-amz-security-token", keys.token.reveal()))
        headers.append(("x-amz-content-sha256", EMPTY_SHA256))
        ordered = sorted(headers)
        signed = ";".join(name for name, _ in ordered)
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in ordered)
        canonical = f"PUT\n{path}\n\n{lines}\n{signed}\n{EMPTY_SHA256}"
        shown = "".join(f"{name}: {value}\r\n" for name, value in headers)
        credential = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{self._scope}, SignedHeaders={signed}, Signature="
        complete = (
            f"PUT {path} HTTP/1.1\r\n{shown}authorization: {credential}{_SLOT}{_SLOT}\r\nuser-agent: {self._agent}\r\n"
            "content-length: 0\r\n\r\n"
        )
        return _cut(canonical, slot), _cut(complete, slot)


def _cut(text: str, slot: str) -> _Pieces:
    """What is between the two paths, the ETag, and the signature (two slots in a row, so that no header equals it)."""
    text = text.replace(slot, "\1").replace(_SLOT + _SLOT, "\1").replace(_SLOT, "\1")
    return tuple(text.encode("utf-8", "surrogateescape").split(b"\1"))
