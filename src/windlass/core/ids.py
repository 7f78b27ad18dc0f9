"""Identifiers that sort by their creation time (the layout of UUIDv7, RFC 9562), in Crockford base 32."""

from __future__ import annotations

import secrets
from datetime import datetime

from windlass.core.clock import now

__all__ = ["new_id"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str, at: datetime | None = None) -> str:
    """Return an id like `run_01k9…`: the prefix, ten characters of milliseconds, ten random ones (50 bits)."""
    value = int((at or now()).timestamp() * 1000) << 50 | secrets.randbits(50)
    digits = []
    for _ in range(20):
        digits.append(_ALPHABET[value & 31])
        value >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"
