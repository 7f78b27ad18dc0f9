"""What protects a large body on its way: a sum that the service checks, and that is signed."""

from __future__ import annotations

import base64
from dataclasses import replace
from hashlib import md5, sha256

from windlass.wire.model import UNSIGNED, Request

__all__ = ["summed"]


def summed(request: Request, *, tls: bool) -> Request:
    """A request whose payload may go unsigned as it is sent: over TLS with its MD5, over plain HTTP signed after all.

    MD5, because a bucket with Object Lock takes no upload without it or a checksum that the upload was begun with.
    """
    if not tls:
        return replace(request, payload_hash=sha256(request.body).hexdigest())
    if any(name == "content-md5" for name, _ in request.headers):
        return request
    sum_ = base64.b64encode(md5(request.body, usedforsecurity=False).digest()).decode()
    return replace(request, headers=(*request.headers, ("content-md5", sum_)), payload_hash=UNSIGNED)
