"""Secrets never reach the store: named paths become salted hashes, so that a change is still seen.

The same value has the same hash under one store's salt, and tells nothing under another's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.inventory.paths import change_at

__all__ = ["redact"]

_PREFIX = "redacted:"
_HASHED = re.compile(r"redacted:[0-9a-f]{16}")
_URL_PASSWORD = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://[^/\s:@]*:)(?P<password>[^@\s/]+)(?=@)", re.IGNORECASE)


def redact(document: dict[str, Any], paths: Iterable[str], *, salt: bytes) -> dict[str, Any]:
    """`document`, changed in place: values at `paths` hashed, passwords inside URLs anywhere, too."""

    def hashed(value: Any) -> Any:
        if value is None or (isinstance(value, str) and _HASHED.fullmatch(value)):
            return value
        digest = hmac.new(salt, canonical_json(value).encode("utf-8", "surrogatepass"), hashlib.sha256)
        return _PREFIX + digest.hexdigest()[:16]

    for path in paths:
        change_at(document, path, hashed)
    _mask_urls(document, lambda match: match["scheme"] + hashed(match["password"]))
    return document


def _mask_urls(value: Any, replace: Any) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        if isinstance(item, (dict, list)):
            _mask_urls(item, replace)
        elif isinstance(item, str) and "://" in item and "@" in item:
            value[key] = _URL_PASSWORD.sub(replace, item)
